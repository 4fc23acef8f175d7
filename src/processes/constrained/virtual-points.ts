import { type Matrix, matrix, stackRows, takeRows } from "../../linalg/index.ts";
import { key, split, uniform } from "../../random/index.ts";
import { slopesAt, valuesAt } from "../derivatives.ts";
import { columnSpreads } from "../means.ts";
import { type Constraint, isMonotone, sideOf } from "./constraints.ts";

/** Virtual observations: points marked as `withSlopes` takes them, and rows of `likelihoods.constrained`. */
export interface VirtualPoints {
  /** m × (inputs + 1). */
  readonly x: Matrix;
  /** m × 3: value, side, width. */
  readonly y: Matrix;
}

// How far beyond the data, as a share of a column's range, constraints hold: figures look so far.
const margin = 0.1;
const gridded = 121;
const scattered = 150;

/**
 * Places where a constraint may be broken: of one input a grid over its range and a tenth beyond; of several the rows
 * themselves, places halfway between two of them, and rows moved along the constraint's column.
 */
export function candidates(x: Matrix, constraint: Constraint, seed = 0): Matrix {
  const { rows, cols } = x;
  const root = split(key(seed), "virtual points");
  const ends = Array.from({ length: cols }, (_, c) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < rows; i++) {
      const v = x.data[i * cols + c]!;
      [low, high] = [Math.min(low, v), Math.max(high, v)];
    }
    const beyond = high > low ? margin * (high - low) : 1;
    return { low: low - beyond, span: high - low + 2 * beyond };
  });
  if (cols === 1) {
    const { low, span } = ends[0]!;
    return matrix(
      gridded,
      1,
      Float64Array.from({ length: gridded }, (_, i) => low + (span * i) / (gridded - 1)),
    );
  }
  const row = (u: number) => Math.min(rows - 1, Math.floor(u * rows));
  const some = uniform(split(root, "rows"), scattered).map(row);
  const own = takeRows(x, rows <= scattered ? Array.from({ length: rows }, (_, i) => i) : Array.from(some));
  const pairs = uniform(split(root, "pairs"), 2 * scattered).map(row);
  const halfway = matrix(scattered, cols);
  const moved = matrix(scattered, cols);
  const along = uniform(split(root, "along"), scattered);
  for (let i = 0; i < scattered; i++) {
    for (let c = 0; c < cols; c++) {
      const [a, b] = [x.data[pairs[2 * i]! * cols + c]!, x.data[pairs[2 * i + 1]! * cols + c]!];
      halfway.data[i * cols + c] = (a + b) / 2;
      const slides = !isMonotone(constraint) || c === constraint.column;
      moved.data[i * cols + c] = slides
        ? ends[c]!.low + ends[c]!.span * along[i]!
        : x.data[some[i]! * cols + c]!;
    }
  }
  return stackRows([own, halfway, moved]);
}

/** `count` of the places far from each other, column by column in units of their spread: the farthest from all before. */
export function spreadOver(places: Matrix, count: number): Matrix {
  const { rows, cols, data } = places;
  const scale = columnSpreads(places);
  const nearest = new Float64Array(rows).fill(Infinity);
  const chosen: number[] = [];
  let next = 0;
  while (chosen.length < Math.min(count, rows)) {
    chosen.push(next);
    for (let i = 0; i < rows; i++) {
      let square = 0;
      for (let c = 0; c < cols; c++) {
        square += ((data[i * cols + c]! - data[next * cols + c]!) / scale[c]!) ** 2;
      }
      nearest[i] = Math.min(nearest[i]!, square);
    }
    next = nearest.reduce((best, v, i) => (v > nearest[best]! ? i : best), 0);
  }
  return takeRows(places, chosen);
}

/** Points of the places as the constraint speaks of them: the function's values or its derivatives there. */
export function markedFor(constraint: Constraint, places: Matrix): Matrix {
  return isMonotone(constraint) ? slopesAt(places, constraint.column) : valuesAt(places);
}

/** Virtual observations of a constraint at places, `width` in units of what is constrained. */
export function virtualAt(constraint: Constraint, places: Matrix, width: number): VirtualPoints {
  const value = isMonotone(constraint) ? 0 : constraint.value;
  const row = [value, sideOf(constraint), width];
  return {
    x: markedFor(constraint, places),
    y: matrix(
      places.rows,
      3,
      Float64Array.from({ length: 3 * places.rows }, (_, k) => row[k % 3]!),
    ),
  };
}

export function together(parts: readonly VirtualPoints[]): VirtualPoints {
  return { x: stackRows(parts.map((p) => p.x)), y: stackRows(parts.map((p) => p.y)) };
}
