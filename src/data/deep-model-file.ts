import { deepPosterior, type FittedLayer, type SparseLayer } from "../deep/index.ts";
import { FormatError, UsageError } from "../errors/index.ts";
import { type KernelJson, kernelFromJson, kernelToJson } from "../kernels/index.ts";
import type { Fn, Matrix, Tensor } from "../linalg/index.ts";
import { likelihoods, zeroMean } from "../processes/index.ts";
import { sealed } from "./checksum.ts";
import type { DeepTableModel } from "./deep-table-model.ts";
import { type LearnableHeader, learnableIn, setLearnable } from "./learnable-file.ts";
import type { Standardiser } from "./standardise.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/**
 * What the metadata of a deep process's file says. Of layer l the tensors are "l.inducing" (m × inputs), "l.values"
 * (m × width), "l.roots" (width·m × m) and, for a mean that is not zero, "l.mean.weight" and "l.mean.bias", or those of
 * a network ("l.mean.0.weight", …); of a layer that is one function "l.fn.weight" and so on.
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

type LayerHeader = GpLayerHeader | { readonly fn: LearnableHeader };

interface GpLayerHeader {
  readonly kernel: KernelJson;
  readonly mean: SparseLayer["meanName"];
  /** Where the mean is a network. */
  readonly meanFn?: LearnableHeader;
  readonly skip: boolean;
}

/**
 * The file of a fitted deep process: all it needs to predict; the data it was fitted to are no part of it. Throws UsageError
 * for another likelihood than noise, and for functions other than networks and affine ones.
 */
export function encodeDeepModel({ inputs, target, process }: DeepTableModel): Uint8Array {
  const { layers, likelihood } = process.model;
  const { strength, noiseVariance } = likelihood.parameters;
  if (!noiseVariance) {
    throw new UsageError(
      `files hold deep processes of numbers with noise; the likelihood of this one is ${likelihood.name}`,
    );
  }
  const tensors = new Map<string, Tensor>();
  const headers = layers.map((layer, l): LayerHeader => {
    const what = `layer ${l + 1}`;
    if (layer.kind === "fn") return { fn: setLearnable(tensors, `${l}.fn.`, layer.fn, what) };
    tensors.set(`${l}.inducing`, asTensor(layer.inducing));
    tensors.set(`${l}.values`, asTensor(layer.values));
    tensors.set(`${l}.roots`, asTensor(layer.roots));
    const { kernel, mean, meanName, skip } = layer;
    const meanFn =
      meanName === "zero" ? undefined : setLearnable(tensors, `${l}.mean.`, mean, `the mean of ${what}`);
    return {
      kernel: kernelToJson(kernel),
      mean: meanName,
      ...(meanFn?.kind === "network" && { meanFn }),
      skip,
    };
  });
  const header: DeepHeader = {
    version: 1,
    kind: "deep",
    inputs,
    target,
    layers: headers,
    noiseVariance: noiseVariance.value[0]!,
    ...(strength && { noiseStrength: strength.value[0]! }),
  };
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function deepModelFrom(header: DeepHeader, tensors: ReadonlyMap<string, Tensor>): DeepTableModel {
  const { inputs, target, noiseVariance, noiseStrength } = header;
  let width = inputs.names.length;
  const layers = header.layers.map((layer, l): FittedLayer => {
    if ("fn" in layer) {
      const fn = learnableIn(tensors, `${l}.fn.`, layer.fn, `layer ${l + 1}`);
      expectSizes(fn, width, fn.outputs, l);
      width = fn.outputs;
      return { kind: "fn", fn, inputs: fn.inputs, width };
    }
    const { kernel, mean, meanFn = { kind: "affine" } as const, skip } = layer;
    const [inducing, values, roots] = ["inducing", "values", "roots"].map((name) =>
      asMatrix(tensors, `${l}.${name}`),
    ) as [Matrix, Matrix, Matrix];
    const m = inducing.rows;
    const columns = width + (skip ? inputs.names.length : 0);
    width = values.cols;
    if (inducing.cols !== columns || values.rows !== m || roots.rows !== m * width || roots.cols !== m) {
      throw new FormatError(`the tensors of layer ${l + 1} do not fit each other; the file was altered`);
    }
    const own =
      mean === "zero"
        ? zeroMean(columns, width)
        : learnableIn(tensors, `${l}.mean.`, meanFn, `the mean of layer ${l + 1}`);
    expectSizes(own, columns, width, l);
    return {
      kind: "gp",
      kernel: kernelFromJson(kernel),
      mean: own,
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

function expectSizes(fn: Fn, inputs: number, outputs: number, l: number): void {
  if (fn.inputs !== inputs || fn.outputs !== outputs) {
    throw new FormatError(`a function in layer ${l + 1} does not fit it; the file was altered`);
  }
}
