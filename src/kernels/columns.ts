import { ShapeError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";

/**
 * Values of which there is one for all columns or one a column: the value of column c is `values[c]`, or the only
 * one. Throws ShapeError when the points have another number of columns.
 */
export function perColumn(kind: string, name: string, values: Float64Array, cols: number): Float64Array {
  if (values.length === cols) return values;
  if (values.length === 1) return new Float64Array(cols).fill(values[0]!);
  throw new ShapeError(`${kind} has ${values.length} values of ${name}, the points ${cols} columns`);
}

/** What each column adds to the derivative in `values`: itself, or all summed where there is one value for all. */
export function perValue(slopes: Float64Array, count: number): Float64Array {
  return count === slopes.length ? slopes : Float64Array.of(slopes.reduce((a, b) => a + b, 0));
}

/** Columns a point must have for parameters given one a column; undefined when there is one for all. */
export function columnsNeeded(...values: readonly Float64Array[]): number | undefined {
  const sizes = [...new Set(values.map((v) => v.length))].filter((size) => size > 1);
  if (sizes.length > 1)
    throw new ShapeError(`parameters for ${sizes.join(" and for ")} columns in one kernel`);
  return sizes[0];
}

/** Column c of every row. */
export function columnOf(x: Matrix, c: number): Float64Array {
  return Float64Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!);
}
