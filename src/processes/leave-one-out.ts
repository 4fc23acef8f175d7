import type { Matrix } from "../linalg/index.ts";
import { matrix } from "../linalg/index.ts";
import { leaveOut } from "./k-fold.ts";
import type { LeaveOneOut } from "./process.ts";

/**
 * Leave-one-out predictions from P = (K + Σ)⁻¹ and α = P (y − m): folds of one point each (Rasmussen & Williams 2006,
 * equations 5.10–5.12, in blocks). `precision(i)` gives the block P_ii of a point's outputs; `alpha` is n·o × 1,
 * point-major.
 */
export function leaveOneOutFrom(precision: (i: number) => Matrix, alpha: Matrix, y: Matrix): LeaveOneOut {
  const folds = Array.from({ length: y.rows }, (_, i) => [i]);
  return leaveOut(folds, precision, alpha, y);
}

/** The square block of this size on the diagonal of a, from this row on. */
export function diagonalBlock(a: Matrix, from: number, size: number): Matrix {
  const out = matrix(size, size);
  for (let p = 0; p < size; p++) {
    const start = (from + p) * a.cols + from;
    out.data.set(a.data.subarray(start, start + size), p * size);
  }
  return out;
}
