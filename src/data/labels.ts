import { DataError } from "../errors/index.ts";
import { isTable, type Rows, rowCount } from "./model-inputs.ts";
import { cellsOf } from "./table.ts";

/** What says each example's class: a column of a table, or an array of whole numbers. */
export interface LabelSource {
  readonly rows: Rows;
  /** Of a table; its only one unless given. */
  readonly column?: string;
}

/** Each example's class as text, with what to call it in errors. Throws DataError for an array of anything but labels. */
function texts({ rows, column }: LabelSource): {
  readonly values: readonly string[];
  where(i: number): string;
} {
  if (isTable(rows)) {
    const name = column ?? rows.columns[0]!;
    if (column === undefined && rows.columns.length > 1) {
      throw new DataError(
        `${rows.source} has ${rows.columns.length} columns, and labels are one: keep ${rows.columns.join(" or ")}`,
      );
    }
    return { values: cellsOf(rows, name), where: (i) => `${rows.source}: row ${i + 2}, column "${name}"` };
  }
  const count = rowCount(rows);
  if (rows.data.length !== count) {
    throw new DataError(
      `${rows.source} has the shape ${rows.shape.join(" × ")}, and labels are one number for each example`,
    );
  }
  return { values: Array.from(rows.data, String), where: (i) => `${rows.source}: example ${i + 1}` };
}

/** The classes that the labels name: numbers by size, before text by the alphabet. Throws DataError for an empty one. */
export function classesOf(labels: LabelSource): readonly string[] {
  const { values, where } = texts(labels);
  const empty = values.indexOf("");
  if (empty >= 0) throw new DataError(`${where(empty)}: the label is empty; fill it, or drop the row`);
  const { compare } = new Intl.Collator("en", { numeric: true });
  const classes = [...new Set(values)].sort(compare);
  if (classes.length < 2) {
    throw new DataError(
      `${labels.rows.source}: every label is "${classes[0]}": to tell classes apart takes two or more`,
    );
  }
  return classes;
}

/**
 * The number of each example's class, its place among `classes`. Labels are the classes' names; whole numbers from 0 on
 * also count among classes whose names are no numbers. Throws DataError for a label that is neither.
 */
export function classNumbers(labels: LabelSource, classes: readonly string[]): Float64Array {
  const { values, where } = texts(labels);
  const places = new Map(classes.map((name, c) => [name, c]));
  if (classes.every((name) => Number.isNaN(Number(name)))) {
    classes.forEach((_, c) => {
      places.set(String(c), c);
    });
  }
  return Float64Array.from(values, (value, i) => {
    const found = places.get(value) ?? places.get(String(Number(value)));
    if (found !== undefined) return found;
    const shown = value === "" ? "an empty label" : `"${value}"`;
    throw new DataError(
      `${where(i)}: ${shown} is not one of the ${classes.length} classes ${classes.slice(0, 20).join(", ")}${classes.length > 20 ? ", …" : ""}`,
    );
  });
}
