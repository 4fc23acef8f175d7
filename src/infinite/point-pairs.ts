import type { Layout } from "./limit-state.ts";

/** The P × P numbers of one pair of points within an array in the full form. */
export interface PointPair {
  /** Which points: rows of the two sides. */
  readonly i: number;
  readonly j: number;
  readonly base: number;
  readonly down: number;
  readonly across: number;
}

/** Visits the pairs of points of an array in the full form. */
export function eachPointPair(
  { positions, rows, cols, matched }: Layout,
  visit: (pair: PointPair) => void,
): void {
  const down = rows * positions * cols;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      visit({ i, j: matched ? i : j, base: i * positions * cols + j, down, across: cols });
    }
  }
}

/** The pair's numbers as a P × P matrix. */
export function gather(values: Float64Array, { base, down, across }: PointPair, positions: number) {
  const out = new Float64Array(positions * positions);
  for (let p = 0, k = 0; p < positions; p++) {
    for (let q = 0; q < positions; q++, k++) out[k] = values[base + p * down + q * across]!;
  }
  return out;
}

/** Adds a P × P matrix to the pair's numbers. */
export function scatterAdd(
  out: Float64Array,
  { base, down, across }: PointPair,
  positions: number,
  from: Float64Array,
): void {
  for (let p = 0, k = 0; p < positions; p++) {
    for (let q = 0; q < positions; q++, k++) out[base + p * down + q * across]! += from[k]!;
  }
}
