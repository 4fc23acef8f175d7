import type { SumKernel } from "../kernels/index.ts";
import { cholesky, halfSolve, type Matrix, matrix, multiply, solve, transpose } from "../linalg/index.ts";

/** One term's share of a sum of functions, given data on the sum. */
export interface Part {
  /** n × 1 each. */
  readonly mean: Matrix;
  readonly variance: Matrix;
}

/**
 * What the data say about each term of a sum of Gaussian processes: mean kₜ(x, X) (K + σ²I)⁻¹ r and variance
 * kₜ(x, x) − kₜ(x, X) (K + σ²I)⁻¹ kₜ(X, x), with r = y less the process's mean (Duvenaud 2014, section 2.4.5). The means add
 * up to the whole's. `residual` is n × 1, `at` any places.
 */
export function posteriorParts(
  kernel: SumKernel,
  data: { readonly x: Matrix; readonly residual: Matrix; readonly noiseVariance: number },
  at: Matrix,
): readonly Part[] {
  const { x, residual, noiseVariance } = data;
  const covariance = kernel.gram(x);
  for (let i = 0; i < x.rows; i++) covariance.data[i * x.rows + i]! += noiseVariance;
  const factor = cholesky(covariance);
  const alpha = solve(factor, residual);
  return kernel.terms.map((term) => {
    const cross = term.cross(at, x);
    const explained = halfSolve(factor, transpose(cross));
    const variance = term.diagonal(at);
    explained.data.forEach((v, k) => {
      variance[k % at.rows]! -= v * v;
    });
    return {
      mean: multiply(cross, alpha),
      variance: matrix(
        at.rows,
        1,
        variance.map((v) => Math.max(0, v)),
      ),
    };
  });
}
