import {
  expectFinite,
  expectShape,
  type Fn,
  type Matrix,
  matrix,
  reshape,
  takeRows,
} from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import type { Gaussian, Process } from "../processes/index.ts";
import { functionMode, functionPosterior, type LatentProcess } from "../processes/latent/index.ts";
import { keptRows } from "../processes/update.ts";
import { key } from "../random/index.ts";
import type { TangentKernel } from "../tangent/index.ts";
import type { ConditionOptions } from "./adapt.ts";
import { type Approximation, approximateBy, isCheap } from "./approximation.ts";
import {
  type Base,
  type BaseOptions,
  baseOf,
  lazy,
  type Space,
  sampleSize,
  usualRank,
  withScales,
} from "./base.ts";
import { rememberingBeside } from "./beside.ts";
import { certainProbabilities, probitProbabilities, sampledProbabilities } from "./class-probabilities.ts";
import { fitCommonScale } from "./common-scale.ts";
import { expectedScales } from "./expected-scales.ts";
import { featuresOf } from "./features.ts";
import { canFineTune, type FineTuned, fineTunedToLabels } from "./fine-tuned.ts";
import { evidenceOfMode } from "./function-mode.ts";
import { approximateMode } from "./iterative-mode.ts";
import type { KnownMean, MeanChoice } from "./known-mean.ts";
import { regressLabels } from "./label-regression.ts";
import {
  expectExamples,
  type LabelledExamples,
  labelledAt,
  labelledWith,
  labelledWithMore,
} from "./labelled-examples.ts";
import { laplaceLeaveOneOut } from "./laplace-leave-one-out.ts";
import { classCount, classLikelihood } from "./likelihoods.ts";
import { logitMean } from "./logit-mean.ts";
import { poolClassifiers } from "./pool.ts";
import { searchScales } from "./scale-search.ts";
import { inverseTemperatureOf, tempered } from "./temperature.ts";
import { factoredCovariance } from "./weight-covariance.ts";
import { evidenceOfWeightMode, weightMode } from "./weight-mode.ts";
import { weightProcess } from "./weight-process.ts";

export interface ClassifierOptions extends BaseOptions {
  /**
   * The network's logits, those of the network trained on with the labels, or of the classes' frequencies (even scores where
   * labels are regressed). Unless given the network's, or with the method "auto" all.
   */
  readonly mean?: MeanChoice;
  /**
   * "laplace": the softmax's own likelihood. "regression": labels regressed as numbers, by a Gaussian process whose
   * values then become probabilities; no iteration, and the network's probabilities as mean. "auto" unless given: a pool
   * of both, "regression" about the network and about even chances unless one mean is given, and "laplace" also about
   * the network trained on, where that is a matter of a minute and there are two labels a class; each trusted by how well
   * it predicts left-out labels. "laplace" where the covariance is approximate.
   */
  readonly method?: ClassifierMethod | "auto";
  /** false: no way about the network trained on with the labels. true unless given. */
  readonly fineTune?: boolean;
}

export type ClassifierMethod = "laplace" | "regression";

/** One of several ways of meeting the same labels, and the power to which its probabilities are raised in their pool. */
export interface PoolPart {
  readonly classifier: AdaptedClassifier;
  readonly exponent: number;
}

/** How uncertain logits become probabilities: by a formula, or by drawing. */
export interface PredictiveOptions {
  /** "probit" unless given. */
  readonly predictive?: "probit" | "monte-carlo";
  /** Draws of "monte-carlo"; 1,000 unless given. */
  readonly draws?: number;
  readonly seed?: number;
  /** False: what Laplace's approximation says, untempered. True unless given. */
  readonly tempered?: boolean;
}

/** A classifier that has met new data: a Gaussian process over logits with s · k_DNN as kernel. */
export interface AdaptedClassifier {
  readonly network: Network;
  readonly mean: MeanChoice;
  /** Of the mean "fine-tuned". */
  readonly fineTuned?: FineTuned | undefined;
  /** k_DNN with the scales that the labels chose. */
  readonly kernel: TangentKernel;
  readonly method: ClassifierMethod | "pool";
  /** Of a "pool", that of the largest exponent first: kernel, mean, process, evidence and shift are that one's. */
  readonly parts?: readonly PoolPart[];
  readonly space: Space;
  readonly approximation: Approximation;
  /** Directions that "low-rank" keeps. */
  readonly rank: number;
  /** Of the labels as numbers, for "regression". */
  readonly noiseVariance?: number;
  /** Laplace's approximation of log p(labels), in nats; for "regression" the log density of the labels as numbers. */
  readonly logEvidence: number;
  readonly classes: number;
  /** The mean before the new data. */
  readonly prior: Fn;
  /** p(logits | new data), or for "regression" of the classes' scores. Its samples are functions. */
  readonly process: Process<Gaussian>;
  /**
   * Class probabilities at x, n × classes. Laplace's are tempered, p_k^β / Σ_j p_j^β, with the β that makes left-out labels
   * likeliest: a network that starts out wrong and sure needs a wide prior, whose width is then seen everywhere.
   */
  probabilities(x: Matrix, options?: PredictiveOptions): Matrix;
  /**
   * The probabilities of the examples' classes, n × classes, each example predicted from the others with scales as they
   * are. Absent for Laplace's approximation with an approximate covariance, from which no example can be taken out.
   */
  leaveOneOut?(): Matrix;
  /** How the network's weights move: see Adaptation. */
  shift(): Float64Array;
  /** The classifier with these examples too, scales and mean as they are (a fine-tuned one is not trained again). */
  add(more: LabelledExamples): AdaptedClassifier;
  /**
   * The classifier without the examples at these indices (from 0), scales and mean as they are. Throws UsageError for an index
   * that is none, or when nothing would be left.
   */
  remove(indices: readonly number[]): AdaptedClassifier;
  /** The classifier with the example at this index changed to another (one row), in its place. */
  replace(index: number, example: LabelledExamples): AdaptedClassifier;
}

/**
 * Adapts a trained classifier to new labels in function space: its logits linearised in the weights are a Gaussian
 * process with kernel J Jᵀ, the labels' softmax (for one output, sigmoid) likelihood is met by Laplace's
 * approximation, and the scales are chosen by its evidence (Khan et al. 2019; Immer et al. 2021), as they are expected or
 * the likeliest (see `scales`). Throws ShapeError, NonFiniteError or UsageError for data that do not fit.
 */
export function adaptClassifier(
  network: Network,
  data: LabelledExamples,
  options: ClassifierOptions = {},
): AdaptedClassifier {
  expectExamples(data, network);
  return adaptClassifierBase(baseOf(network, data.x, options), data.labels, options);
}

/** The same for examples that the network has been prepared for. */
export function adaptClassifierBase(
  base: Base,
  labels: ArrayLike<number>,
  { mean, method = "auto", fineTune = true }: Pick<ClassifierOptions, "mean" | "method" | "fineTune">,
): AdaptedClassifier {
  expectExamples({ x: base.x, labels }, base.network);
  const meanOf = (choice: MeanChoice): KnownMean =>
    choice === "fine-tuned"
      ? { mean: choice, fineTuned: fineTunedToLabels(base.network, base.x, labels) }
      : { mean: choice };
  // Images of another contrast want the first layer to move, others the last: labels tell which by a scale for each.
  const own = !base.scalesAsked && seesLayers(base) ? base.byLayer() : base;
  if (method === "regression") return regressLabels(own, labels, meanOf(mean ?? "network"));
  if (method === "laplace" || isCheap(base.approximation)) {
    return fitLaplace(own, labels, meanOf(mean ?? "network"));
  }
  const together = rememberingBeside(own);
  const means: readonly KnownMean[] = mean ? [meanOf(mean)] : [{ mean: "network" }, { mean: "constant" }];
  const tuned = !mean && fineTune && bearsFineTuning(base);
  // Laplace's prior deviation about a constant of few labels tends to 0: there only the labels as numbers take part.
  return poolClassifiers(
    [
      fitLaplace(together, labels, means[0]!),
      ...means.map((known) => regressLabels(together, labels, known)),
      ...(tuned ? [fitLaplace(together, labels, meanOf("fine-tuned"))] : []),
    ],
    { x: base.x, labels },
  );
}

/** Whether there are labels enough to train on with a fifth of them left out, and it takes a minute at most. */
function bearsFineTuning({ x, network, kernel }: Base): boolean {
  const enough = x.rows >= 2 * classCount(network.outputs);
  return enough && kernel.options.layers === "all" && canFineTune(network, x.rows);
}

// Numbers of the layers' shares of the Gram matrix, held together: 800 MB.
const shareNumbers = 1e8;

/** Whether one scale a layer is another choice than one for all, and affordable: of few values. */
function seesLayers({ space, approximation, x, network, kernel: { spans } }: Base): boolean {
  const values = x.rows * network.outputs;
  const dense = space === "function" && !isCheap(approximation);
  return dense && spans.length > 1 && spans.length * values ** 2 <= shareNumbers;
}

function fitLaplace(base: Base, labels: ArrayLike<number>, mean: KnownMean): AdaptedClassifier {
  const { x, network } = base;
  const kernel = withScales(base.kernel, fitScales(base, labels, logitMean(mean, network, labels)));
  return conditionClassifier(kernel, { x, labels }, { ...base, ...mean });
}

/** The adapted classifier ("laplace") for scales that are already known: what a saved one is made from again. */
export function conditionClassifier(
  kernel: TangentKernel,
  data: LabelledExamples,
  options: ConditionOptions,
): AdaptedClassifier {
  const { mean = "network", fineTuned } = options;
  const prior = logitMean({ mean, fineTuned }, kernel.network, data.labels);
  return laplace(kernel, prior, data, { ...options, mean });
}

function laplace(
  kernel: TangentKernel,
  prior: Fn,
  data: LabelledExamples,
  options: ConditionOptions & { readonly mean: MeanChoice },
  start?: Float64Array,
): AdaptedClassifier {
  const { space, mean, fineTuned, approximation = "full", rank = usualRank } = options;
  const { network } = kernel;
  const { process, logEvidence, u, alpha } = modeOf(kernel, prior, data, options, start);
  const features = featuresOf(kernel);
  const exact = !isCheap(approximation);
  const leftOut = lazy(() =>
    probitProbabilities(
      laplaceLeaveOneOut(process.blocks(data.x), classLikelihood(data.labels, network.outputs)),
    ),
  );
  const sharpness = lazy(() => (exact ? inverseTemperatureOf(leftOut(), data.labels) : 1));
  return {
    network,
    mean,
    ...(fineTuned && { fineTuned }),
    kernel,
    method: "laplace",
    space,
    approximation,
    rank,
    logEvidence,
    classes: classCount(network.outputs),
    prior,
    process,
    probabilities(points, options = {}) {
      const plain = probabilitiesOf(process, points, options);
      return options.tempered === false ? plain : tempered(plain, sharpness());
    },
    ...(exact && { leaveOneOut: () => tempered(leftOut(), sharpness()) }),
    shift: () => features.weights(u ?? features.operator(data.x).applyTranspose(alpha!).data),
    add(more) {
      expectExamples(more, network);
      return laplace(kernel, prior, labelledWithMore(data, more), options, alpha?.data ?? u);
    },
    remove(indices) {
      const { kept } = keptRows(data.x.rows, indices);
      const start = alpha ? takeRows(reshape(alpha, data.x.rows, network.outputs), kept).data : u;
      return laplace(kernel, prior, labelledAt(data, kept), options, start);
    },
    replace(index, example) {
      expectExamples(example, network);
      const next = labelledWith(data, index, example);
      // What the old example pulled is no guess for the new one.
      const start = alpha?.data.slice() ?? u;
      if (alpha) start!.fill(0, index * network.outputs, (index + 1) * network.outputs);
      return laplace(kernel, prior, next, options, start);
    },
  };
}

interface Found {
  readonly process: LatentProcess;
  readonly logEvidence: number;
  /** Of the whitened weights. */
  readonly u?: Float64Array;
  /** Of function space. */
  readonly alpha?: Matrix;
}

/** The mode and the process around it; `start` is the mode of nearly the same examples. */
function modeOf(
  kernel: TangentKernel,
  prior: Fn,
  { x, labels }: LabelledExamples,
  { space, approximation = "full", rank = usualRank }: ConditionOptions,
  start?: Float64Array,
): Found {
  const likelihood = classLikelihood(labels, kernel.network.outputs);
  const mean = prior.at(x);
  if (space === "function" && !isCheap(approximation)) {
    const alpha = matrix(mean.data.length, 1);
    if (start) alpha.data.set(start);
    const mode = functionMode(kernel.gram(x), mean, likelihood, alpha);
    return { process: functionPosterior(kernel, prior, x, mode), ...mode };
  }
  const features = featuresOf(kernel);
  if (!isCheap(approximation)) {
    const { u, factor, logEvidence } = weightMode(features, x, mean, likelihood, start);
    return { process: weightProcess(features, prior, u, factoredCovariance(factor)), logEvidence, u };
  }
  const approximate = approximateBy(approximation, features, x, rank);
  const { u, covariance, logEvidence } = approximateMode(features, x, mean, likelihood, approximate);
  return { process: weightProcess(features, prior, u, covariance), logEvidence, u };
}

/** Class probabilities of uncertain logits at x. */
export function probabilitiesOf(
  process: LatentProcess,
  x: Matrix,
  { predictive = "probit", draws = 1000, seed = 0 }: PredictiveOptions = {},
): Matrix {
  expectShape(x, "x", undefined, process.inputs);
  expectFinite(x, "x");
  const logits = process.blocks(x);
  return predictive === "probit"
    ? probitProbabilities(logits)
    : sampledProbabilities(logits, draws, key(seed));
}

/** The probabilities that the network's own logits say. */
export function networkProbabilities(network: Network, x: Matrix): Matrix {
  return certainProbabilities(network.at(x));
}

// The evidence is that of an approximation: scales a hundredth of a nat from its maximum are as good, and modes that are
// as rough tell where it is.
const enough = { gradientTolerance: 2e-2, valueTolerance: 1e-5 };
const roughly = 1e-6;

// Labels that a function separates leave the evidence flat towards ever larger scales; a prior deviation of 100 is more
// certain already than any number of labels can tell.
const largestVariance = 1e4;

// The mean square of the logits that labels are expected to be known by.
const logits = 4;

/**
 * The scales expected or, where asked for, of highest evidence, by Laplace's approximation; of a sample of the examples
 * where there are many.
 */
function fitScales(base: Base, labels: ArrayLike<number>, mean: Fn): Float64Array {
  const values = base.x.rows * base.network.outputs;
  if (isCheap(base.approximation) || (base.space === "function" && values > sampleSize)) {
    const { base: sample, indices } = base.sample(sampleSize);
    return fitScales(
      sample,
      Float64Array.from(indices, (i) => labels[i]!),
      mean,
    );
  }
  const { network, x, kernel } = base;
  const likelihood = classLikelihood(labels, network.outputs);
  const prior = mean.at(x);
  const evidence =
    base.space === "function"
      ? evidenceOfMode(base.shares(), prior, likelihood, roughly)
      : evidenceOfWeightMode(
          (scales) => featuresOf(withScales(kernel, scales)),
          x,
          prior,
          likelihood,
          roughly,
        );
  const typical = typicalVariances(base);
  if (!base.scalesAsked) {
    return expectedScales(evidence, { typical, size: logits }, { fixed: 1, floor: 0 }, enough).scales;
  }
  // Logits of a few units are what moves labels: from there on either side, all scales together, then each.
  const start = typical.map(() => 1 / typical.reduce((a, b) => a + b, 0));
  const ceilings = typical.map((v) => largestVariance / v);
  const most = Math.min(...ceilings.map((c, l) => c / start[l]!));
  const common = fitCommonScale(evidence, start, most, enough.gradientTolerance);
  if (start.length === 1) return common.scales;
  return searchScales(evidence, [common], { fixed: 1, floor: 0 }, { ...enough, ceilings }).scales;
}

/** The mean prior variance of a logit that each of the kernel's scales gives at scale 1. */
function typicalVariances({ kernel, x, shares, space }: Base): Float64Array {
  const count = Object.keys(kernel.parameters).length;
  if (space === "function") {
    const ofOne = ({ data, rows }: Matrix) =>
      data.reduce((sum, v, k) => (k % (rows + 1) ? sum : sum + v), 0) / rows;
    return Float64Array.from(shares(), (share) => ofOne(share) || 1);
  }
  return Float64Array.from({ length: count }, (_, l) => {
    const alone = Array.from({ length: count }, (_q, k) => (k === l ? 1 : Number.MIN_VALUE));
    const diagonal = withScales(kernel, alone).diagonal(x);
    return diagonal.reduce((sum, v) => sum + v / diagonal.length, 0) || 1;
  });
}
