import type { Kernel } from "../kernels/index.ts";
import {
  type Cholesky,
  cholesky,
  dot,
  type Fn,
  logDeterminant,
  type Matrix,
  reshape,
  solve,
  subtract,
} from "../linalg/index.ts";

/** Data and the solved system behind an exact posterior (Rasmussen & Williams 2006, algorithm 2.1). */
export interface Solution {
  /** n × inputs. */
  readonly x: Matrix;
  /** n × outputs. */
  readonly y: Matrix;
  /** The noise variance of each value, n·outputs, point-major. */
  readonly noise: Float64Array;
  /** y less the prior mean, n·outputs × 1. */
  readonly residual: Matrix;
  /** Of k(X, X) + diag(noise), n·outputs square; its jitter is in its report. */
  readonly factor: Cholesky;
  /** (k(X, X) + diag(noise))⁻¹ residual, n·outputs × 1: the posterior mean is mean(·) + k(·, X) alpha. */
  readonly alpha: Matrix;
  /** log p(y), in nats. */
  readonly logEvidence: number;
}

/** Factors the whole system, in O(n³). */
export function solveWhole(kernel: Kernel, mean: Fn, x: Matrix, y: Matrix, noise: Float64Array): Solution {
  const size = y.data.length;
  const covariance = kernel.gram(x);
  for (let i = 0; i < size; i++) covariance.data[i * size + i]! += noise[i]!;
  return solveWith(cholesky(covariance), mean, x, y, noise);
}

/** The solution for a factor already found, in O(n²). */
export function solveWith(factor: Cholesky, mean: Fn, x: Matrix, y: Matrix, noise: Float64Array): Solution {
  const size = y.data.length;
  const residual = reshape(subtract(y, mean.at(x)), size, 1);
  const alpha = solve(factor, residual);
  const logEvidence =
    -0.5 * (dot(residual.data, alpha.data) + logDeterminant(factor) + size * Math.log(2 * Math.PI));
  return { x, y, noise, residual, factor, alpha, logEvidence };
}
