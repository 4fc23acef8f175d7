import type { Matrix } from "../linalg/index.ts";
import { columnMeans } from "./means.ts";

/** The variance of the targets about their means; the mean square of constant ones, and 1 if all are 0. */
export function targetVariance(y: Matrix): number {
  const centre = columnMeans(y);
  const square = meanSquare(y);
  const variance = y.data.reduce((sum, v, k) => sum + (v - centre[k % y.cols]!) ** 2, 0) / y.data.length;
  if (variance > 1e-20 * square) return variance;
  return square > 0 ? square : 1;
}

export function meanSquare(a: Matrix): number {
  return a.data.reduce((sum, v) => sum + v * v, 0) / a.data.length;
}
