import { type Matrix, matrix, mirror } from "../linalg/index.ts";

/**
 * A function g of squared distances s, applied to the first `count` entries of a row: `row` becomes g(s), `slope`
 * (when given) dg/ds, and `shape` the derivative in the profile's own parameter where it has one. Slopes at s = 0
 * are finite: the points coincide there and their difference, by which the slope is multiplied, is 0.
 */
export type Profile = (row: Float64Array, count: number, slope?: Float64Array, shape?: Float64Array) => void;

/** g(‖a_i − b_j‖²) for all pairs, times `size`; b is a when left out. The loop an engine can take over. */
export function pairwise(profile: Profile, size: number, a: Matrix, b?: Matrix): Matrix {
  const other = b ?? a;
  const out = matrix(a.rows, other.rows);
  const columns = columnsOf(other);
  for (let i = 0; i < a.rows; i++) {
    const count = b ? other.rows : i + 1;
    const row = out.data.subarray(i * other.rows, i * other.rows + count);
    squaredDistances(a, i, columns, other.rows, row, count);
    profile(row, count);
    if (size !== 1) for (let j = 0; j < count; j++) row[j]! *= size;
  }
  if (!b) mirror(out);
  return out;
}

/** What ⟨bar, G⟩ is and how it changes, for G = pairwise(profile, 1, a, b). */
export interface PairwisePullback {
  /** ⟨bar, G⟩ itself. */
  readonly value: number;
  /** Its derivative in the profile's own parameter. */
  readonly shape: number;
  /** Its derivatives in the points, n × d and m × d; with b left out, `a` holds both sides' and `b` is absent. */
  readonly a: Matrix;
  readonly b?: Matrix;
}

/** The pull-back of `pairwise`; bar is symmetric when b is left out. Nothing n² is stored. */
export function pairwisePullback(
  profile: Profile,
  a: Matrix,
  b: Matrix | undefined,
  bar: Matrix,
): PairwisePullback {
  const other = b ?? a;
  const { cols } = a;
  const n = other.rows;
  const columns = columnsOf(other);
  const row = new Float64Array(n);
  const slope = new Float64Array(n);
  const shape = new Float64Array(n);
  const ga = matrix(a.rows, cols);
  const gColumns = new Float64Array(n * cols); // of the other side, column by column
  let value = 0;
  let ofShape = 0;
  for (let i = 0; i < a.rows; i++) {
    const count = b ? n : i + 1;
    squaredDistances(a, i, columns, n, row, count);
    profile(row, count, slope, shape);
    const from = i * n;
    let rowValue = 0;
    let rowShape = 0;
    for (let j = 0; j < count; j++) {
      const w = bar.data[from + j]!;
      rowValue += w * row[j]!;
      rowShape += w * shape[j]!;
      slope[j]! *= 2 * w;
    }
    if (!b) {
      // The row stands for its mirror image too, the diagonal entry only for itself.
      const w = bar.data[from + i]!;
      rowValue += rowValue - w * row[i]!;
      rowShape += rowShape - w * shape[i]!;
      for (let j = 0; j < i; j++) slope[j]! *= 2;
    }
    value += rowValue;
    ofShape += rowShape;
    for (let c = 0; c < cols; c++) {
      const x = a.data[i * cols + c]!;
      const at = c * n;
      let sum = 0;
      for (let j = 0; j < count; j++) {
        const pull = slope[j]! * (x - columns[at + j]!);
        sum += pull;
        gColumns[at + j]! -= pull;
      }
      ga.data[i * cols + c] = sum;
    }
  }
  const gb = b ? matrix(n, cols) : ga;
  for (let c = 0; c < cols; c++) {
    for (let j = 0; j < n; j++) gb.data[j * cols + c]! += gColumns[c * n + j]!;
  }
  return b ? { value, shape: ofShape, a: ga, b: gb } : { value, shape: ofShape, a: ga };
}

/** ‖a_i − b_j‖² for j < count, b given by columns of length n: differences, not ‖a‖² + ‖b‖² − 2a·b, which cancels. */
function squaredDistances(
  a: Matrix,
  i: number,
  columns: Float64Array,
  n: number,
  out: Float64Array,
  count: number,
): void {
  const { cols, data } = a;
  out.fill(0, 0, count);
  let c = 0;
  for (; c + 3 < cols; c += 4) {
    const at = i * cols + c;
    const x0 = data[at]!;
    const x1 = data[at + 1]!;
    const x2 = data[at + 2]!;
    const x3 = data[at + 3]!;
    const c0 = c * n;
    const c1 = c0 + n;
    const c2 = c1 + n;
    const c3 = c2 + n;
    for (let j = 0; j < count; j++) {
      const d0 = x0 - columns[c0 + j]!;
      const d1 = x1 - columns[c1 + j]!;
      const d2 = x2 - columns[c2 + j]!;
      const d3 = x3 - columns[c3 + j]!;
      out[j]! += d0 * d0 + d1 * d1 + (d2 * d2 + d3 * d3);
    }
  }
  for (; c < cols; c++) {
    const x = data[i * cols + c]!;
    const at = c * n;
    for (let j = 0; j < count; j++) {
      const d = x - columns[at + j]!;
      out[j]! += d * d;
    }
  }
}

function columnsOf(a: Matrix): Float64Array {
  const out = new Float64Array(a.data.length);
  for (let i = 0; i < a.rows; i++) {
    for (let c = 0; c < a.cols; c++) out[c * a.rows + i] = a.data[i * a.cols + c]!;
  }
  return out;
}
