import type { Kernel } from "../../kernels/index.ts";
import {
  cholesky,
  gramOf,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  pivotedCholesky,
  rowRange,
  solve,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";

/** A matrix P = Rᵀ R + D like K + noise, which is solved at once. */
export interface Preconditioner {
  /** Rows of R. */
  readonly rank: number;
  /** P⁻¹ b. */
  solve(b: Matrix): Matrix;
  /** In nats. */
  readonly logDeterminant: number;
  /** `count` draws of N(0, P), side by side: n × count. The same of a key for every kernel, up to P itself. */
  sample(key: Key, count: number): Matrix;
}

// P must have an inverse where the noise is 0: at least this share of the average variance.
const leastNoise = 1e-8;

/**
 * Rᵀ R the kernel matrix' pivoted Cholesky factor and D its noise (Gardner et al. 2018, appendix C): the directions in
 * which K is large, exactly. `rank` columns of K are looked at; 0 leaves D alone.
 */
export function pivotedPreconditioner(
  kernel: Kernel,
  x: Matrix,
  noise: Float64Array,
  rank: number,
): Preconditioner {
  const diagonal = kernel.diagonal(x);
  const size = diagonal.length;
  const floor = (leastNoise * diagonal.reduce((sum, v) => sum + v, 0)) / size;
  const d = noise.map((v) => Math.max(v, floor));
  const { rows } = pivotedCholesky(diagonal, (i) => kernelColumn(kernel, x, i, diagonal[i]!), rank);
  const k = rows.rows;
  // U = R D^(−½): P⁻¹ = D^(−½) (I − Uᵀ (I + U Uᵀ)⁻¹ U) D^(−½).
  const scaled = matrix(k, size, rows.data.slice());
  for (let r = 0, at = 0; r < k; r++)
    for (let i = 0; i < size; i++, at++) scaled.data[at]! /= Math.sqrt(d[i]!);
  const inner = gramOf(scaled);
  for (let r = 0; r < k; r++) inner.data[r * (k + 1)]! += 1;
  const factor = k > 0 ? cholesky(inner) : undefined;
  return {
    rank: k,
    logDeterminant: d.reduce((sum, v) => sum + Math.log(v), 0) + (factor ? logDeterminant(factor) : 0),
    solve(b) {
      const half = overRoots(b, d);
      if (!factor) return overRoots(half, d);
      const back = multiply(scaled, solve(factor, multiply(scaled, half)), { a: true });
      for (let i = 0; i < half.data.length; i++) half.data[i]! -= back.data[i]!;
      return overRoots(half, d);
    },
    sample(key, count) {
      const white = matrix(size, count, normal(split(key, "noise"), size * count));
      for (let i = 0, at = 0; i < size; i++)
        for (let c = 0; c < count; c++, at++) white.data[at]! *= Math.sqrt(d[i]!);
      if (k === 0) return white;
      const along = multiply(rows, matrix(k, count, normal(split(key, "rank"), k * count)), { a: true });
      for (let i = 0; i < white.data.length; i++) white.data[i]! += along.data[i]!;
      return white;
    },
  };
}

/** Column `index` of k(X, X): what output index mod o at point index / o has to do with all. */
export function kernelColumn(kernel: Kernel, x: Matrix, index: number, own: number): Float64Array {
  const { outputs } = kernel;
  const point = Math.floor(index / outputs);
  const rows = kernel.cross({ ...rowRange(x, point, point + 1) }, x);
  const start = (index % outputs) * rows.cols;
  const column = rows.data.slice(start, start + rows.cols);
  // White noise is a point's own: the cross-covariance leaves it out.
  column[index] = own;
  return column;
}

function overRoots(b: Matrix, d: Float64Array): Matrix {
  const out = matrix(b.rows, b.cols);
  for (let i = 0, at = 0; i < b.rows; i++) {
    const root = Math.sqrt(d[i]!);
    for (let c = 0; c < b.cols; c++, at++) out.data[at] = b.data[at]! / root;
  }
  return out;
}
