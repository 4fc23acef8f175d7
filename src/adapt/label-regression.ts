import type { Fn } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { constantMean } from "../processes/index.ts";
import { keptRows } from "../processes/update.ts";
import { key } from "../random/index.ts";
import type { TangentKernel } from "../tangent/index.ts";
import { type ConditionOptions, conditionOn, fitBase, type RegressionPosterior } from "./adapt.ts";
import { type Base, usualRank } from "./base.ts";
import { certainProbabilities, probitProbabilities, sampledProbabilities } from "./class-probabilities.ts";
import type { AdaptedClassifier } from "./classify.ts";
import { featuresOf } from "./features.ts";
import { expectFineTuned, fineTunedMean } from "./fine-tuned.ts";
import type { KnownMean } from "./known-mean.ts";
import {
  expectExamples,
  type LabelledExamples,
  labelledAt,
  labelledWith,
  labelledWithMore,
} from "./labelled-examples.ts";
import { classCount, expectLabels } from "./likelihoods.ts";
import { oneHot, sharpened, sharpnessOf } from "./sharpness.ts";

/**
 * Labels regressed as numbers (1 for the class, 0 for the others) by a Gaussian process with the tangent kernel, which
 * needs no iteration (Rasmussen & Williams 2006, section 6.5). Its values become probabilities through the softmax of β
 * times them, with the β that gives the labels the highest probability when each is left out.
 */
export function regressLabels(base: Base, labels: ArrayLike<number>, mean: KnownMean): AdaptedClassifier {
  const { network, x } = base;
  expectLabels(labels, network.outputs);
  const y = oneHot(labels, network.outputs);
  const { kernel, noiseVariance } = fitBase(base, scoreMean(network, mean).at(x), y);
  return conditionLabels(kernel, { x, labels }, { ...base, ...mean, noiseVariance: Number(noiseVariance) });
}

/** The same for scales and noise that are already known: what a saved one is made from again. */
export function conditionLabels(
  kernel: TangentKernel,
  data: LabelledExamples,
  options: ConditionOptions & { readonly noiseVariance: number },
): AdaptedClassifier {
  const { network } = kernel;
  const { mean = "network", fineTuned, noiseVariance, space } = options;
  const { approximation = "full", rank = usualRank } = options;
  expectLabels(data.labels, network.outputs);
  const y = oneHot(data.labels, network.outputs);
  const prior = scoreMean(network, { mean, fineTuned });
  const process = conditionOn(kernel, prior, { x: data.x, y, noiseVariance }, options);
  const known = { mean, ...(fineTuned && { fineTuned }) };
  return classifierOf({ kernel, prior, ...known, noiseVariance, space, approximation, rank }, data, process);
}

type Regression = Pick<
  AdaptedClassifier,
  "kernel" | "prior" | "mean" | "fineTuned" | "space" | "approximation" | "rank"
> & {
  readonly noiseVariance: number;
};

function classifierOf(
  regression: Regression,
  data: LabelledExamples,
  process: RegressionPosterior,
): AdaptedClassifier {
  const { x, labels } = data;
  const { kernel, noiseVariance } = regression;
  const { network } = kernel;
  const { mean: leftOut, variance: observed } = process.leaveOneOut();
  const latent = { ...observed, data: observed.data.map((v) => Math.max(0, v - noiseVariance)) };
  const alone = { mean: leftOut, variance: latent };
  const sharpness = sharpnessOf(alone, labels);
  return {
    ...regression,
    network,
    method: "regression",
    logEvidence: process.logEvidence,
    classes: classCount(network.outputs),
    process,
    probabilities(points, { predictive = "probit", draws = 1000, seed = 0 } = {}) {
      const logits = sharpened(process.at(points).moments, sharpness);
      return predictive === "probit"
        ? probitProbabilities(logits)
        : sampledProbabilities(logits, draws, key(seed));
    },
    leaveOneOut: () => probitProbabilities(sharpened(alone, sharpness)),
    shift() {
      if ("shift" in process) return process.shift;
      const features = featuresOf(kernel);
      return features.weights(features.operator(x).applyTranspose(process.solution.alpha).data);
    },
    add(more) {
      expectExamples(more, network);
      expectLabels(more.labels, network.outputs);
      const y = oneHot(more.labels, network.outputs);
      const next = process.condition({ x: more.x, y, noiseVariance });
      return classifierOf(regression, labelledWithMore(data, more), next);
    },
    remove(indices) {
      const { kept } = keptRows(x.rows, indices);
      return classifierOf(regression, labelledAt(data, kept), process.without(indices));
    },
    replace(index, example) {
      expectExamples(example, network);
      expectLabels(example.labels, network.outputs);
      const y = oneHot(example.labels, network.outputs);
      const next = process.replace(index, { x: example.x, y, noiseVariance });
      return classifierOf(regression, labelledWith(data, index, example), next);
    },
  };
}

/** A network's probabilities, or even ones: the classes' frequencies would tell a left-out label. */
function scoreMean(network: Network, { mean, fineTuned }: KnownMean): Fn {
  const { inputs, outputs } = network;
  if (mean === "constant") {
    return constantMean(inputs, new Float64Array(outputs).fill(1 / classCount(outputs)));
  }
  const logits = mean === "network" ? network : fineTunedMean(expectFineTuned(fineTuned), network);
  return {
    inputs,
    outputs,
    at(x) {
      const p = certainProbabilities(logits.at(x));
      return outputs === 1 ? { ...p, cols: 1, data: p.data.filter((_, k) => k % 2 === 1) } : p;
    },
  };
}
