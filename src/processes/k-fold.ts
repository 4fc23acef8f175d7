import { UsageError } from "../errors/index.ts";
import {
  cholesky,
  halfSolve,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  solve,
  takeRows,
} from "../linalg/index.ts";
import { type Key, key as keyOf, permutation } from "../random/index.ts";
import type { ExactPosterior } from "./exact.ts";
import type { LeaveOneOut } from "./process.ts";

export interface CrossValidation extends LeaveOneOut {
  /** The points left out together, as rows of the posterior's data. */
  readonly folds: readonly (readonly number[])[];
  /** Σ over folds of log p(y of the fold | all others), in nats; jointly over all values of a fold. */
  readonly logDensity: number;
}

/**
 * Predictions of each fold from all others, without refitting: kernel, mean and noises stay as they are. For folds
 * chosen at random give their number (and a key; key(0) unless given), else the rows of each fold, every row once.
 * Equal to conditioning anew on what is left, by one inverse for all folds (Ginsbourger & Schärer 2021).
 */
export function crossValidate(
  posterior: ExactPosterior,
  folds: number | readonly (readonly number[])[],
  key: Key = keyOf(0),
): CrossValidation {
  const { y, factor, alpha } = posterior.solution;
  const parts = typeof folds === "number" ? randomFolds(y.rows, folds, key) : folds;
  expectPartition(parts, y.rows);
  const precision = inverse(factor);
  const block = (f: number) => {
    const rows = valuesOf(parts[f]!, y.cols);
    const out = matrix(rows.length, rows.length);
    rows.forEach((row, i) => {
      rows.forEach((col, j) => {
        out.data[i * rows.length + j] = precision.data[row * precision.cols + col]!;
      });
    });
    return out;
  };
  return { ...leaveOut(parts, block, alpha, y), folds: parts };
}

/**
 * Predictions of each fold F from P = (K + Σ)⁻¹ and α = P (y − m): the values of a fold given all others have
 * covariance P_FF⁻¹ and residual P_FF⁻¹ α_F (the partitioned inverse). `precision(f)` gives P_FF of fold f, its values
 * point-major in the fold's order; `alpha` is n·o × 1, y n × o.
 */
export function leaveOut(
  folds: readonly (readonly number[])[],
  precision: (f: number) => Matrix,
  alpha: Matrix,
  y: Matrix,
): LeaveOneOut {
  const { rows, cols: outputs } = y;
  const mean = matrix(rows, outputs);
  const variance = matrix(rows, outputs);
  const residual = matrix(rows, outputs);
  let logDensity = 0;
  folds.forEach((fold, f) => {
    const values = valuesOf(fold, outputs);
    const rhs = takeRows(alpha, values);
    const factor = cholesky(precision(f));
    const gap = solve(factor, rhs);
    const spread = inverse(factor);
    // rᵀ Σ⁻¹ r with Σ⁻¹ the block itself: ‖Lᵀ gap‖² = ‖L⁻¹ rhs‖².
    const square = halfSolve(factor, rhs).data.reduce((sum, v) => sum + v * v, 0);
    logDensity += -0.5 * (square - logDeterminant(factor) + values.length * Math.log(2 * Math.PI));
    values.forEach((k, i) => {
      residual.data[k] = gap.data[i]!;
      variance.data[k] = spread.data[i * values.length + i]!;
      mean.data[k] = y.data[k]! - gap.data[i]!;
    });
  });
  return { mean, variance, residual, logDensity };
}

/** The rows of a fold's values where points have `outputs` values each. */
function valuesOf(fold: readonly number[], outputs: number): number[] {
  return fold.flatMap((i) => Array.from({ length: outputs }, (_, p) => i * outputs + p));
}

/** As equal in size as can be. */
function randomFolds(count: number, folds: number, key: Key): readonly (readonly number[])[] {
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= count)) {
    throw new UsageError(`the number of folds is from 2 to the ${count} observations, got ${folds}`);
  }
  const order = Array.from(permutation(key, count));
  return Array.from({ length: folds }, (_, f) =>
    order.slice(Math.round((f * count) / folds), Math.round(((f + 1) * count) / folds)),
  );
}

function expectPartition(folds: readonly (readonly number[])[], count: number): void {
  const seen = new Set<number>();
  for (const i of folds.flat()) {
    if (!(Number.isInteger(i) && i >= 0 && i < count)) {
      throw new UsageError(`a fold holds row ${i}; the observations are rows 0 to ${count - 1}`);
    }
    if (seen.has(i)) throw new UsageError(`row ${i} is in the folds twice`);
    seen.add(i);
  }
  if (seen.size < count) throw new UsageError(`the folds hold ${seen.size} of ${count} observations`);
  if (folds.length < 2 || folds.some((fold) => fold.length === 0)) {
    throw new UsageError("at least two folds are needed, none of them empty");
  }
}
