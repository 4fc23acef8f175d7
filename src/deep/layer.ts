import { UsageError } from "../errors/index.ts";
import type { PathFn } from "../kernels/index.ts";
import { affine, fix, isLearnable, type Kernel, type LearnableFn } from "../kernels/index.ts";
import { add, type Fn, identity, type Matrix, matrix } from "../linalg/index.ts";
import { isNetwork, type Network } from "../networks/index.ts";
import { type GaussianProcess, zeroMean } from "../processes/index.ts";
import { type Key, split } from "../random/index.ts";
import { learnable } from "../tangent/index.ts";

/**
 * What a layer's functions are expected to be before data. "identity" hands columns on (0 beyond the last of them);
 * "linear" is a linear map that is fitted with the rest, from the projection onto the data's principal components on.
 */
export type LayerMean = "zero" | "identity" | "linear";

export interface GpLayerOptions {
  /** Functions side by side, independent and of one kernel. 1 unless given. */
  readonly width?: number;
  /** "zero" unless given. */
  readonly mean?: LayerMean | LearnableFn;
  /** Whether the layer sees the deep process's input beside the values of the layer before. false unless given. */
  readonly skip?: boolean;
  /** Columns of its points, skip aside; those of the layer before unless given (of the first: the kernel's, or 1). */
  readonly inputs?: number;
}

/** A layer as it is written down: what it still lacks, the layers around it tell. */
export interface GpLayerPlan extends Required<Pick<GpLayerOptions, "width" | "mean" | "skip">> {
  readonly kind: "gp";
  readonly kernel: Kernel;
  readonly inputs: number | undefined;
}

/** A layer of independent Gaussian processes with one kernel. Throws UsageError for a width that is no count. */
export function gpLayer(kernel: Kernel, options: GpLayerOptions = {}): GpLayerPlan {
  const { width = 1, mean = "zero", skip = false, inputs } = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new UsageError(`a layer's width is a whole number of at least 1, got ${width}`);
  }
  if (kernel.outputs !== 1) {
    throw new UsageError(
      `a layer's kernel has one output and its functions share it, got ${kernel.outputs} outputs: give the layer a width`,
    );
  }
  return { kind: "gp", kernel, width, mean, skip, inputs };
}

/** What `compose` takes: processes, planned layers, networks and functions that can be fitted. */
export type LayerPart = GpLayerPlan | GaussianProcess | Network | LearnableFn;

/** A layer of Gaussian processes in its place. */
export interface GpLayer {
  readonly kind: "gp";
  readonly kernel: Kernel;
  readonly mean: LearnableFn;
  /** How the mean was asked for; "given" for a function. */
  readonly meanName: LayerMean | "given";
  /** Columns of its points, those of the skip connection included (they come last). */
  readonly inputs: number;
  readonly width: number;
  readonly skip: boolean;
}

/** A layer that is one function, its parameters fitted with the rest. */
export interface FnLayer {
  readonly kind: "fn";
  readonly fn: LearnableFn;
  readonly inputs: number;
  readonly width: number;
}

export type DeepLayer = GpLayer | FnLayer;

/** The layers of these parts, one upon the other. Throws UsageError where one cannot take what another gives. */
export function layersOf(parts: readonly LayerPart[]): readonly DeepLayer[] {
  if (parts.length === 0) throw new UsageError("compose: at least one layer is needed");
  const first = inputsOf(parts[0]!) ?? 1;
  let width = first;
  return parts.map((part, index) => {
    const layer = place(part, index, width, first);
    width = layer.width;
    return layer;
  });
}

function inputsOf(part: LayerPart): number | undefined {
  if (!("kind" in part)) return part.inputs;
  if (part.inputs !== undefined) return part.inputs;
  return part.kernel.inputs ?? (typeof part.mean === "string" ? undefined : part.mean.inputs);
}

function place(part: LayerPart, index: number, before: number, first: number): DeepLayer {
  if ("kind" in part) return placeGp(part, index, before, first);
  if ("kernel" in part) {
    const { kernel, mean } = part;
    const flat = Object.keys(mean.parameters).length === 0 && isZero(mean);
    return placeGp(gpLayer(kernel, flat ? {} : { mean }), index, before, first);
  }
  const fn = isNetwork(part) ? learnable(part) : part;
  if (!isLearnable(fn)) {
    throw new UsageError(
      `layer ${index + 1} is a function that cannot be differentiated: give a network or affine`,
    );
  }
  expectInputs(index, fn.inputs, before);
  return { kind: "fn", fn: fn.with(fn.parameters), inputs: fn.inputs, width: fn.outputs };
}

function placeGp(plan: GpLayerPlan, index: number, before: number, first: number): GpLayer {
  const inputs = before + (plan.skip ? first : 0);
  const { kernel, width, skip } = plan;
  if (plan.inputs !== undefined) expectInputs(index, plan.inputs, before);
  if (kernel.inputs !== undefined) expectInputs(index, kernel.inputs, inputs);
  const given = typeof plan.mean !== "string";
  const mean = given ? (plan.mean as LearnableFn) : namedMean(plan.mean as LayerMean, inputs, before, width);
  expectInputs(index, mean.inputs, inputs);
  if (mean.outputs !== width) {
    throw new UsageError(`layer ${index + 1} is ${width} wide, its mean has ${mean.outputs} outputs`);
  }
  if (given && Object.keys(mean.parameters).length === 0 && index > 0 && !isZero(mean)) {
    throw new UsageError(
      `the mean of layer ${index + 1} is only a function, without slopes for the layers before: give learnable(net) or affine`,
    );
  }
  // Copies: one kernel given to two layers is fitted for each.
  return {
    kind: "gp",
    kernel: kernel.with(kernel.parameters),
    mean: mean.with(mean.parameters),
    meanName: given ? "given" : (plan.mean as LayerMean),
    inputs,
    width,
    skip,
  };
}

function expectInputs(index: number, wanted: number, got: number): void {
  if (wanted !== got) {
    throw new UsageError(`layer ${index + 1} takes ${wanted} column(s), the layer before gives ${got}`);
  }
}

function isZero(mean: Fn): boolean {
  const probes = matrix(3, mean.inputs);
  for (let k = 0; k < probes.data.length; k++) probes.data[k] = Math.sin(12.9898 * (k + 1));
  return mean.at(probes).data.every((v) => v === 0);
}

function namedMean(name: LayerMean, inputs: number, before: number, width: number): LearnableFn {
  if (name === "zero") return zeroMean(inputs, width);
  const weight = matrix(width, inputs);
  for (let c = 0; c < Math.min(before, width); c++) weight.data[c * inputs + c] = 1;
  return name === "linear" ? fittedMap(weight) : linearMap(weight);
}

/** x ↦ x Wᵀ + b for W (outputs × inputs) and b, from 0 on, to be fitted. */
export function fittedMap(weight: Matrix): LearnableFn {
  return affine(weight, new Float64Array(weight.rows));
}

/** x ↦ x Wᵀ for W (outputs × inputs), not to be fitted. */
export function linearMap(weight: Matrix, centre?: Float64Array): LearnableFn {
  return fix(affine(weight, new Float64Array(weight.rows), centre), "*");
}

/** The functions that hand their points on. */
export function identityMap(columns: number): LearnableFn {
  return linearMap(identity(columns));
}

/** One draw of a layer's functions, side by side: as many independent prior paths as it is wide, and the mean. */
export function priorPath({ kernel, mean, inputs, width }: GpLayer, key: Key): PathFn {
  const paths = Array.from({ length: width }, (_, d) => kernel.path(split(key, d), inputs));
  const all = sideBySidePaths(paths, inputs);
  return plusMean(mean, all);
}

/** Functions of one output each as one function of several. */
export function sideBySidePaths(paths: readonly PathFn[], inputs: number): PathFn {
  const width = paths.length;
  return {
    inputs,
    outputs: width,
    at(x) {
      const out = matrix(x.rows, width);
      paths.forEach((path, d) => {
        const values = path.at(x).data;
        for (let i = 0; i < x.rows; i++) out.data[i * width + d] = values[i]!;
      });
      return out;
    },
    ...(paths.every((path) => path.pullbackInputs) && {
      pullbackInputs: (x: Matrix, bar: Matrix) =>
        paths
          .map((path, d) => {
            const own = matrix(x.rows, 1);
            for (let i = 0; i < x.rows; i++) own.data[i] = bar.data[i * width + d]!;
            return path.pullbackInputs!(x, own);
          })
          .reduce((a, b) => add(a, b)),
    }),
  };
}

/** A path and a mean, added. */
export function plusMean(mean: LearnableFn, path: PathFn): PathFn {
  return {
    inputs: path.inputs,
    outputs: path.outputs,
    at: (x) => add(mean.at(x), path.at(x)),
    ...(path.pullbackInputs && {
      pullbackInputs: (x: Matrix, bar: Matrix) => add(mean.pullback(x, bar).x, path.pullbackInputs!(x, bar)),
    }),
  };
}
