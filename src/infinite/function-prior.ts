import { engine } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";
import type { Parameters } from "../kernels/index.ts";
import { cholesky, type Matrix, matrix, multiply } from "../linalg/index.ts";
import { type Key, normal, normalQuantile, split } from "../random/index.ts";
import type { AttentionForm } from "./attention-limit.ts";
import { type Architecture, wideNetwork } from "./wide-network.ts";

/**
 * p(f) of a finite network: values at points (rows) of `count` networks drawn from its weight prior p(w) at a width, one
 * row a network, one column a point. `parameters` are the limit's variances.
 */
export function drawFunctions(
  net: Architecture,
  parameters: Parameters,
  points: Matrix,
  {
    width,
    count,
    key,
    attention,
  }: {
    readonly width: number;
    readonly count: number;
    readonly key: Key;
    /** The form of attention layers, as given to `infinite`. */
    readonly attention?: AttentionForm;
  },
): Matrix {
  const out = matrix(count, points.rows);
  for (let d = 0; d < count; d++) {
    const wide = wideNetwork(net, parameters, width, split(key, d), attention);
    out.data.set(wide.at(points).data, d * points.rows);
  }
  return out;
}

/** How far drawn functions are from a Gaussian process of mean 0, at the points where they were drawn. */
export interface GaussianGap {
  /** Of each point's values alone, the largest gap between their distribution and the Gaussian's (Kolmogorov). */
  readonly kolmogorov: Float64Array;
  /** What that exceeds in one of twenty samples from the Gaussian itself: 1.358 / √count. */
  readonly kolmogorovNoise: number;
  /** Of each point's values alone, the Wasserstein-2 distance to the Gaussian in its standard deviations. */
  readonly wasserstein: Float64Array;
  /** E[f⁴] / (3 σ⁴) − 1, σ² the Gaussian's variance, averaged over the points: of order 1/width for networks. */
  readonly fourthMoment: Estimate;
  /**
   * The energy distance of the joint values, 2 E|f − g| − E|f − f′| − E|g − g′| (Székely & Rizzo 2013), in units of
   * E|g − g′|: 0 for the same distribution alone. Unbiased, so that it can come out below 0.
   */
  readonly energy: Estimate;
}

export interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

/**
 * Compares functions (rows of values) with the Gaussian process of a covariance (points × points). Errors are those of
 * the draws: means over twenty groups of them. Throws UsageError for fewer than 100 draws.
 */
export function gaussianGap(draws: Matrix, covariance: Matrix, key: Key): GaussianGap {
  const { rows: count, cols: points } = draws;
  if (count < 100) throw new UsageError(`gaussianGap: 100 draws or more say something, got ${count}`);
  const kolmogorov = new Float64Array(points);
  const wasserstein = new Float64Array(points);
  for (let p = 0; p < points; p++) {
    const deviation = Math.sqrt(covariance.data[p * points + p]!);
    const values = Float64Array.from(
      { length: count },
      (_, d) => draws.data[d * points + p]! / deviation,
    ).sort();
    const erfs = new Float64Array(count);
    engine().elementwise(
      "erf",
      values.map((v) => v * Math.SQRT1_2),
      erfs,
    );
    let square = 0;
    values.forEach((v, k) => {
      const below = (1 + erfs[k]!) / 2;
      kolmogorov[p] = Math.max(kolmogorov[p]!, (k + 1) / count - below, below - k / count);
      square += (v - normalQuantile((k + 0.5) / count)) ** 2 / count;
    });
    wasserstein[p] = Math.sqrt(square);
  }
  const factor = cholesky(covariance).lower;
  const gaussians = multiply(matrix(count, points, normal(key, count * points)), factor, { b: true });
  const groups = 20;
  const size = Math.floor(count / groups);
  const energies: number[] = [];
  const fourths: number[] = [];
  for (let g = 0; g < groups; g++) {
    const [from, to] = [g * size, (g + 1) * size];
    const own = meanDistance(draws, draws, from, to);
    const theirs = meanDistance(gaussians, gaussians, from, to);
    energies.push((2 * meanDistance(draws, gaussians, from, to) - own - theirs) / theirs);
    let fourth = 0;
    for (let d = from; d < to; d++) {
      for (let p = 0; p < points; p++) {
        const square = draws.data[d * points + p]! ** 2 / covariance.data[p * points + p]!;
        fourth += square ** 2 / (3 * size * points);
      }
    }
    fourths.push(fourth - 1);
  }
  return {
    kolmogorov,
    kolmogorovNoise: 1.358 / Math.sqrt(count),
    wasserstein,
    fourthMoment: estimate(fourths),
    energy: estimate(energies),
  };
}

/** The mean distance between rows of two matrices, of one matrix without those of a row to itself. */
function meanDistance(a: Matrix, b: Matrix, from: number, to: number): number {
  const { cols } = a;
  let sum = 0;
  for (let i = from; i < to; i++) {
    for (let j = from; j < to; j++) {
      let square = 0;
      for (let p = 0; p < cols; p++) square += (a.data[i * cols + p]! - b.data[j * cols + p]!) ** 2;
      sum += Math.sqrt(square);
    }
  }
  return sum / ((to - from) * (a === b ? to - from - 1 : to - from));
}

function estimate(values: readonly number[]): Estimate {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  const squares = values.reduce((s, v) => s + (v - mean) ** 2, 0);
  return { value: mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}
