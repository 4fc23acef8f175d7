import type { Matrix } from "./matrix.ts";

// A few columns: O(n²) work, less than handing L to an engine takes, which copies it. Plain loops along L's rows.

/** L⁻¹ B in place, for lower triangular L (n × n) and B (n × r). */
export function forwardInPlace(lower: Matrix, b: Matrix): void {
  const n = lower.rows;
  const l = lower.data;
  const x = new Float64Array(n);
  for (let c = 0; c < b.cols; c++) {
    for (let i = 0; i < n; i++) {
      const row = i * n;
      // Four sums that do not wait for each other.
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      let j = 0;
      for (; j + 3 < i; j += 4) {
        s0 += l[row + j]! * x[j]!;
        s1 += l[row + j + 1]! * x[j + 1]!;
        s2 += l[row + j + 2]! * x[j + 2]!;
        s3 += l[row + j + 3]! * x[j + 3]!;
      }
      for (; j < i; j++) s0 += l[row + j]! * x[j]!;
      x[i] = (b.data[i * b.cols + c]! - (s0 + s1 + (s2 + s3))) / l[row + i]!;
    }
    for (let i = 0; i < n; i++) b.data[i * b.cols + c] = x[i]!;
  }
}

/** L⁻ᵀ B in place. */
export function backwardInPlace(lower: Matrix, b: Matrix): void {
  const n = lower.rows;
  const l = lower.data;
  const x = new Float64Array(n);
  for (let c = 0; c < b.cols; c++) {
    for (let i = 0; i < n; i++) x[i] = b.data[i * b.cols + c]!;
    for (let i = n - 1; i >= 0; i--) {
      const row = i * n;
      const value = x[i]! / l[row + i]!;
      x[i] = value;
      for (let j = 0; j < i; j++) x[j]! -= l[row + j]! * value;
    }
    for (let i = 0; i < n; i++) b.data[i * b.cols + c] = x[i]!;
  }
}
