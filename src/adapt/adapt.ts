import { ShapeError, UsageError } from "../errors/index.ts";
import { type Fn, type Matrix, rowRange, subtract } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { posteriorOf } from "../processes/exact.ts";
import {
  columnMeans,
  constantMean,
  type ExactPosterior,
  expectObservations,
  gp,
  type Observations,
  type Posterior,
} from "../processes/index.ts";
import { solveWhole } from "../processes/solution.ts";
import type { TangentKernel } from "../tangent/index.ts";
import { type Approximation, approximateBy, type CheapApproximation, isCheap } from "./approximation.ts";
import { type Base, type BaseOptions, baseOf, type Space, usualRank, withScales } from "./base.ts";
import { featuresOf } from "./features.ts";
import { expectFineTuned, type FineTuned, fineTunedMean, fineTunedToNumbers } from "./fine-tuned.ts";
import { shareByLeaveOneOut, usualShare } from "./fine-tuned-share.ts";
import { fitRegression } from "./fit-regression.ts";
import { approximateMode } from "./iterative-mode.ts";
import type { KnownMean, MeanChoice } from "./known-mean.ts";
import { gaussianLikelihood } from "./likelihoods.ts";
import {
  conditionOnExamples,
  examplesWith,
  examplesWithout,
  extendedBy,
  type NoisyExamples,
  type WeightPosterior,
  weightPosterior,
} from "./weight-space.ts";

export interface AdaptOptions extends BaseOptions {
  /** The network unless given; the constant is the mean of y; "fine-tuned" trains the network six times. */
  readonly mean?: MeanChoice;
  /** Known noise variance, in squared units of y: one, or one for each example; fitted unless given. */
  readonly noiseVariance?: number | ArrayLike<number>;
}

/** A trained network that has met new data: a Gaussian process with the network as mean and s · k_DNN as kernel. */
export interface Adaptation {
  readonly network: Network;
  readonly mean: MeanChoice;
  /** Of the mean "fine-tuned". */
  readonly fineTuned?: FineTuned;
  /** k_DNN with the scales that the numbers chose. */
  readonly kernel: TangentKernel;
  readonly space: Space;
  readonly approximation: Approximation;
  /** Directions that "low-rank" keeps. */
  readonly rank: number;
  /** Of observations to come; the mean of those given, where each example has its own. */
  readonly noiseVariance: number;
  /** log p(y), in nats; Laplace's with an approximate determinant, where the covariance is approximate. */
  readonly logEvidence: number;
  /** The mean before the new data: the network, or the constant. */
  readonly prior: Fn;
  /** p(f | new data). */
  readonly process: Posterior;
  /**
   * How the network's weights move, in the order of `flatten`: the posterior mean is prior(x) + J(x) shift. The network
   * of moved weights is another function.
   */
  shift(): Float64Array;
  /**
   * The adaptation with these examples too, scales, noise and a fine-tuned mean as they are: O(n²) an example in function
   * space, O(p²) in weight space.
   */
  add(more: { readonly x: Matrix; readonly y: Matrix }): Adaptation;
  /**
   * The adaptation without the examples at these indices (from 0), scales and noise as they are and as cheaply. Throws
   * UsageError for an index that is none, or when nothing would be left.
   */
  remove(indices: readonly number[]): Adaptation;
  /** The adaptation with the example at this index changed to another (one row), which keeps its noise. */
  replace(index: number, example: { readonly x: Matrix; readonly y: Matrix }): Adaptation;
}

/**
 * Adapts a trained network to new data in function space (Maddox, Tang, Moreno, Wilson & Damianou 2021): encodes
 * the trained function as the kernel J(x; w) J(x′; w)ᵀ, chooses its scales and the noise by marginal likelihood, as
 * they are expected or the likeliest (see `scales`), and conditions the Gaussian process with that kernel and the
 * network as its mean.
 * x is n × inputs, y is n × outputs. Throws ShapeError, NonFiniteError or UsageError for data that do not fit.
 */
export function adapt(
  network: Network,
  data: { readonly x: Matrix; readonly y: Matrix },
  options: AdaptOptions = {},
): Adaptation {
  expectObservations({ ...data, noiseVariance: 1 }, network.inputs, network.outputs);
  return adaptBase(baseOf(network, data.x, options), data.y, options);
}

/** The same for examples that the network has been prepared for. */
export function adaptBase(
  base: Base,
  y: Matrix,
  { mean = "network", noiseVariance }: Pick<AdaptOptions, "mean" | "noiseVariance">,
): Adaptation {
  const { network, x } = base;
  expectObservations({ x, y, noiseVariance: 1 }, network.inputs, network.outputs);
  const own = base.scalesAsked ? base : byLayerIfFew(base);
  const about = (known: KnownMean) => {
    const fitted = fitBase(own, priorMean(known, network, y).at(x), y, noiseVariance);
    const data = { x, y, noiseVariance: fitted.noiseVariance };
    return conditionTangent(fitted.kernel, data, { ...own, ...known });
  };
  if (mean !== "fine-tuned") return about({ mean });
  const tuned = fineTunedToNumbers(network, x, y);
  const between = (share: number) => about({ mean, fineTuned: { ...tuned, share } });
  // The cheaper covariances do not say what leaving one out would.
  const share = isCheap(base.approximation)
    ? usualShare
    : shareByLeaveOneOut((tried) => leaveOneOutDensity(between(tried).process, y));
  return between(share);
}

/** Σ_i log p(y_i | all others), in nats. */
function leaveOneOutDensity(process: Posterior, y: Matrix): number {
  const { mean, variance } = process.leaveOneOut();
  return y.data.reduce((sum, v, k) => {
    const own = variance.data[k]!;
    return sum - 0.5 * (Math.log(2 * Math.PI * own) + (v - mean.data[k]!) ** 2 / own);
  }, 0);
}

// From here on one scale for all predicts as well, in a fifth of the time: errors of turned digits' angles were 2 %
// larger with 250 numbers and the same with 500 and 900.
const fewValues = 500;

/** One scale a layer where there is more than one, of few values. */
function byLayerIfFew(base: Base): Base {
  const { space, x, network, kernel } = base;
  const size = space === "function" ? x.rows * network.outputs : featuresOf(kernel).count;
  const few = size <= fewValues && !isCheap(base.approximation);
  return kernel.spans.length > 1 && few ? base.byLayer() : base;
}

/** The kernel with the scales, and the noise, that the numbers y tell; the prior mean at the examples is n × o. */
export function fitBase(
  base: Base,
  prior: Matrix,
  y: Matrix,
  noiseVariance?: number | ArrayLike<number>,
): { readonly kernel: TangentKernel; readonly noiseVariance: number | ArrayLike<number> } {
  const known = noiseVariance === undefined ? undefined : perValue(noiseVariance, y);
  const noise = typeof noiseVariance === "number" ? noiseVariance : known;
  const fitted = fitRegression(base, subtract(y, prior), y, noise);
  return {
    kernel: withScales(base.kernel, fitted.scales),
    noiseVariance: noiseVariance ?? fitted.noiseVariance,
  };
}

/** How the posterior of known scales is found. */
export interface ConditionOptions {
  readonly space: Space;
  readonly mean?: MeanChoice;
  /** For the mean "fine-tuned". */
  readonly fineTuned?: FineTuned | undefined;
  readonly approximation?: Approximation;
  readonly rank?: number;
}

/** Examples with their noise: one variance, or one for each. */
export interface NoisyData {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly noiseVariance: number | ArrayLike<number>;
}

/** The adaptation for scales and noise that are already known: what a saved one is made from again. */
export function conditionTangent(
  kernel: TangentKernel,
  data: NoisyData,
  options: ConditionOptions,
): Adaptation {
  const { space, mean = "network", approximation = "full", rank = usualRank } = options;
  const { network } = kernel;
  const prior = priorMean(options, network, data.y);
  const process = conditionOn(kernel, prior, data, options);
  const tuned = options.fineTuned && { fineTuned: options.fineTuned };
  return adaptationOf({ network, mean, ...tuned, kernel, space, approximation, rank, prior }, process);
}

function adaptationOf(
  parts: Pick<
    Adaptation,
    "network" | "mean" | "fineTuned" | "kernel" | "space" | "approximation" | "rank" | "prior"
  >,
  process: RegressionPosterior,
): Adaptation {
  const { noiseVariance, logEvidence } = process;
  return {
    ...parts,
    noiseVariance,
    logEvidence,
    process,
    shift() {
      if ("shift" in process) return process.shift;
      const { x, alpha } = process.solution;
      const features = featuresOf(parts.kernel);
      return features.weights(features.operator(x).applyTranspose(alpha).data);
    },
    add: (more) => adaptationOf(parts, process.condition({ noiseVariance, ...more })),
    remove: (indices) => adaptationOf(parts, process.without(indices)),
    replace(index, example) {
      const noise = "solution" in process ? process.solution.noise : process.noise;
      const own = noise[index * process.outputs] ?? noiseVariance;
      return adaptationOf(parts, process.replace(index, { ...example, noiseVariance: own }));
    },
  };
}

/** The posterior of one of the kinds that adapting makes. */
export type RegressionPosterior = ExactPosterior | WeightPosterior;

/** The posterior of a Gaussian process with this prior mean and tangent kernel. */
export function conditionOn(
  kernel: TangentKernel,
  prior: Fn,
  data: NoisyData,
  { space, approximation = "full", rank = usualRank }: ConditionOptions,
): RegressionPosterior {
  if (isCheap(approximation)) return approximately(kernel, prior, examplesOf(data), approximation, rank);
  return space === "weight"
    ? conditionOnExamples(kernel, prior, examplesOf(data))
    : inFunctionSpace(kernel, prior, data);
}

function priorMean({ mean, fineTuned }: Partial<KnownMean>, network: Network, y: Matrix): Fn {
  if (mean === "constant") return constantMean(network.inputs, columnMeans(y));
  return mean === "fine-tuned" ? fineTunedMean(expectFineTuned(fineTuned), network) : network;
}

/** Known noise as the variance of each value of y. Throws UsageError unless all are above 0 and finite. */
function perValue(noiseVariance: number | ArrayLike<number>, y: Matrix): Float64Array {
  const each = typeof noiseVariance === "number" ? undefined : noiseVariance;
  if (each && each.length !== y.rows) {
    throw new ShapeError(
      `noiseVariance should be one number or one for each of ${y.rows} rows, got ${each.length}`,
    );
  }
  return Float64Array.from({ length: y.data.length }, (_, k) => {
    const v = each ? each[Math.floor(k / y.cols)]! : (noiseVariance as number);
    if (!(v > 0 && v < Infinity)) {
      throw new UsageError(`adapt: noiseVariance should be above 0, or left out to be fitted, got ${v}`);
    }
    return v;
  });
}

function examplesOf(data: NoisyData): NoisyExamples {
  const noise = perValue(data.noiseVariance, data.y);
  return { x: data.x, y: data.y, noise, noiseVariance: typicalNoise(data.noiseVariance) };
}

function typicalNoise(noiseVariance: number | ArrayLike<number>): number {
  if (typeof noiseVariance === "number") return noiseVariance;
  return Array.from(noiseVariance).reduce((sum, v) => sum + v / noiseVariance.length, 0);
}

function inFunctionSpace(
  kernel: TangentKernel,
  mean: Fn,
  { x, y, noiseVariance }: NoisyData,
): ExactPosterior {
  const prior = gp(kernel, { mean });
  if (typeof noiseVariance === "number") return prior.condition({ x, y, noiseVariance });
  const noise = perValue(noiseVariance, y);
  const data = Array.from(
    { length: x.rows },
    (_, i): Observations => ({
      x: rowRange(x, i, i + 1),
      y: rowRange(y, i, i + 1),
      noiseVariance: noiseVariance[i]!,
    }),
  );
  return posteriorOf(prior, data, solveWhole(kernel, mean, x, y, noise), typicalNoise(noiseVariance));
}

/** The exact mode with a cheaper covariance around it. */
function approximately(
  kernel: TangentKernel,
  mean: Fn,
  examples: NoisyExamples,
  approximation: CheapApproximation,
  rank: number,
): WeightPosterior {
  const again = (next: NoisyExamples) => approximately(kernel, mean, next, approximation, rank);
  const features = featuresOf(kernel);
  const { x, y, noise } = examples;
  const approximate = approximateBy(approximation, features, x, rank);
  const likelihood = gaussianLikelihood(y, noise);
  const { u, covariance, logEvidence, report } = approximateMode(
    features,
    x,
    mean.at(x),
    likelihood,
    approximate,
  );
  return weightPosterior({
    features,
    mean,
    examples,
    u,
    covariance,
    logEvidence,
    report,
    condition: (more) => again(extendedBy(examples, more)),
    without: (indices) => again(examplesWithout(examples, indices)),
    replace: (index, example) => again(examplesWith(examples, index, example)),
  });
}
