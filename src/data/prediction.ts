import { rmse, type Scores, scores } from "../adapt/index.ts";
import { DataError, NonFiniteError, UsageError } from "../errors/index.ts";
import { columnVector, type Matrix } from "../linalg/index.ts";
import { missingColumns } from "./standardise.ts";
import { select, type Table } from "./table.ts";

/** Predictions of the target, a row a point, in its own units. */
export interface Prediction {
  readonly mean: Float64Array;
  /** Of a new observation, noise included; not from a network that was not adapted. */
  readonly spread?: {
    readonly sd: Float64Array;
    /** The central 95 % interval. */
    readonly lower: Float64Array;
    readonly upper: Float64Array;
  };
}

/**
 * Scores of predictions against the true targets, in the target's units; without a spread only `rmse`. Throws
 * NonFiniteError for scores that are no numbers.
 */
export function scorePrediction(
  { mean, spread }: Prediction,
  truth: Float64Array,
): Partial<Scores> & Pick<Scores, "rmse"> {
  const [means, y] = [columnVector(mean), columnVector(truth)];
  const all = spread
    ? scores({ mean: means, variance: columnVector(spread.sd.map((sd) => sd * sd)) }, y)
    : { rmse: rmse(means, y) };
  for (const [name, score] of Object.entries(all)) {
    if (Number.isFinite(score)) continue;
    throw new NonFiniteError(
      `the ${name} of the predictions is ${score}: a true value is too far away to square, or a prediction has no spread; mend the target column, or predict without scoring`,
    );
  }
  return all;
}

/** A model's input columns of a table, in the model's order. Throws DataError naming those that are missing. */
export function inputsOf(names: readonly string[], table: Table): Matrix {
  const missing = missingColumns(names, table);
  if (missing.length > 0) {
    const list = missing.map((name) => `"${name}"`).join(", ");
    throw new DataError(
      `${table.source} lacks the model's input ${missing.length === 1 ? "column" : "columns"} ${list}; it has ${table.columns.join(", ")}`,
    );
  }
  return select(table, names);
}

/**
 * The columns that are inputs: all but the targets and those ignored. Throws DataError when a named column is missing
 * or none is left, UsageError when a target is to be ignored.
 */
export function inputNames(
  table: Table,
  target: string | readonly string[],
  ignore: readonly string[],
): string[] {
  const targets = [target].flat();
  select(table, targets);
  const twice = targets.find((name) => ignore.includes(name));
  if (twice !== undefined) {
    throw new UsageError(`"${twice}" is the target and is to be ignored too: name it once`);
  }
  return columnsBut(table, targets, ignore);
}

/** All columns but these and those ignored. Throws DataError when one ignored is missing or none is left. */
export function columnsBut(table: Table, without: readonly string[], ignore: readonly string[]): string[] {
  const [missing] = missingColumns(ignore, table);
  if (missing !== undefined) {
    throw new DataError(
      `${table.source} has no column "${missing}" to ignore; it has ${table.columns.join(", ")}`,
    );
  }
  const names = table.columns.filter((name) => !without.includes(name) && !ignore.includes(name));
  if (names.length === 0) {
    throw new DataError(
      `${table.source} has no column besides "${without.join('", "')}": a model needs at least one input`,
    );
  }
  return names;
}
