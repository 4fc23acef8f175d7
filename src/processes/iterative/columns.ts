import { type Matrix, matrix } from "../../linalg/index.ts";

/** The columns of both, a's first. */
export function besides(a: Matrix, b: Matrix): Matrix {
  const cols = a.cols + b.cols;
  const out = matrix(a.rows, cols);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * cols);
    out.data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * cols + a.cols);
  }
  return out;
}

/** Columns `from` (included) to `to` (excluded). */
export function columnRange(a: Matrix, from: number, to: number): Matrix {
  const out = matrix(a.rows, to - from);
  for (let i = 0; i < a.rows; i++)
    out.data.set(a.data.subarray(i * a.cols + from, i * a.cols + to), i * out.cols);
  return out;
}
