import { UsageError } from "../errors/index.ts";
import type { Kernel } from "../kernels/index.ts";
import type { Matrix } from "../linalg/index.ts";
import type { Task } from "../tasks/index.ts";
import type { ExactPosterior } from "./exact.ts";
import type { FitData } from "./fit/data.ts";
import { type Fit, type FitOptions, fit } from "./fit/fit.ts";
import { type FitIterativelyOptions, fitIteratively, type IterativeFit } from "./iterative/fit-iterative.ts";
import {
  conditionIteratively,
  type IterativePosterior,
  type IterativePosteriorOptions,
} from "./iterative/posterior.ts";
import type { GaussianProcess } from "./prior.ts";
import type { Observations } from "./process.ts";
import { type FitSparseOptions, fitSparse, type SparseFit } from "./sparse/fit-sparse.ts";
import { type FitVariationalOptions, fitVariational, type VariationalFit } from "./sparse/fit-variational.ts";
import { conditionSparsely, type SparseOptions, type SparsePosterior } from "./sparse/sparse-posterior.ts";
import {
  conditionByStateSpace,
  fitStateSpace,
  hasStateSpace,
  type StateSpaceFit,
  type StateSpacePosterior,
} from "./state-space/index.ts";

/** Ways to a posterior, from small data to large. */
export type MethodName = "exact" | "state-space" | "iterative" | "sparse" | "variational";

export const methodNames: readonly MethodName[] = [
  "exact",
  "state-space",
  "iterative",
  "sparse",
  "variational",
];

/** A method and, in a sentence, why. */
export interface MethodChoice {
  readonly method: MethodName;
  readonly why: string;
}

// `npm run bench -- gp-methods`, the table in ARCHITECTURE.md, one shared core: at 4,000 values an exact fit (about 100 values
// with gradients) takes five minutes and an iterative one (10 steps) two, at 8,000 48 minutes and nine. At 10,000 an
// iterative fit is at a quarter of an hour, a sparse one (100 steps) at less than one minute, and at 100,000 at seven.
const mostExact = 4_000;
// Where the filter, which is exact too, is done in a tenth of the time.
const mostExactSeries = 1_000;
const mostIterative = 10_000;
const mostSparse = 100_000;

/** What a method is chosen by, beside the kernel. */
export interface DataSize {
  readonly rows: number;
  /** Columns of the points: the kernel's own unless given. */
  readonly inputs?: number;
  /** Where it is known. */
  readonly noiseVariance?: number;
}

/** The method for so many rows. */
export function chooseMethod(
  kernel: Kernel,
  { rows, inputs = kernel.inputs, noiseVariance }: DataSize,
): MethodChoice {
  const values = rows * kernel.outputs;
  if (inputs === 1 && values > mostExactSeries && hasStateSpace(kernel)) {
    return {
      method: "state-space",
      why: `${values} values of one input, and the kernel has a state space: exact in linear time`,
    };
  }
  if (values <= mostExact) {
    return { method: "exact", why: `${values} values are few enough to factor their matrix (${mostExact})` };
  }
  if (values <= mostIterative) {
    return {
      method: "iterative",
      why: `${values} values are too many to factor their matrix (${mostExact}), few enough to solve by its products`,
    };
  }
  if (kernel.outputs > 1) {
    return { method: "iterative", why: `sparse methods take one output, this kernel has ${kernel.outputs}` };
  }
  if (noiseVariance === 0) {
    return { method: "iterative", why: "sparse methods need noise, and none is expected" };
  }
  return values <= mostSparse
    ? { method: "sparse", why: `${values} values are seen through inducing points, all at once` }
    : { method: "variational", why: `${values} values are seen through inducing points, in batches` };
}

/** The posterior that a method made, and why that one. */
export type MethodPosterior = { readonly why: string } & (
  | { readonly method: "exact"; readonly process: ExactPosterior }
  | { readonly method: "state-space"; readonly process: StateSpacePosterior }
  | { readonly method: "iterative"; readonly process: IterativePosterior }
  | { readonly method: "sparse"; readonly process: SparsePosterior }
);

export interface MethodOptions extends IterativePosteriorOptions, SparseOptions {
  /** Chosen by the data's size unless given. "variational" is for fits. */
  readonly method?: Exclude<MethodName, "variational">;
}

/** The posterior of data by the method that suits their size, or the one that is named. */
export function* conditionBy(
  prior: GaussianProcess,
  data: Observations,
  options: MethodOptions = {},
): Task<MethodPosterior> {
  const { method, why } =
    named(options.method) ?? chooseMethod(prior.kernel, sizeOf(data.x, data.noiseVariance));
  if (method === "exact") return { method, why, process: prior.condition(data) };
  if (method === "state-space") return { method, why, process: conditionByStateSpace(prior, data) };
  if (method === "iterative") {
    return { method, why, process: yield* conditionIteratively(prior, data, options) };
  }
  return { method: "sparse", why, process: conditionSparsely(prior, data, options) };
}

/** The fit that a method made, and why that one. */
export type MethodFit = { readonly why: string } & (
  | { readonly method: "exact"; readonly fit: Fit }
  | { readonly method: "state-space"; readonly fit: StateSpaceFit }
  | { readonly method: "iterative"; readonly fit: IterativeFit }
  | { readonly method: "sparse"; readonly fit: SparseFit }
  | { readonly method: "variational"; readonly fit: VariationalFit }
);

/** Options of every method; those that the chosen one has no use for are left aside. */
export interface FitByOptions
  extends Omit<FitOptions, "maxIterations">,
    Omit<FitIterativelyOptions, "steps" | "learningRate" | "maxIterations">,
    Omit<FitSparseOptions, "maxIterations">,
    Pick<FitVariationalOptions, "batchSize"> {
  /** Chosen by the data's size unless given. */
  readonly method?: MethodName;
  /** Steps of the search over all data: each method's own number unless given. */
  readonly steps?: number;
}

/** Fits by the method that suits the data's size, or the one that is named; throws as that one does. */
export function* fitBy(kernel: Kernel, data: FitData, options: FitByOptions = {}): Task<MethodFit> {
  const { noiseVariance, steps } = options;
  const known = typeof noiseVariance === "number" ? noiseVariance : undefined;
  const { method, why } = named(options.method) ?? chooseMethod(kernel, sizeOf(data.x, known));
  const most = steps === undefined ? {} : { maxIterations: steps };
  if (method === "exact") return { method, why, fit: yield* fit(kernel, data, { ...options, ...most }) };
  if (method === "state-space") {
    return { method, why, fit: yield* fitStateSpace(kernel, data, { ...options, ...most }) };
  }
  if (method === "iterative") return { method, why, fit: yield* fitIteratively(kernel, data, options) };
  if (method === "sparse")
    return { method, why, fit: yield* fitSparse(kernel, data, { ...options, ...most }) };
  return { method, why, fit: yield* fitVariational(kernel, data, options) };
}

function sizeOf({ rows, cols }: Matrix, noiseVariance: number | undefined): DataSize {
  return { rows, inputs: cols, ...(noiseVariance !== undefined && { noiseVariance }) };
}

function named<M extends MethodName>(method: M | undefined): { method: M; why: string } | undefined {
  if (method === undefined) return undefined;
  if (!methodNames.includes(method)) {
    throw new UsageError(`a method is one of ${methodNames.join(", ")}, got "${method}"`);
  }
  return { method, why: "it was asked for" };
}
