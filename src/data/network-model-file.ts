import { conditionTangent } from "../adapt/index.ts";
import { FormatError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import {
  definitionOf,
  type Epoch,
  type NetworkDefinition,
  namedTensors,
  networkFrom,
} from "../networks/index.ts";
import { type AdaptationHeader, adaptationHeader, kernelOf } from "./adaptation-header.ts";
import { sealed } from "./checksum.ts";
import { fineTunedIn, setFineTuned } from "./fine-tuned-tensors.ts";
import type { Adapted, RegressionModel } from "./model.ts";
import type { ArrayInputs } from "./model-inputs.ts";
import type { Standardiser } from "./standardise.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** What the file's metadata says under "funspace", as JSON. Tensors hold the numbers. */
interface NumbersHeader {
  readonly version: 1;
  readonly network: NetworkDefinition;
  readonly target: Standardiser;
  readonly history: readonly Epoch[];
  readonly keptEpoch: number;
  /** Where each example has a noise of its own, it is the tensor "adaptation.noise". */
  readonly adaptation?: AdaptationHeader & { readonly noiseVariance: number };
}

export type NetworkHeader = NumbersHeader & { readonly kind: "network"; readonly inputs: Standardiser };
export type ArrayHeader = NumbersHeader & { readonly kind: "array"; readonly inputs: ArrayInputs };

/** The file of a trained (and perhaps adapted) network: weights by name ("0.weight"), all else in the metadata. */
export function encodeNetworkModel(model: RegressionModel): Uint8Array {
  const { kind, network, inputs, target, history, keptEpoch, adapted } = model;
  const tensors = namedTensors(network);
  if (adapted) {
    tensors.set("adaptation.x", asTensor(adapted.x));
    tensors.set("adaptation.y", asTensor(adapted.y));
    if (adapted.noise) tensors.set("adaptation.noise", { shape: [adapted.x.rows], data: adapted.noise });
    if (adapted.adaptation.fineTuned) setFineTuned(tensors, adapted.adaptation.fineTuned);
  }
  const header = {
    version: 1,
    kind,
    network: definitionOf(network),
    inputs,
    target,
    history,
    keptEpoch,
    ...(adapted && {
      adaptation: {
        ...adaptationHeader(adapted.adaptation),
        noiseVariance: adapted.adaptation.noiseVariance,
      },
    }),
  };
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function networkModelFrom(
  header: NetworkHeader | ArrayHeader,
  tensors: ReadonlyMap<string, Tensor>,
): RegressionModel {
  const { target, history, keptEpoch } = header;
  const network = networkFrom(header.network, tensors);
  expectStandardiser(target, network.outputs, "target");
  const rest = { network, target, history, keptEpoch, ...adaptedFrom(header, network, tensors) };
  if (header.kind === "network") {
    expectStandardiser(header.inputs, network.inputs, "inputs");
    return { kind: "network", inputs: header.inputs, ...rest };
  }
  expectArrayInputs(header.inputs, network.inputs);
  return { kind: "array", inputs: header.inputs, ...rest };
}

function adaptedFrom(
  { adaptation, network: definition }: NumbersHeader,
  network: RegressionModel["network"],
  tensors: ReadonlyMap<string, Tensor>,
): { readonly adapted?: Adapted } {
  if (!adaptation) return {};
  const [x, y] = [asMatrix(tensors, "adaptation.x"), asMatrix(tensors, "adaptation.y")];
  const noise = tensors.get("adaptation.noise")?.data;
  const kernel = kernelOf(network, adaptation);
  const data = { x, y, noiseVariance: noise ?? adaptation.noiseVariance };
  return {
    adapted: {
      adaptation: conditionTangent(kernel, data, {
        ...adaptation,
        ...(adaptation.mean === "fine-tuned" && { fineTuned: fineTunedIn(tensors, definition) }),
      }),
      x,
      y,
      ...(noise && { noise: Float64Array.from(noise) }),
    },
  };
}

export function expectStandardiser({ names, mean, scale }: Standardiser, size: number, what: string): void {
  const right = [names.length, mean.length, scale.length].every((n) => n === size) && areUnits(mean, scale);
  if (!right)
    throw new FormatError(`its ${what} do not fit the network (${size} expected); the file was altered`);
}

export function expectArrayInputs({ shape, bytes, mean, scale }: ArrayInputs, size: number): void {
  const right =
    shape.reduce((product, n) => product * n, 1) === size &&
    (bytes === "unit" || bytes === "raw") &&
    mean.length === scale.length &&
    (mean.length === 1 || mean.length === shape[0]) &&
    areUnits(mean, scale);
  if (!right)
    throw new FormatError(`its inputs do not fit the network (${size} expected); the file was altered`);
}

function areUnits(mean: readonly number[], scale: readonly number[]): boolean {
  return mean.every(Number.isFinite) && scale.every((s) => Number.isFinite(s) && s > 0);
}
