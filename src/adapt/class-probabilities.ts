import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { semidefiniteRoot } from "../processes/likelihoods/semidefinite-root.ts";
import { type Key, normal } from "../random/index.ts";
import { softmaxRows } from "./likelihoods.ts";

/** Logits at n points: means (n × o) and the covariance of each point's (n·o × o). */
export interface Logits {
  readonly mean: Matrix;
  readonly covariance: Matrix;
}

/**
 * Class probabilities from uncertain logits by the probit approximation E σ(f) ≈ σ(μ / √(1 + π v / 8)) (MacKay 1992),
 * applied to each pair of classes: p_k ∝ 1 / Σ_j exp(−d_kj / √(1 + π v_kj / 8)) with d_kj and v_kj the mean and variance
 * of f_k − f_j (Lu, Ie & Sha 2020, "mf1"). What moves all logits alike changes nothing. One output: classes 0 and 1.
 */
export function probitProbabilities({ mean, covariance }: Logits): Matrix {
  const o = mean.cols;
  const shrink = (v: number) => 1 / Math.sqrt(1 + (Math.PI / 8) * Math.max(0, v));
  if (o === 1) {
    return twoClasses(mean.data.map((m, i) => 1 / (1 + Math.exp(-m * shrink(covariance.data[i]!)))));
  }
  const out = matrix(mean.rows, o);
  for (let i = 0; i < mean.rows; i++) {
    const c = (a: number, b: number) => covariance.data[(i * o + a) * o + b]!;
    let total = 0;
    for (let k = 0; k < o; k++) {
      let sum = 0;
      for (let j = 0; j < o; j++) {
        const gap = mean.data[i * o + k]! - mean.data[i * o + j]!;
        sum += Math.exp(-gap * shrink(c(k, k) + c(j, j) - c(k, j) - c(j, k)));
      }
      out.data[i * o + k] = 1 / sum;
      total += 1 / sum;
    }
    for (let k = 0; k < o; k++) out.data[i * o + k]! /= total;
  }
  return out;
}

/** Class probabilities as the average over `draws` draws of the logits; the same draws of noise at every point. */
export function sampledProbabilities({ mean, covariance }: Logits, draws: number, key: Key): Matrix {
  if (!(Number.isInteger(draws) && draws >= 1)) {
    throw new UsageError(`draws is a whole number of at least 1, got ${draws}`);
  }
  const o = mean.cols;
  const noise = normal(key, draws * o);
  const classes = o === 1 ? 2 : o;
  const out = matrix(mean.rows, classes);
  const drawn = matrix(draws, o);
  for (let i = 0; i < mean.rows; i++) {
    const root = semidefiniteRoot(covariance.data.subarray(i * o * o, (i + 1) * o * o), o);
    for (let s = 0; s < draws; s++) {
      for (let a = 0; a < o; a++) {
        let f = mean.data[i * o + a]!;
        for (let b = 0; b <= a; b++) f += root[a * o + b]! * noise[s * o + b]!;
        drawn.data[s * o + a] = f;
      }
    }
    const p = certainProbabilities(drawn);
    for (let s = 0; s < draws; s++) {
      for (let k = 0; k < classes; k++) out.data[i * classes + k]! += p.data[s * classes + k]! / draws;
    }
  }
  return out;
}

/** The probabilities of logits that are known: softmax, or for one output the sigmoid, as two classes. */
export function certainProbabilities(f: Matrix): Matrix {
  return f.cols === 1 ? twoClasses(f.data.map((v) => 1 / (1 + Math.exp(-v)))) : softmaxRows(f);
}

function twoClasses(second: Float64Array): Matrix {
  const out = matrix(second.length, 2);
  second.forEach((p, i) => {
    out.data[2 * i] = 1 - p;
    out.data[2 * i + 1] = p;
  });
  return out;
}
