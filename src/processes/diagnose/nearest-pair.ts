import type { Matrix } from "../../linalg/index.ts";
import { columnMeans, columnSpreads } from "../means.ts";

// Beyond so many rows the n² distances take longer than they tell.
const most = 3000;

/** The two different rows that lie nearest to each other, each column in units of its sd; undefined for many rows. */
export function nearestPair(x: Matrix): readonly [number, number] | undefined {
  if (x.rows < 2 || x.rows > most) return undefined;
  const scales = columnSpreads(x, columnMeans(x));
  let best = Infinity;
  let pair: readonly [number, number] | undefined;
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let c = 0; c < x.cols && square < best; c++) {
        square += ((x.data[i * x.cols + c]! - x.data[j * x.cols + c]!) / scales[c]!) ** 2;
      }
      if (square < best) [best, pair] = [square, [j, i]];
    }
  }
  return pair;
}

/** Between two rows, in the columns' own units. */
export function distance(x: Matrix, i: number, j: number): number {
  let square = 0;
  for (let c = 0; c < x.cols; c++) square += (x.data[i * x.cols + c]! - x.data[j * x.cols + c]!) ** 2;
  return Math.sqrt(square);
}
