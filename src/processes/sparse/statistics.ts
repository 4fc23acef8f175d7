import { engine } from "../../engine/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import {
  add,
  block,
  type Cholesky,
  halfSolveInPlace,
  type Matrix,
  matrix,
  mirror,
  multiply,
  operand,
  rowRange,
  subtract,
} from "../../linalg/index.ts";

/**
 * All that a collapsed sparse posterior keeps of its data: sums over the points, in coordinates where the inducing values
 * are white. With a_i = L⁻¹ k(Z, x_i), L Lᵀ = k(Z, Z), residuals r_i = y_i − mean(x_i) and noise variances s_i.
 */
export interface SparseStatistics {
  readonly count: number;
  /** Σ a_i a_iᵀ / s_i, m × m. */
  readonly squares: Matrix;
  /** Σ a_i r_i / s_i, m × 1. */
  readonly pulls: Matrix;
  /** Σ r_i² / s_i. */
  readonly residuals: number;
  /** Σ k(x_i, x_i) / s_i. */
  readonly variances: number;
  /** Σ log 2π s_i. */
  readonly logNoise: number;
}

// Rows of k(X, Z) held at a time.
const chunk = 2048;

/** Runs over the points a few thousand at a time. */
export function inChunks(x: Matrix, visit: (part: Matrix, from: number, to: number) => void): void {
  for (let from = 0; from < x.rows; from += chunk) {
    const to = Math.min(x.rows, from + chunk);
    visit(rowRange(x, from, to), from, to);
  }
}

/** The sums over these points. */
export function statisticsOf(
  kernel: Kernel,
  inducing: Matrix,
  factor: Cholesky,
  x: Matrix,
  residual: Float64Array,
  noise: Float64Array,
): SparseStatistics {
  const m = factor.size;
  const squares = matrix(m, m);
  const pulls = matrix(m, 1);
  let [residuals, variances, logNoise] = [0, 0, 0];
  inChunks(x, (part, from, to) => {
    const white = halfSolveInPlace(factor, kernel.cross(inducing, { ...part }));
    const n = to - from;
    const scaled = matrix(n, 1);
    const scales = new Float64Array(n);
    const diagonal = kernel.diagonal(part);
    for (let i = 0; i < n; i++) {
      const scale = 1 / Math.sqrt(noise[from + i]!);
      const r = residual[from + i]! * scale;
      scales[i] = scale;
      scaled.data[i] = r;
      residuals += r * r;
      variances += diagonal[i]! / noise[from + i]!;
      logNoise += Math.log(2 * Math.PI * noise[from + i]!);
    }
    for (let a = 0, k = 0; a < m; a++) for (let i = 0; i < n; i++, k++) white.data[k]! *= scales[i]!;
    engine().syrk(m, n, 1, operand(white), 1, block(squares));
    const own = multiply(white, scaled);
    for (let a = 0; a < m; a++) pulls.data[a]! += own.data[a]!;
  });
  mirror(squares);
  return { count: x.rows, squares, pulls, residuals, variances, logNoise };
}

/** The sums over both sets of points; with `sign` −1, over the first without the second. */
export function joined(a: SparseStatistics, b: SparseStatistics, sign: 1 | -1 = 1): SparseStatistics {
  const combine = sign === 1 ? add : subtract;
  return {
    count: a.count + sign * b.count,
    squares: combine(a.squares, b.squares),
    pulls: combine(a.pulls, b.pulls),
    residuals: a.residuals + sign * b.residuals,
    variances: a.variances + sign * b.variances,
    logNoise: a.logNoise + sign * b.logNoise,
  };
}
