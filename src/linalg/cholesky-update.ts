import { engine } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";
import { type Cholesky, halfSolve } from "./cholesky.ts";
import { dot, expectShape, type Matrix, matrix, transpose } from "./matrix.ts";
import { block, gramOf } from "./products.ts";

// Factors of matrices that grow and shrink by rows, in O(n²) a row. All keep the jitter that the factor was made
// with: what is factored is the whole matrix with that jitter on every diagonal entry, the new ones too.

/**
 * The factor of [[A, Bᵀ], [B, C]] from that of A (n × n), for rows B (m × n) and their corner C (m × m): its new
 * rows are (L⁻¹ Bᵀ)ᵀ and the factor of C − B A⁻¹ Bᵀ. Undefined where that is not positive definite: the whole must
 * then be factored again, with more jitter.
 */
export function extendCholesky(factor: Cholesky, rows: Matrix, corner: Matrix): Cholesky | undefined {
  const { size: n, report } = factor;
  const m = corner.rows;
  expectShape(rows, "the new rows", m, n);
  expectShape(corner, "the corner", m, m);
  const beside = transpose(halfSolve(factor, transpose(rows)));
  const explained = gramOf(beside);
  const rest = matrix(m, m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) rest.data[i * m + j] = corner.data[i * m + j]! - explained.data[i * m + j]!;
    rest.data[i * m + i]! += report.jitter;
  }
  if (engine().potrf(m, block(rest)) >= 0) return undefined;
  const size = n + m;
  const lower = matrix(size, size);
  for (let i = 0; i < n; i++) {
    lower.data.set(factor.lower.data.subarray(i * n, i * n + i + 1), i * size);
  }
  for (let i = 0; i < m; i++) {
    lower.data.set(beside.data.subarray(i * n, (i + 1) * n), (n + i) * size);
    lower.data.set(rest.data.subarray(i * m, i * m + i + 1), (n + i) * size + n);
  }
  return { size, lower, report };
}

/**
 * The factor of A without the rows and columns at `indices`. With K the ones kept and R the ones removed,
 * A_KK = L_KK L_KKᵀ + L_KR L_KRᵀ: an update of as many ranks as are removed, over the rows behind the first.
 */
export function removeFromCholesky(factor: Cholesky, indices: readonly number[]): Cholesky {
  const { size: n, report } = factor;
  const removed = new Set(indices);
  for (const i of removed) {
    if (!(Number.isInteger(i) && i >= 0 && i < n)) {
      throw new UsageError(`a row to remove is a whole number from 0 to ${n - 1}, got ${i}`);
    }
  }
  const kept = Array.from({ length: n }, (_, i) => i).filter((i) => !removed.has(i));
  const size = kept.length;
  const lower = matrix(size, size);
  kept.forEach((row, i) => {
    for (let j = 0; j <= i; j++) lower.data[i * size + j] = factor.lower.data[row * n + kept[j]!]!;
  });
  const first = kept.findIndex((row, i) => row !== i);
  if (first >= 0) {
    const gone = [...removed];
    const beside = matrix(size - first, gone.length);
    for (let i = first, k = 0; i < size; i++) {
      const row = kept[i]!;
      for (const r of gone) beside.data[k++] = row > r ? factor.lower.data[row * n + r]! : 0;
    }
    updateFrom(lower, first, beside, 1);
  }
  return { size, lower, report };
}

/**
 * The factor of A with a row and column put in at `index`: `column` (n) is its covariance with the rows of A,
 * `corner` its own entry. Undefined where the result is not positive definite.
 */
export function insertIntoCholesky(
  factor: Cholesky,
  index: number,
  column: Float64Array,
  corner: number,
): Cholesky | undefined {
  const { size: n, lower: before, report } = factor;
  const size = n + 1;
  const lower = matrix(size, size);
  // Row by row: the rows before `index` as they are, the new row by forward substitution, the others moved by one.
  for (let i = 0; i < index; i++) {
    lower.data.set(before.data.subarray(i * n, i * n + i + 1), i * size);
  }
  const w = new Float64Array(index);
  for (let i = 0; i < index; i++) {
    const row = before.data.subarray(i * n, i * n + i);
    w[i] = (column[i]! - dot(row, w)) / before.data[i * n + i]!;
  }
  const pivot = corner + report.jitter - dot(w, w);
  if (!(pivot > 0)) return undefined;
  const root = Math.sqrt(pivot);
  lower.data.set(w, index * size);
  lower.data[index * size + index] = root;
  const below = matrix(n - index, 1);
  for (let i = index; i < n; i++) {
    const row = before.data.subarray(i * n, i * n + i + 1);
    const to = (i + 1) * size;
    const beside = (column[i]! - dot(w, row)) / root;
    lower.data.set(row.subarray(0, index), to);
    lower.data[to + index] = beside;
    lower.data.set(row.subarray(index), to + index + 1);
    below.data[i - index] = beside;
  }
  return below.rows === 0 || updateFrom(lower, index + 1, below, -1) ? { size, lower, report } : undefined;
}

/** The factor of A + Vᵀ V from that of A (n × n), for rows V (k × n), in O(n²) a row. */
export function updateCholesky(factor: Cholesky, rows: Matrix): Cholesky {
  const { size, report } = factor;
  expectShape(rows, "the rows added", undefined, size);
  const lower = matrix(size, size, factor.lower.data.slice());
  updateFrom(lower, 0, transpose(rows), 1);
  return { size, lower, report };
}

/**
 * The factor of A − Vᵀ V from that of A (n × n), for rows V (k × n), in O(n²) a row. Undefined where the result is not
 * positive definite in floating point.
 */
export function downdateCholesky(factor: Cholesky, rows: Matrix): Cholesky | undefined {
  const { size, report } = factor;
  expectShape(rows, "the rows taken away", undefined, size);
  const lower = matrix(size, size, factor.lower.data.slice());
  return updateFrom(lower, 0, transpose(rows), -1) ? { size, lower, report } : undefined;
}

/**
 * In place, the factor of L Lᵀ + sign · V Vᵀ on the rows and columns of L from `from` on, V having as many rows. False,
 * with L as it was, where the result is not positive definite.
 */
function updateFrom(lower: Matrix, from: number, v: Matrix, sign: 1 | -1): boolean {
  const trailing = { data: lower.data, offset: from * (lower.cols + 1), stride: lower.cols };
  return engine().choleskyUpdate(v.rows, v.cols, sign, trailing, block(v)) < 0;
}
