import { cholesky, halfSolve, inverse, logDeterminant, type Matrix, matrix, solve } from "../linalg/index.ts";
import type { LeaveOneOut } from "./process.ts";

/**
 * Leave-one-out predictions from P = (K + Σ)⁻¹ and α = P (y − m): for the block of a point's outputs,
 * variance P_ii⁻¹ and residual P_ii⁻¹ α_i (Rasmussen & Williams 2006, equations 5.10–5.12, in blocks).
 * Only the diagonal blocks of `precision` (n·o square) are read.
 */
export function leaveOneOutFrom(precision: Matrix, alpha: Matrix, y: Matrix): LeaveOneOut {
  const { rows, cols: outputs } = y;
  const mean = matrix(rows, outputs);
  const variance = matrix(rows, outputs);
  const residual = matrix(rows, outputs);
  let logDensity = 0;
  for (let i = 0; i < rows; i++) {
    const block = matrix(outputs, outputs);
    const rhs = matrix(outputs, 1);
    for (let p = 0; p < outputs; p++) {
      const row = i * outputs + p;
      rhs.data[p] = alpha.data[row]!;
      for (let q = 0; q < outputs; q++) {
        block.data[p * outputs + q] = precision.data[row * precision.cols + i * outputs + q]!;
      }
    }
    const factor = cholesky(block);
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
