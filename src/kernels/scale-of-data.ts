import { UsageError } from "../errors/index.ts";
import { expectFinite, type Matrix } from "../linalg/index.ts";
import { columnOf } from "./columns.ts";
import type { Kernel } from "./kernel.ts";

/**
 * The kernel with its unset parameters scaled to data: lengthscales from median distances between points, column by
 * column under ARD and then times √columns (so that points are neighbours whatever the number of columns), variances
 * from the variance of the targets, shared evenly by the terms of a sum. What a person or a fit has set stays.
 * x is n × d, y n × outputs.
 */
export function defaultsFromData(kernel: Kernel, x: Matrix, y: Matrix): Kernel {
  if (x.rows === 0 || y.rows !== x.rows) {
    throw new UsageError(`x and y should have the same rows, at least one, got ${x.rows} and ${y.rows}`);
  }
  expectFinite(x, "x");
  expectFinite(y, "y");
  return startAt(kernel, x, varianceOf(y));
}

/** The kernel's own `startAt`, or the kernel as it is where it has none. */
export function startAt(kernel: Kernel, x: Matrix, variance: number): Kernel {
  return kernel.startAt?.(x, variance) ?? kernel;
}

/** Of all columns about their means, on average; of constant targets the mean square, and of zeros 1. */
function varianceOf(y: Matrix): number {
  let variance = 0;
  let square = 0;
  for (let c = 0; c < y.cols; c++) {
    const column = columnOf(y, c);
    const mean = column.reduce((sum, v) => sum + v / y.rows, 0);
    for (const v of column) {
      variance += (v - mean) ** 2 / y.data.length;
      square += v ** 2 / y.data.length;
    }
  }
  // Below this the variance of constant targets is rounding.
  if (variance > 1e-20 * square) return variance;
  return square > 0 ? square : 1;
}

// Pairs of points looked at: the median of so many errs by about 3 %.
const pairs = 2000;

/** The median distance between different points: `count` 1, over all columns; else of each column, times √columns. */
export function typicalDistances(x: Matrix, count: number): Float64Array {
  if (count === 1) return Float64Array.of(median(distances(x, 0, x.cols)));
  return Float64Array.from({ length: count }, (_, c) => Math.sqrt(count) * median(distances(x, c, c + 1)));
}

/** Distances above 0 between pairs of rows spread over the data, in columns `from` to `to` (excluded). */
function distances(x: Matrix, from: number, to: number): number[] {
  const out: number[] = [];
  const all = (x.rows * (x.rows - 1)) / 2;
  for (let t = 0; x.rows > 1 && t < Math.min(pairs, 4 * all); t++) {
    const i = t % x.rows;
    const j = (i + 1 + ((t * 7919) % (x.rows - 1))) % x.rows;
    let sum = 0;
    for (let c = from; c < to; c++) sum += (x.data[i * x.cols + c]! - x.data[j * x.cols + c]!) ** 2;
    if (sum > 0) out.push(Math.sqrt(sum));
  }
  return out;
}

/** 1 where there is nothing to take a median of: a constant column, or one point. */
function median(values: number[]): number {
  if (values.length === 0) return 1;
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1]!;
}

/** The mean of x_c² in each column, 1 where it is 0. */
export function meanSquares(x: Matrix): Float64Array {
  return Float64Array.from({ length: x.cols }, (_, c) => {
    const mean = columnOf(x, c).reduce((sum, v) => sum + (v * v) / x.rows, 0);
    return mean > 0 ? mean : 1;
  });
}

/** The mean of each column. */
export function means(x: Matrix): Float64Array {
  return Float64Array.from({ length: x.cols }, (_, c) =>
    columnOf(x, c).reduce((sum, v) => sum + v / x.rows, 0),
  );
}

/** Largest less smallest value in each column, 1 where they agree. */
export function ranges(x: Matrix): Float64Array {
  return Float64Array.from({ length: x.cols }, (_, c) => {
    const column = columnOf(x, c);
    const range = column.reduce((a, b) => Math.max(a, b)) - column.reduce((a, b) => Math.min(a, b));
    return range > 0 ? range : 1;
  });
}
