import { type Matrix, matrix } from "../linalg/index.ts";
import { type Logits, probitProbabilities } from "./class-probabilities.ts";
import { logProbability } from "./temperature.ts";

/** Values of labels that were regressed as numbers (1 for the class, 0 for the others): n × o, or n × 1 for two classes. */
export interface LabelValues {
  readonly mean: Matrix;
  /** Without noise. */
  readonly variance: Matrix;
}

/** Logits β (value), for one output β (value − ½), with the variance of each value alone. */
export function sharpened({ mean, variance }: LabelValues, sharpness: number): Logits {
  const o = mean.cols;
  const middle = o === 1 ? 0.5 : 0;
  const covariance = matrix(mean.rows * o, o);
  variance.data.forEach((v, k) => {
    covariance.data[k * o + (k % o)] = sharpness * sharpness * v;
  });
  return { mean: { ...mean, data: mean.data.map((v) => sharpness * (v - middle)) }, covariance };
}

/** The β between 1 and 1,000 under which the labels are likeliest, where each was predicted from the others. */
export function sharpnessOf(leftOut: LabelValues, labels: ArrayLike<number>): number {
  const score = (logSharpness: number) => {
    return logProbability(probitProbabilities(sharpened(leftOut, Math.exp(logSharpness))), labels);
  };
  let best = 0;
  const end = Math.log(1000);
  for (let step = 0; step <= 140; step++) {
    const at = (end * step) / 140;
    if (score(at) > score(best)) best = at;
  }
  return Math.exp(best);
}

/** 1 in the column of each label, 0 elsewhere; one output: the label itself. */
export function oneHot(labels: ArrayLike<number>, outputs: number): Matrix {
  const y = matrix(labels.length, outputs);
  for (let i = 0; i < labels.length; i++) {
    if (outputs === 1) y.data[i] = labels[i]!;
    else y.data[i * outputs + labels[i]!] = 1;
  }
  return y;
}
