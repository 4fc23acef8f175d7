import { conditionTangent, type MeanChoice, type Space } from "../adapt/index.ts";
import { FormatError, FunspaceError } from "../errors/index.ts";
import { positive } from "../kernels/index.ts";
import { type Matrix, type Tensor, toMatrix } from "../linalg/index.ts";
import {
  definitionOf,
  type Epoch,
  type NetworkDefinition,
  namedTensors,
  networkFrom,
} from "../networks/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../networks/safetensors.ts";
import { type Scales, tangentKernel } from "../tangent/index.ts";
import type { Model } from "./model.ts";
import type { Standardiser } from "./standardise.ts";

/** What the file's metadata says under "funspace", as JSON. Tensors hold the numbers. */
interface Header {
  readonly version: 1;
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

/** The model as one self-contained safetensors file: weights by name ("0.weight"), all else in the metadata. */
export function encodeModel(model: Model): Uint8Array {
  const { network, inputs, target, history, keptEpoch, adapted } = model;
  const tensors = namedTensors(network);
  if (adapted) {
    tensors.set("adaptation.x", asTensor(adapted.x));
    tensors.set("adaptation.y", asTensor(adapted.y));
  }
  const header: Header = {
    version: 1,
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
  return encodeSafetensors(tensors, { funspace: JSON.stringify(header) });
}

/** The model in a file's bytes; `source` is what to call it in errors. Throws FormatError for any other file. */
export function decodeModel(bytes: Uint8Array, source: string): Model {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  if (metadata.funspace === undefined) {
    throw new FormatError(
      `${source} is a safetensors file but not a funspace model: its metadata has no "funspace" entry; make one with \`funspace train\``,
    );
  }
  try {
    return modelFrom(parseHeader(metadata.funspace), tensors);
  } catch (cause) {
    if (!(cause instanceof FunspaceError || cause instanceof TypeError)) throw cause;
    throw new FormatError(`${source} is not a whole funspace model: ${cause.message}`, {}, { cause });
  }
}

function parseHeader(text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new FormatError("its metadata are not JSON; the file was altered", {}, { cause });
  }
  if (typeof header !== "object" || header === null || !("version" in header)) {
    throw new FormatError("its metadata lack a version; the file was altered");
  }
  if (header.version !== 1) {
    throw new FormatError(`its version is ${header.version}, this funspace reads version 1; update funspace`);
  }
  return header as Header;
}

function modelFrom(header: Header, tensors: ReadonlyMap<string, Tensor>): Model {
  const { inputs, target, history, keptEpoch, adaptation } = header;
  const network = networkFrom(header.network, tensors);
  expectStandardiser(inputs, network.inputs, "inputs");
  expectStandardiser(target, network.outputs, "target");
  const model: Model = { network, inputs, target, history, keptEpoch };
  if (!adaptation) return model;

  const x = asMatrix(tensors, "adaptation.x");
  const y = asMatrix(tensors, "adaptation.y");
  const plain = tangentKernel(network, adaptation.scales);
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

function asTensor(a: Matrix): Tensor {
  return { shape: [a.rows, a.cols], data: a.data };
}

function asMatrix(tensors: ReadonlyMap<string, Tensor>, name: string): Matrix {
  const tensor = tensors.get(name);
  if (tensor?.shape.length !== 2 || !tensor.data.every(Number.isFinite)) {
    throw new FormatError(`tensor "${name}" is missing or holds NaN; the file was altered`);
  }
  return toMatrix(tensor);
}
