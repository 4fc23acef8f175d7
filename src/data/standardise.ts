import { DataError, NonFiniteError, ShapeError } from "../errors/index.ts";
import type { Matrix } from "../linalg/matrix.ts";
import type { Table } from "./table.ts";

/**
 * The change of units that gives each column mean 0 and standard deviation 1, learned at training and stored
 * with the model. A plain value that survives JSON unchanged.
 */
export interface Standardiser {
  readonly names: readonly string[];
  /** In the column's own units, one a name. */
  readonly mean: readonly number[];
  /** Standard deviation with n in the denominator, in the column's own units; positive. */
  readonly scale: readonly number[];
}

/**
 * The standardiser of the columns of `x` (n × names). Throws DataError for fewer than 2 rows and for a column
 * that does not vary, NonFiniteError for NaN or infinity, ShapeError unless every column has a name.
 */
export function standardiser(names: readonly string[], x: Matrix): Standardiser {
  expectColumns(names, x);
  if (x.rows < 2) {
    const s = x.rows === 1 ? "" : "s";
    throw new DataError(
      `expected at least 2 rows to learn mean and scale from, got ${x.rows} row${s}; add rows`,
    );
  }
  const moments = names.map((name, j) => momentsOf(name, x, j));
  return { names, mean: moments.map(({ mean }) => mean), scale: moments.map(({ scale }) => scale) };
}

function momentsOf(name: string, x: Matrix, j: number): { mean: number; scale: number } {
  const first = x.data[j]!;
  let constant = true;
  let sum = 0;
  for (let i = 0; i < x.rows; i++) {
    const value = x.data[i * x.cols + j]!;
    if (!Number.isFinite(value)) {
      throw new NonFiniteError(
        `column "${name}" holds ${value} in row ${i + 1} of the data, expected a finite number; fill it or drop the row`,
      );
    }
    if (value !== first) constant = false;
    sum += value;
  }
  const mean = sum / x.rows;
  let squares = 0;
  for (let i = 0; i < x.rows; i++) squares += (x.data[i * x.cols + j]! - mean) ** 2;
  const scale = Math.sqrt(squares / x.rows);
  if (!Number.isFinite(scale)) {
    throw new NonFiniteError(`column "${name}" is too large to square; give it in larger units`);
  }
  // What varies by less than the rounding of its own mean is noise: scaled up, it would pass for a signal.
  if (constant || scale <= Number.EPSILON * Math.abs(mean)) {
    const found = constant ? `is ${first} in every row` : `varies by no more than rounding around ${mean}`;
    throw new DataError(`column "${name}" ${found}, so it has no scale and tells nothing; drop the column`, {
      column: name,
    });
  }
  return { mean, scale };
}

/**
 * The same of columns of which NaN marks what was not seen: each is learned from what was. With `scale` "common" all are
 * divided by one number, the root of their average variance, as pixels should be: a column that hardly varies, or not at
 * all, is then left small.
 */
export function standardiserOfSeen(
  names: readonly string[],
  x: Matrix,
  scale: "own" | "common",
): Standardiser {
  expectColumns(names, x);
  const seen = names.map((name, j) => {
    const values = Float64Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + j]!).filter(
      (v) => !Number.isNaN(v),
    );
    if (values.length >= 2) return values;
    throw new DataError(`column "${name}" holds ${values.length} values, expected at least 2: drop it`, {
      column: name,
    });
  });
  if (scale === "own") {
    const parts = names.map((name, j) =>
      momentsOf(name, { rows: seen[j]!.length, cols: 1, data: seen[j]! }, 0),
    );
    return { names, mean: parts.map((part) => part.mean), scale: parts.map((part) => part.scale) };
  }
  const mean = seen.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
  const variances = seen.map(
    (values, j) => values.reduce((sum, v) => sum + (v - mean[j]!) ** 2, 0) / values.length,
  );
  const common = Math.sqrt(variances.reduce((a, b) => a + b, 0) / names.length);
  if (!(common > 0 && common < Infinity)) {
    throw new DataError(`no column of ${names.length} varies, so that they tell nothing: give others`);
  }
  return { names, mean, scale: names.map(() => common) };
}

/** From the columns' own units to standard ones; `x` is n × names, columns in the order of `names`. */
export function apply({ names, mean, scale }: Standardiser, x: Matrix): Matrix {
  expectColumns(names, x);
  return { ...x, data: x.data.map((v, i) => (v - mean[i % x.cols]!) / scale[i % x.cols]!) };
}

/** Back from standard units to the columns' own. */
export function undo({ names, mean, scale }: Standardiser, x: Matrix): Matrix {
  expectColumns(names, x);
  return { ...x, data: x.data.map((v, i) => v * scale[i % x.cols]! + mean[i % x.cols]!) };
}

/** Standard deviations, or any other differences, back to the columns' own units: scaled, not shifted. */
export function undoScale({ names, scale }: Standardiser, sd: Matrix): Matrix {
  expectColumns(names, sd);
  return { ...sd, data: sd.data.map((v, i) => v * scale[i % sd.cols]!) };
}

/** Those of `names` that the table lacks, in the order of `names`; where in the table a column stands is free. */
export function missingColumns(names: readonly string[], table: Table): readonly string[] {
  const there = new Set(table.columns);
  return names.filter((name) => !there.has(name));
}

function expectColumns(names: readonly string[], x: Matrix): void {
  if (x.cols !== names.length) {
    throw new ShapeError(`expected ${names.length} columns (${names.join(", ")}), got ${x.cols}`);
  }
}
