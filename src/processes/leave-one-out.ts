import {
  cholesky,
  halfSolve,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  rowRange,
  solve,
} from "../linalg/index.ts";
import type { LeaveOneOut } from "./process.ts";

/**
 * Leave-one-out predictions from P = (K + Σ)⁻¹ and α = P (y − m): for the o × o block P_ii of a point's outputs,
 * variance P_ii⁻¹ and residual P_ii⁻¹ α_i (Rasmussen & Williams 2006, equations 5.10–5.12, in blocks).
 * `precision(i)` gives P_ii; `alpha` is n·o × 1, point-major.
 */
export function leaveOneOutFrom(precision: (i: number) => Matrix, alpha: Matrix, y: Matrix): LeaveOneOut {
  const { rows, cols: outputs } = y;
  const mean = matrix(rows, outputs);
  const variance = matrix(rows, outputs);
  const residual = matrix(rows, outputs);
  let logDensity = 0;
  for (let i = 0; i < rows; i++) {
    const rhs = rowRange(alpha, i * outputs, (i + 1) * outputs);
    const factor = cholesky(precision(i));
    const gap = solve(factor, rhs);
    const spread = inverse(factor);
    // rᵀ Σ⁻¹ r with Σ⁻¹ the block itself: ‖Lᵀ gap‖² = ‖L⁻¹ rhs‖².
    const square = halfSolve(factor, rhs).data.reduce((sum, v) => sum + v * v, 0);
    logDensity += -0.5 * (square - logDeterminant(factor) + outputs * Math.log(2 * Math.PI));
    for (let p = 0; p < outputs; p++) {
      const k = i * outputs + p;
      residual.data[k] = gap.data[p]!;
      variance.data[k] = spread.data[p * outputs + p]!;
      mean.data[k] = y.data[k]! - gap.data[p]!;
    }
  }
  return { mean, variance, residual, logDensity };
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
