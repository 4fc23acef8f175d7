import { NonFiniteError } from "../errors/index.ts";
import { type Matrix, matrix } from "./matrix.ts";

/** A ≈ Rᵀ R for a symmetric positive semi-definite A, n × n, of which only some columns were looked at. */
export interface PivotedCholesky {
  /** R, k × n. */
  readonly rows: Matrix;
  /** The indices of A's columns taken, in their order, k. */
  readonly pivots: Int32Array;
  /** The diagonal of A − Rᵀ R, n: what is left of each variance. */
  readonly left: Float64Array;
}

/**
 * The partial Cholesky factor with the largest remaining diagonal entry as the next pivot (Harbrecht, Peters & Schneider
 * 2012), in O(n k²): of `rank` rows, or fewer where no entry left is above `tolerance` times the largest of A's. For a
 * covariance: each pivot is the point of the largest variance given those before it.
 */
export function pivotedCholesky(
  diagonal: Float64Array,
  column: (index: number) => Float64Array,
  rank: number,
  tolerance = 1e-12,
): PivotedCholesky {
  const n = diagonal.length;
  const most = Math.min(rank, n);
  const data = new Float64Array(most * n);
  const left = diagonal.slice();
  const pivots: number[] = [];
  const smallest = tolerance * largestOf(left).value;
  while (pivots.length < most) {
    const k = pivots.length;
    const { index, value } = largestOf(left);
    if (!(value > smallest)) break;
    const row = data.subarray(k * n, (k + 1) * n);
    row.set(column(index));
    // Four rows before at a time: a quarter of the passes over the new one.
    let j = 0;
    for (; j + 3 < k; j += 4) {
      const [a, b, c, d] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n];
      const [fa, fb, fc, fd] = [data[a + index]!, data[b + index]!, data[c + index]!, data[d + index]!];
      for (let i = 0; i < n; i++) {
        row[i]! -= fa * data[a + i]! + fb * data[b + i]! + (fc * data[c + i]! + fd * data[d + i]!);
      }
    }
    for (; j < k; j++) {
      const factor = data[j * n + index]!;
      for (let i = 0; i < n; i++) row[i]! -= factor * data[j * n + i]!;
    }
    const root = Math.sqrt(value);
    for (let i = 0; i < n; i++) {
      row[i]! /= root;
      left[i] = Math.max(0, left[i]! - row[i]! ** 2);
    }
    left[index] = 0;
    pivots.push(index);
  }
  const rows = pivots.length === most ? data : data.slice(0, pivots.length * n);
  return { rows: matrix(pivots.length, n, rows), pivots: Int32Array.from(pivots), left };
}

function largestOf(values: Float64Array): { readonly index: number; readonly value: number } {
  let index = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) throw new NonFiniteError(`entry ${i} of a covariance's diagonal is NaN`);
    if (values[i]! > values[index]!) index = i;
  }
  return { index, value: values[index] ?? 0 };
}
