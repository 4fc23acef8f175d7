import { DataError, NonFiniteError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix, sizeOf } from "../linalg/index.ts";
import { exampleCount, type NumberArray, takeExamples } from "./number-array.ts";
import { inputsOf } from "./prediction.ts";
import { apply, type Standardiser } from "./standardise.ts";
import { head, type Table } from "./table.ts";

/** Examples as files give them: rows of a table, or an array whose first axis counts them. */
export type Rows = Table | NumberArray;

export function isTable(rows: Rows): rows is Table {
  return "columns" in rows;
}

export function rowCount(rows: Rows): number {
  return isTable(rows) ? rows.rows : exampleCount(rows);
}

/** The first `n` rows. Throws DataError when there are fewer. */
export function firstRows(rows: Rows, n: number): Rows {
  if (isTable(rows)) return head(rows, n);
  const count = exampleCount(rows);
  if (n > count) {
    throw new DataError(`${rows.source} has ${count} examples, fewer than the ${n} asked for; ask for fewer`);
  }
  return takeExamples(
    rows,
    Array.from({ length: n }, (_, i) => i),
  );
}

/** What a network takes of a table: these columns, in these units. */
export interface ColumnInputs {
  readonly kind: "columns";
  readonly units: Standardiser;
}

/** What a network takes of an array: each example whole. */
export interface ArrayInputs {
  readonly kind: "array";
  /** Of one example, as the network takes it. */
  readonly shape: readonly number[];
  /** Whether unsigned bytes, 0 to 255, are taken as 0 to 1 or as they are. Other numbers always are as they are. */
  readonly bytes: "unit" | "raw";
  /** Then (v − mean) / scale; one number, or one for each entry of the first axis (channels). */
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

export type ModelInputs = ColumnInputs | ArrayInputs;

/** Units left as they are. */
export function plainUnits(names: readonly string[]): Standardiser {
  return { names, mean: names.map(() => 0), scale: names.map(() => 1) };
}

/** The inputs of each row in the network's units, n × inputs. Throws DataError or NonFiniteError for what does not fit. */
export function inputMatrix(inputs: ModelInputs, rows: Rows): Matrix {
  if (inputs.kind === "columns") {
    if (!isTable(rows)) {
      throw new DataError(
        `${rows.source} is an array, and the network takes the columns ${inputs.units.names.join(", ")}: give a CSV file`,
      );
    }
    return standardUnits(inputs.units, inputsOf(inputs.units.names, rows), rows);
  }
  if (isTable(rows)) {
    throw new DataError(
      `${rows.source} is a table, and the network takes arrays of ${inputs.shape.join(" × ")}: give a .npy, .npz or IDX file`,
    );
  }
  return arrayMatrix(inputs, rows);
}

// In standard deviations of the training rows: beyond, squares overflow the network's single precision.
const farthest = 1e18;

/** A table's values in standard units. Throws DataError for one too far away to compute with. */
export function standardUnits(units: Standardiser, values: Matrix, table: Table): Matrix {
  const standard = apply(units, values);
  const bad = standard.data.findIndex((v) => Math.abs(v) > farthest);
  if (bad < 0) return standard;
  const row = Math.floor(bad / standard.cols) + 2;
  const column = units.names[bad % standard.cols]!;
  throw new DataError(
    `${table.source}: row ${row}, column "${column}": ${values.data[bad]} is more than ${farthest.toExponential()} standard deviations away from the rows trained on; mend or drop the row`,
    { row, column },
  );
}

function arrayMatrix(inputs: ArrayInputs, array: NumberArray): Matrix {
  const count = exampleCount(array);
  const size = sizeOf(inputs.shape);
  expectFit(inputs.shape, array);
  const unit = array.bytes && inputs.bytes === "unit" ? 255 : 1;
  const channel = size / inputs.mean.length;
  const out = matrix(count, size);
  for (let k = 0; k < out.data.length; k++) {
    const c = Math.floor((k % size) / channel);
    const v = (array.data[k]! / unit - inputs.mean[c]!) / inputs.scale[c]!;
    if (!Number.isFinite(v)) {
      throw new NonFiniteError(
        `${array.source}: example ${Math.floor(k / size) + 1} holds ${array.data[k]}, expected finite numbers`,
      );
    }
    out.data[k] = v;
  }
  return out;
}

/** Axes of size 1 do not count: 28 × 28 is 1 × 28 × 28. Throws DataError where the others differ. */
function expectFit(shape: readonly number[], { source, shape: [, ...given] }: NumberArray): void {
  const wide = (sizes: readonly number[]) => sizes.filter((n) => n !== 1).join(" × ");
  // A network of features takes images unrolled.
  if (wide(shape) === wide(given) || (shape.length === 1 && sizeOf(given) === shape[0])) return;
  const [channels, ...image] = shape;
  const last = shape.length === 3 && wide([...image, channels!]) === wide(given);
  const cure = last
    ? "put the channels before height and width (numpy: x.transpose(0, 3, 1, 2))"
    : "give examples of the network's shape";
  throw new DataError(
    `${source} holds examples of ${given.join(" × ") || "one number"}, the network takes ${shape.join(" × ")}; ${cure}`,
  );
}

/** Inputs from arrays. Throws UsageError for a mean or scale that is neither one number nor one a channel. */
export function arrayInputs(
  shape: readonly number[],
  {
    bytes = "unit",
    mean = [0],
    scale = [1],
  }: {
    readonly bytes?: "unit" | "raw";
    readonly mean?: readonly number[];
    readonly scale?: readonly number[];
  } = {},
): ArrayInputs {
  const channels = shape.length > 1 ? shape[0]! : 1;
  const spread = (values: readonly number[], what: string): readonly number[] => {
    if (values.length === 1 || values.length === channels) return values;
    throw new UsageError(
      `the inputs' ${what} should be one number${channels > 1 ? ` or one for each of ${channels} channels` : ""}, got ${values.length}`,
    );
  };
  const [means, scales] = [spread(mean, "mean"), spread(scale, "sd")];
  const count = Math.max(means.length, scales.length);
  const filled = (values: readonly number[]) =>
    values.length === count ? values : Array(count).fill(values[0]!);
  return { kind: "array", shape, bytes, mean: filled(means), scale: filled(scales) };
}
