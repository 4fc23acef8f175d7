import { deepPosterior, type FittedLayer, type SparseLayer } from "../deep/index.ts";
import { FormatError, UsageError } from "../errors/index.ts";
import { affine, fix, type KernelJson, kernelFromJson, kernelToJson } from "../kernels/index.ts";
import { type Matrix, matrix, type Tensor } from "../linalg/index.ts";
import { likelihoods, zeroMean } from "../processes/index.ts";
import { sealed } from "./checksum.ts";
import type { DeepTableModel } from "./deep-table-model.ts";
import type { Standardiser } from "./standardise.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/**
 * What the metadata of a deep process's file says. Of layer l the tensors are "l.inducing" (m × inputs), "l.values"
 * (m × width), "l.roots" (width·m × m) and, for a mean that is not zero, "l.mean.weight" and "l.mean.bias".
 */
export interface DeepHeader {
  readonly version: 1;
  readonly kind: "deep";
  readonly inputs: Standardiser;
  readonly target: Standardiser;
  readonly layers: readonly LayerHeader[];
  readonly noiseVariance: number;
  /** Of noise that varies: the last layer's second function is its log variance, times this. */
  readonly noiseStrength?: number;
}

interface LayerHeader {
  readonly kernel: KernelJson;
  readonly mean: SparseLayer["meanName"];
  readonly skip: boolean;
}

/** The file of a fitted deep process: all it needs to predict; the data it was fitted to are no part of it. */
export function encodeDeepModel({ inputs, target, process }: DeepTableModel): Uint8Array {
  const { layers, likelihood } = process.model;
  const { strength } = likelihood.parameters;
  const tensors = new Map<string, Tensor>();
  const headers = layers.map((layer, l): LayerHeader => {
    if (layer.kind === "fn") throw new UsageError("a deep process with a network in it has no file yet");
    tensors.set(`${l}.inducing`, asTensor(layer.inducing));
    tensors.set(`${l}.values`, asTensor(layer.values));
    tensors.set(`${l}.roots`, asTensor(layer.roots));
    if (layer.meanName !== "zero") {
      const { weight, bias } = plane(layer);
      tensors.set(`${l}.mean.weight`, asTensor(weight));
      tensors.set(`${l}.mean.bias`, { shape: [bias.length], data: bias });
    }
    return { kernel: kernelToJson(layer.kernel), mean: layer.meanName, skip: layer.skip };
  });
  const header: DeepHeader = {
    version: 1,
    kind: "deep",
    inputs,
    target,
    layers: headers,
    noiseVariance: likelihood.parameters.noiseVariance!.value[0]!,
    ...(strength && { noiseStrength: strength.value[0]! }),
  };
  return sealed(tensors, JSON.stringify(header));
}

/** A mean that is affine, as x Wᵀ + b: read off at the origin and at the unit points. */
function plane({ mean, inputs, width }: SparseLayer): {
  readonly weight: Matrix;
  readonly bias: Float64Array;
} {
  const bias = mean.at(matrix(1, inputs)).data;
  const units = matrix(inputs, inputs);
  for (let c = 0; c < inputs; c++) units.data[c * (inputs + 1)] = 1;
  const values = mean.at(units).data;
  const weight = matrix(width, inputs);
  for (let c = 0; c < inputs; c++) {
    for (let p = 0; p < width; p++) weight.data[p * inputs + c] = values[c * width + p]! - bias[p]!;
  }
  return { weight, bias };
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function deepModelFrom(header: DeepHeader, tensors: ReadonlyMap<string, Tensor>): DeepTableModel {
  const { inputs, target, noiseVariance, noiseStrength } = header;
  let width = inputs.names.length;
  const layers = header.layers.map(({ kernel, mean, skip }, l): FittedLayer => {
    const [inducing, values, roots] = ["inducing", "values", "roots"].map((name) =>
      asMatrix(tensors, `${l}.${name}`),
    ) as [Matrix, Matrix, Matrix];
    const m = inducing.rows;
    const columns = width + (skip ? inputs.names.length : 0);
    width = values.cols;
    if (inducing.cols !== columns || values.rows !== m || roots.rows !== m * width || roots.cols !== m) {
      throw new FormatError(`the tensors of layer ${l} do not fit each other; the file was altered`);
    }
    return {
      kind: "gp",
      kernel: kernelFromJson(kernel),
      mean: mean === "zero" ? zeroMean(columns, width) : planeFrom(tensors, l, width, columns),
      meanName: mean,
      inputs: columns,
      width,
      skip,
      inducing,
      pinned: false,
      values,
      roots,
    };
  });
  if (width !== (noiseStrength === undefined ? 1 : 2) || layers.length === 0) {
    throw new FormatError("its layers do not end in one output; the file was altered");
  }
  const likelihood =
    noiseStrength === undefined
      ? likelihoods.gaussian(noiseVariance)
      : likelihoods.varyingNoise(noiseVariance, noiseStrength);
  return { kind: "deep", inputs, target, process: deepPosterior({ layers, likelihood }) };
}

function planeFrom(tensors: ReadonlyMap<string, Tensor>, l: number, width: number, columns: number) {
  const weight = asMatrix(tensors, `${l}.mean.weight`);
  const bias = tensors.get(`${l}.mean.bias`)?.data;
  if (weight.rows !== width || weight.cols !== columns || bias?.length !== width) {
    throw new FormatError(`the mean of layer ${l} does not fit it; the file was altered`);
  }
  return fix(affine(weight, Float64Array.from(bias)), "*");
}
