import { type Fn, type Matrix, matrix, stackRows } from "../linalg/index.ts";
import { columnMeans, constantMean } from "../processes/index.ts";
import { key } from "../random/index.ts";
import type { TangentKernel } from "../tangent/index.ts";
import { conditionOn, fitBase, type MeanChoice, type RegressionPosterior } from "./adapt.ts";
import type { Base } from "./base.ts";
import { certainProbabilities, probitProbabilities, sampledProbabilities } from "./class-probabilities.ts";
import type { AdaptedClassifier } from "./classify.ts";
import { featuresOf } from "./features.ts";
import { expectExamples, type LabelledExamples } from "./labelled-examples.ts";
import { classCount, expectLabels } from "./likelihoods.ts";

/**
 * Labels regressed as numbers (1 for the class, 0 for the others) by a Gaussian process with the tangent kernel, which
 * needs no iteration (Rasmussen & Williams 2006, section 6.5). Its values become probabilities through the softmax of β
 * times them, with the β that gives the labels the highest probability when each is left out.
 */
export function regressLabels(base: Base, labels: ArrayLike<number>, mean: MeanChoice): AdaptedClassifier {
  const { network, x } = base;
  expectLabels(labels, network.outputs);
  const y = oneHot(labels, network.outputs);
  const prior = scoreMean(base, y, mean);
  const { kernel, noiseVariance } = fitBase(base, prior.at(x), y);
  const known = Number(noiseVariance);
  const process = conditionOn(kernel, prior, { x, y, noiseVariance: known }, base);
  return classifierOf({ base, kernel, prior, mean, noiseVariance: known }, { x, labels }, process);
}

interface Regression {
  readonly base: Pick<Base, "network" | "space" | "approximation">;
  readonly kernel: TangentKernel;
  readonly prior: Fn;
  readonly mean: MeanChoice;
  readonly noiseVariance: number;
}

function classifierOf(
  regression: Regression,
  { x, labels }: LabelledExamples,
  process: RegressionPosterior,
): AdaptedClassifier {
  const { base, kernel, prior, mean, noiseVariance } = regression;
  const { network, space, approximation } = base;
  const sharpness = sharpnessOf(process, labels, noiseVariance);
  return {
    network,
    mean,
    kernel,
    method: "regression",
    space,
    approximation,
    logEvidence: process.logEvidence,
    classes: classCount(network.outputs),
    prior,
    process,
    probabilities(points, { predictive = "probit", draws = 1000, seed = 0 } = {}) {
      const { mean: scores, variance } = process.at(points);
      const logits = sharpened(scores, variance, sharpness);
      return predictive === "probit"
        ? probitProbabilities(logits)
        : sampledProbabilities(logits, draws, key(seed));
    },
    shift() {
      if ("shift" in process) return process.shift;
      const features = featuresOf(kernel);
      return features.weights(features.operator(x).applyTranspose(process.solution.alpha).data);
    },
    add(more) {
      expectExamples(more, network);
      expectLabels(more.labels, network.outputs);
      const all = {
        x: stackRows([x, more.x]),
        labels: Float64Array.from([...Array.from(labels), ...Array.from(more.labels)]),
      };
      const y = oneHot(more.labels, network.outputs);
      return classifierOf(regression, all, process.condition({ x: more.x, y, noiseVariance }));
    },
  };
}

/** 1 in the column of each label, 0 elsewhere; one output: the label itself. */
function oneHot(labels: ArrayLike<number>, outputs: number): Matrix {
  const y = matrix(labels.length, outputs);
  for (let i = 0; i < labels.length; i++) {
    if (outputs === 1) y.data[i] = labels[i]!;
    else y.data[i * outputs + labels[i]!] = 1;
  }
  return y;
}

/** The network's probabilities, or the classes' frequencies. */
function scoreMean({ network }: Base, y: Matrix, mean: MeanChoice): Fn {
  const { inputs, outputs } = network;
  if (mean === "constant") return constantMean(inputs, columnMeans(y));
  return {
    inputs,
    outputs,
    at(x) {
      const p = certainProbabilities(network.at(x));
      return outputs === 1 ? { ...p, cols: 1, data: p.data.filter((_, k) => k % 2 === 1) } : p;
    },
  };
}

/** Logits β (scores), for one output β (score − ½), with the variance of each score alone. */
function sharpened(scores: Matrix, variance: Matrix, sharpness: number) {
  const o = scores.cols;
  const middle = o === 1 ? 0.5 : 0;
  const covariance = matrix(scores.rows * o, o);
  variance.data.forEach((v, k) => {
    covariance.data[k * o + (k % o)] = sharpness * sharpness * v;
  });
  return { mean: { ...scores, data: scores.data.map((v) => sharpness * (v - middle)) }, covariance };
}

/** The β between 1 and 1,000 under which the labels are likeliest, each predicted from the others. */
function sharpnessOf(process: RegressionPosterior, labels: ArrayLike<number>, noiseVariance: number): number {
  const { mean, variance } = process.leaveOneOut();
  const latent = { ...variance, data: variance.data.map((v) => Math.max(0, v - noiseVariance)) };
  const score = (logSharpness: number) => {
    const p = probitProbabilities(sharpened(mean, latent, Math.exp(logSharpness)));
    let sum = 0;
    for (let i = 0; i < p.rows; i++) sum += Math.log(Math.max(p.data[i * p.cols + labels[i]!]!, 1e-300));
    return sum;
  };
  let best = 0;
  const end = Math.log(1000);
  for (let step = 0; step <= 140; step++) {
    const at = (end * step) / 140;
    if (score(at) > score(best)) best = at;
  }
  return Math.exp(best);
}
