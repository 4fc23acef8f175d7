import { eigh, gramOf, type Matrix, matrix } from "../linalg/index.ts";
import { columnMeans, columnSpreads } from "../processes/index.ts";

/**
 * The projection (width × columns) onto the `width` directions in which the standardised columns of x vary most, in the
 * columns' own units divided by their spreads: values of it are about as large as standardised data.
 */
export function principalProjection(x: Matrix, width: number): Matrix {
  const centre = columnMeans(x);
  const spread = columnSpreads(x, centre);
  const standard = matrix(x.rows, x.cols);
  for (let k = 0; k < standard.data.length; k++) {
    const c = k % x.cols;
    standard.data[k] = (x.data[k]! - centre[c]!) / spread[c]!;
  }
  const { vectors } = eigh(gramOf(standard, true));
  const out = matrix(width, x.cols);
  for (let p = 0; p < Math.min(width, x.cols); p++) {
    const column = x.cols - 1 - p;
    // A sign that does not depend on the eigensolver: the largest entry is positive.
    let largest = 0;
    for (let c = 0; c < x.cols; c++) {
      const v = vectors.data[c * x.cols + column]!;
      if (Math.abs(v) > Math.abs(largest) + 1e-9) largest = v;
    }
    for (let c = 0; c < x.cols; c++) {
      out.data[p * x.cols + c] = (Math.sign(largest) * vectors.data[c * x.cols + column]!) / spread[c]!;
    }
  }
  return out;
}
