import type { Gradient, Kernel } from "../../kernels/index.ts";
import { sumGradients } from "../../kernels/index.ts";
import {
  type Cholesky,
  cholesky,
  congruent,
  dot,
  halfSolve,
  halfSolveTransposed,
  identity,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
} from "../../linalg/index.ts";
import { inducingFactor, searchJitter } from "./inducing.ts";
import { diagonalSlopes, kernelSlopes } from "./kernel-slopes.ts";
import { inChunks, type SparseStatistics, statisticsOf } from "./statistics.ts";

/** The optimal q(u) of white inducing values u, N(B⁻¹ b, B⁻¹) with B = I + squares and b = pulls (Titsias 2009). */
export interface CollapsedSolution {
  /** Of B. */
  readonly factor: Cholesky;
  /** LB⁻¹ b, m × 1. */
  readonly half: Matrix;
  /** The bound on log p(y), in nats. */
  readonly bound: number;
}

/**
 * log N(r | 0, Q + D) − ½ tr(D⁻¹ (K − Q)), Q = k(X, Z) k(Z, Z)⁻¹ k(Z, X) and D the noise: never above log p(y), whatever Z
 * (Titsias 2009, equation 9).
 */
export function solveCollapsed(statistics: SparseStatistics): CollapsedSolution {
  const { squares, pulls, residuals, variances, logNoise } = statistics;
  const m = squares.rows;
  const inner = matrix(m, m, squares.data.slice());
  let trace = 0;
  for (let i = 0; i < m; i++) {
    trace += inner.data[i * (m + 1)]!;
    inner.data[i * (m + 1)]! += 1;
  }
  const factor = cholesky(inner);
  const half = halfSolve(factor, pulls);
  const bound =
    -0.5 * (logNoise + logDeterminant(factor) + residuals - dot(half.data, half.data) + variances - trace);
  return { factor, half, bound };
}

/** The bound with its derivatives. */
export interface CollapsedSlopes {
  readonly value: number;
  readonly kernel: Gradient;
  readonly noiseVariance: number;
  /** In the residuals, n. */
  readonly residual: Float64Array;
  /** In the inducing points, m × d; absent unless asked for. */
  readonly inducing: Matrix | undefined;
}

/**
 * The bound for one noise variance, in O(n m²), a few thousand points at a time. With w = B⁻¹ b: ∂/∂A = (I − B⁻¹ − w wᵀ) A / s +
 * w rᵀ / s over the white columns A, and ∂/∂k(Z, Z) = −½ L⁻ᵀ (B − 2I + B⁻¹ + w wᵀ) L⁻¹.
 */
export function collapsedSlopes(
  kernel: Kernel,
  inducing: Matrix,
  noiseVariance: number,
  x: Matrix,
  residual: Float64Array,
  inPoints: boolean,
): CollapsedSlopes {
  const n = x.rows;
  const m = inducing.rows;
  const beta = 1 / noiseVariance;
  const factor = inducingFactor(kernel, inducing, searchJitter);
  const noise = new Float64Array(n).fill(noiseVariance);
  const statistics = statisticsOf(kernel, inducing, factor, x, residual, noise);
  const { factor: inner, bound } = solveCollapsed(statistics);
  const precision = inverse(inner);
  const w = multiply(precision, statistics.pulls);

  // I − B⁻¹ − w wᵀ, and B − 2I + B⁻¹ + w wᵀ.
  const onWhite = identity(m);
  const onLower = matrix(m, m, statistics.squares.data.slice());
  let [traceOfInverse, trace] = [0, 0];
  for (let a = 0, k = 0; a < m; a++) {
    traceOfInverse += precision.data[a * (m + 1)]!;
    trace += statistics.squares.data[a * (m + 1)]!;
    onLower.data[a * (m + 1)]! -= 1;
    for (let b = 0; b < m; b++, k++) {
      const outer = precision.data[k]! + w.data[a]! * w.data[b]!;
      onWhite.data[k]! -= outer;
      onLower.data[k]! += outer;
    }
  }
  const around = (a: Matrix, scale: number) => {
    const out = congruent(factor, a);
    for (let k = 0; k < out.data.length; k++) out.data[k]! *= scale;
    return out;
  };
  const ofGram = kernelSlopes(kernel, inducing, undefined, around(onLower, -0.5), inPoints);
  const onCross = around(onWhite, beta);
  const pull = halfSolveTransposed(factor, w);
  let gradient = ofGram.parameters;
  const points = ofGram.points && matrix(m, x.cols, ofGram.points.data.slice());
  const ofResidual = new Float64Array(n);
  inChunks(x, (part, from, to) => {
    const own = { ...part };
    const cross = kernel.cross(inducing, own);
    const bar = multiply(onCross, cross);
    const means = multiply(cross, pull, { a: true });
    for (let i = from; i < to; i++) ofResidual[i] = beta * (means.data[i - from]! - residual[i]!);
    for (let a = 0, k = 0; a < m; a++) {
      const slope = beta * pull.data[a]!;
      for (let i = from; i < to; i++, k++) bar.data[k]! += slope * residual[i]!;
    }
    const slopes = kernelSlopes(kernel, inducing, own, bar, inPoints);
    gradient = sumGradients(gradient, slopes.parameters);
    if (points && slopes.points) {
      for (let k = 0; k < points.data.length; k++) points.data[k]! += slopes.points.data[k]!;
    }
  });
  gradient = sumGradients(gradient, diagonalSlopes(kernel, x, new Float64Array(n).fill(-0.5 * beta)));
  const aligned = dot(statistics.pulls.data, w.data);
  // β ∂/∂β; and ∂/∂s = −β² ∂/∂β.
  const byPrecision =
    -0.5 *
    (m -
      n -
      traceOfInverse +
      statistics.residuals -
      aligned -
      dot(w.data, w.data) +
      statistics.variances -
      trace);
  return {
    value: bound,
    kernel: gradient,
    noiseVariance: -beta * byPrecision,
    residual: ofResidual,
    inducing: points,
  };
}
