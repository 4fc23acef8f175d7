import { type Matrix, matrix } from "../linalg/index.ts";

/** p_k^β / Σ_j p_j^β along each row: probabilities sharpened (β > 1) or flattened. */
export function tempered(p: Matrix, inverseTemperature: number): Matrix {
  const out = matrix(p.rows, p.cols);
  for (let i = 0; i < p.rows; i++) {
    let top = 0;
    for (let k = 0; k < p.cols; k++) top = Math.max(top, p.data[i * p.cols + k]!);
    let total = 0;
    for (let k = 0; k < p.cols; k++) {
      total += out.data[i * p.cols + k] = (p.data[i * p.cols + k]! / top) ** inverseTemperature;
    }
    for (let k = 0; k < p.cols; k++) out.data[i * p.cols + k]! /= total;
  }
  return out;
}

/** Σ_i log p_i(label): how well labels were predicted, in nats. */
export function logProbability(p: Matrix, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.rows; i++) sum += Math.log(Math.max(p.data[i * p.cols + labels[i]!]!, 1e-300));
  return sum;
}

/**
 * The β between 1/8 and 64 (Guo, Pleiss, Sun & Weinberger 2017: one over the temperature) under which the labels are
 * likeliest, each predicted from the others. They are joined by one example that has every class in equal shares, as in
 * Laplace's rule of succession: a few labels, all of them right, do not make the next one certain.
 */
export function inverseTemperatureOf(leftOut: Matrix, labels: ArrayLike<number>): number {
  const score = (log2: number) => {
    const p = tempered(leftOut, 2 ** log2);
    const even = p.data.reduce((sum, v) => sum + Math.log(Math.max(v, 1e-300)), 0) / (p.rows * p.cols);
    return logProbability(p, labels) + even;
  };
  let best = 0;
  let value = score(0);
  for (let step = -30; step <= 60; step++) {
    const found = score(step / 10);
    if (found > value) [best, value] = [step / 10, found];
  }
  return 2 ** best;
}
