import { conditionTangent, type MeanChoice, type Space } from "../adapt/index.ts";
import { FormatError } from "../errors/index.ts";
import { positive } from "../kernels/index.ts";
import { type Matrix, type Tensor, toMatrix } from "../linalg/index.ts";
import {
  definitionOf,
  type Epoch,
  type NetworkDefinition,
  namedTensors,
  networkFrom,
} from "../networks/index.ts";
import { type Scales, tangentKernel } from "../tangent/index.ts";
import { sealed } from "./checksum.ts";
import type { Model } from "./model.ts";
import type { Standardiser } from "./standardise.ts";

/** What the file's metadata says under "funspace", as JSON. Tensors hold the numbers. */
export interface NetworkHeader {
  readonly version: 1;
  readonly kind: "network";
  readonly network: NetworkDefinition;
  readonly inputs: Standardiser;
  readonly target: Standardiser;
  readonly history: readonly Epoch[];
  readonly keptEpoch: number;
  readonly adaptation?: {
    readonly mean: MeanChoice;
    readonly scales: Scales;
    readonly values: readonly number[];
    readonly noiseVariance: number;
    readonly space: Space;
  };
}

/** The file of a trained (and perhaps adapted) network: weights by name ("0.weight"), all else in the metadata. */
export function encodeNetworkModel(model: Model): Uint8Array {
  const { network, inputs, target, history, keptEpoch, adapted } = model;
  const tensors = namedTensors(network);
  if (adapted) {
    tensors.set("adaptation.x", asTensor(adapted.x));
    tensors.set("adaptation.y", asTensor(adapted.y));
  }
  const header: NetworkHeader = {
    version: 1,
    kind: "network",
    network: definitionOf(network),
    inputs,
    target,
    history,
    keptEpoch,
    ...(adapted && {
      adaptation: {
        mean: adapted.adaptation.mean,
        scales: adapted.adaptation.kernel.scales,
        values: Object.values(adapted.adaptation.kernel.parameters).map(({ value }) => value[0]!),
        noiseVariance: adapted.adaptation.noiseVariance,
        space: adapted.adaptation.space,
      },
    }),
  };
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function networkModelFrom(header: NetworkHeader, tensors: ReadonlyMap<string, Tensor>): Model {
  const { inputs, target, history, keptEpoch, adaptation } = header;
  const network = networkFrom(header.network, tensors);
  expectStandardiser(inputs, network.inputs, "inputs");
  expectStandardiser(target, network.outputs, "target");
  const model: Model = { kind: "network", network, inputs, target, history, keptEpoch };
  if (!adaptation) return model;

  const x = asMatrix(tensors, "adaptation.x");
  const y = asMatrix(tensors, "adaptation.y");
  const plain = tangentKernel(network, { scales: adaptation.scales });
  const names = Object.keys(plain.parameters);
  const kernel = plain.with(
    Object.fromEntries(names.map((name, l) => [name, positive(name, adaptation.values[l] ?? Number.NaN)])),
  );
  const data = { x, y, noiseVariance: adaptation.noiseVariance };
  return { ...model, adapted: { adaptation: conditionTangent(kernel, data, adaptation), x, y } };
}

function expectStandardiser({ names, mean, scale }: Standardiser, size: number, what: string): void {
  const right =
    [names.length, mean.length, scale.length].every((n) => n === size) &&
    mean.every(Number.isFinite) &&
    scale.every((s) => Number.isFinite(s) && s > 0);
  if (!right)
    throw new FormatError(`its ${what} do not fit the network (${size} expected); the file was altered`);
}

export function asTensor(a: Matrix): Tensor {
  return { shape: [a.rows, a.cols], data: a.data };
}

export function asMatrix(tensors: ReadonlyMap<string, Tensor>, name: string): Matrix {
  const tensor = tensors.get(name);
  if (tensor?.shape.length !== 2 || !tensor.data.every(Number.isFinite)) {
    throw new FormatError(`tensor "${name}" is missing or holds NaN; the file was altered`);
  }
  return toMatrix(tensor);
}
