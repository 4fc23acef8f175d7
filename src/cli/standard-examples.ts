import { column, inputNames, type Standardiser, select, standardise, type Table } from "../data/index.ts";
import { DataError } from "../errors/index.ts";
import { columnVector, type Matrix, takeRows } from "../linalg/index.ts";
import type { Examples } from "../networks/index.ts";
import { key, permutation, split } from "../random/index.ts";

/** A table as examples in standard units, some of them held out. */
export interface StandardExamples {
  readonly inputs: Standardiser;
  readonly target: Standardiser;
  readonly train: Examples;
  readonly test: Examples;
  /** Which rows of the table those are, from 1. */
  readonly rows: { readonly train: readonly number[]; readonly test: readonly number[] };
}

export interface SplitOptions {
  readonly target: string;
  readonly ignore: readonly string[];
  /** At most so many rows to train on, drawn at random. */
  readonly rows: number;
  /** Of all rows, held out. */
  readonly testShare: number;
  readonly seed: number;
}

/**
 * Draws rows to train on and rows to test on; units are learned from the rows trained on. Throws DataError for missing,
 * constant or non-numeric columns and for too few rows.
 */
export function standardExamples(table: Table, options: SplitOptions): StandardExamples {
  const { target, ignore, rows, testShare, seed } = options;
  const names = inputNames(table, target, ignore);
  const [x, y] = [select(table, names), columnVector(column(table, target))];
  if (table.rows < 4) {
    throw new DataError(`${table.source} has ${table.rows} rows: too few to train on and to test`);
  }
  const order = permutation(split(key(seed), "test"), table.rows);
  const held = Math.max(1, Math.round(testShare * table.rows));
  const part = (from: number, to: number) => order.subarray(from, Math.min(to, table.rows));
  const [testRows, trainRows] = [part(0, held), part(held, held + rows)];
  const [inputs, scale] = [
    standardise.standardiser(names, takeRows(x, trainRows)),
    standardise.standardiser([target], takeRows(y, trainRows)),
  ];
  const examples = (chosen: ArrayLike<number>): Examples => ({
    x: standardise.apply(inputs, takeRows(x, chosen)),
    y: standardise.apply(scale, takeRows(y, chosen)),
  });
  const numbers = (chosen: Int32Array) => Array.from(chosen, (row) => row + 1);
  return {
    ...{ inputs, target: scale, train: examples(trainRows), test: examples(testRows) },
    rows: { train: numbers(trainRows), test: numbers(testRows) },
  };
}

/** The rows of another table in the same units. */
export function examplesIn(
  { inputs, target }: Pick<StandardExamples, "inputs" | "target">,
  table: Table,
): Examples {
  const values: Matrix = columnVector(column(table, target.names[0]!));
  return {
    x: standardise.apply(inputs, select(table, inputs.names)),
    y: standardise.apply(target, values),
  };
}
