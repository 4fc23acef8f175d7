import Papa from "papaparse";
import { DataError, NonFiniteError, ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";

/**
 * A table as it was read: text cells under named columns. Cells become numbers only when a column is asked
 * for, so a column of dates that nobody uses does no harm.
 */
export interface Table {
  /** What to call the table in errors: its path, say. */
  readonly source: string;
  /** Distinct names, none empty, in the table's order. */
  readonly columns: readonly string[];
  /** How many rows of data there are; at least 1. */
  readonly rows: number;
  /** One array a row, each as long as `columns`. In errors the first of them is row 2: the header is row 1. */
  readonly cells: readonly (readonly string[])[];
}

/**
 * The table written in `text`: CSV with a header row (RFC 4180; a header without commas may be separated by
 * semicolons or tabs instead, and then so are the rows). Spaces around names do not count, nor do blank lines
 * at the end. Throws DataError for an empty text, a header alone, names that are empty or repeated, quotes that
 * do not close, and rows with more or fewer cells than the header.
 */
export function parseTable(text: string, source: string): Table {
  const { data, errors } = Papa.parse(text, { delimiter: delimiterOf(text) });
  while (data.length > 0 && isBlank(data.at(-1)!)) data.pop();
  const [header, ...cells] = data;
  if (!header) {
    throw new DataError(`${source} is empty: expected a header row of column names and rows of numbers`);
  }
  const problem = errors.find(({ type }) => type === "Quotes");
  if (problem) {
    const row = (problem.row ?? 0) + 1;
    throw new DataError(
      `${source}: row ${row} has a quoted cell that does not close properly; close it, or double the quotes inside`,
      { row },
    );
  }
  const columns = header.map((name) => name.trim());
  checkNames(columns, source);
  if (cells.length === 0) {
    throw new DataError(`${source} has a header but no rows: expected at least one row of numbers`);
  }
  cells.forEach((row, i) => {
    if (row.length === columns.length) return;
    const found = isBlank(row) ? "is blank" : `has ${counted(row.length, "cell")}`;
    throw new DataError(
      `${source}: row ${i + 2} ${found}, expected ${columns.length} as in the header; mend or remove the row`,
      { row: i + 2 },
    );
  });
  return { source, columns, rows: cells.length, cells };
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function isBlank(row: readonly string[]): boolean {
  return row.length === 1 && row[0]!.trim() === "";
}

/** The header decides, since cells of text may hold any separator. */
function delimiterOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const header = end < 0 ? text : text.slice(0, end);
  return [",", ";", "\t"].find((delimiter) => header.includes(delimiter)) ?? ",";
}

function checkNames(columns: readonly string[], source: string): void {
  const seen = new Map<string, number>();
  columns.forEach((name, j) => {
    if (name === "") {
      throw new DataError(
        `${source}: column ${j + 1} of ${columns.length} has no name; name it in the header, or remove the column`,
        { row: 1 },
      );
    }
    const earlier = seen.get(name);
    if (earlier !== undefined) {
      throw new DataError(
        `${source}: columns ${earlier + 1} and ${j + 1} are both called "${name}"; rename one of them`,
        { row: 1, column: name },
      );
    }
    seen.set(name, j);
  });
}

/**
 * The numbers of one column, a copy. Throws DataError for a column that is not there and for the first cell
 * that is not a finite decimal number: empty, text, NaN, infinite, or too large for a double.
 */
export function column(table: Table, name: string): Float64Array {
  return select(table, [name]).data;
}

/**
 * The numbers of the named columns, in the order of `names`: rows × names. Other columns may hold anything.
 * Throws DataError like `column`, for the first bad cell from the top.
 */
export function select(table: Table, names: readonly string[]): Matrix {
  const places = names.map((name) => placeOf(table, name));
  const out = matrix(table.rows, names.length);
  table.cells.forEach((row, i) => {
    places.forEach((place, j) => {
      const value = toNumber(row[place]!);
      if (value === undefined) throw badCell(table, i, place);
      out.data[i * names.length + j] = value;
    });
  });
  return out;
}

/** The same with NaN for empty cells: values that nobody saw. Other cells that are no numbers are refused as ever. */
export function selectWithGaps(table: Table, names: readonly string[]): Matrix {
  const places = names.map((name) => placeOf(table, name));
  const out = matrix(table.rows, names.length);
  table.cells.forEach((row, i) => {
    places.forEach((place, j) => {
      const value = row[place]!.trim() === "" ? Number.NaN : toNumber(row[place]!);
      if (value === undefined) throw badCell(table, i, place);
      out.data[i * names.length + j] = value;
    });
  });
  return out;
}

const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** `Number` alone would take an empty cell for 0 and read hexadecimal. */
function toNumber(cell: string): number | undefined {
  if (!decimal.test(cell)) return undefined;
  const value = Number(cell);
  return Number.isFinite(value) ? value : undefined;
}

function badCell(table: Table, i: number, place: number): DataError {
  const cell = table.cells[i]![place]!.trim();
  const name = table.columns[place]!;
  const shown = JSON.stringify(cell.length > 40 ? `${cell.slice(0, 40)}…` : cell);
  const found = cell === "" ? "an empty cell" : shown;
  return new DataError(
    `${table.source}: row ${i + 2}, column "${name}": expected a finite number, got ${found}; fill it, or drop the row or the column`,
    { row: i + 2, column: name },
  );
}

function placeOf(table: Table, name: string): number {
  const place = table.columns.indexOf(name);
  if (place >= 0) return place;
  const close = nearest(name, table.columns);
  const hint = close === undefined ? "" : ` (did you mean "${close}"?)`;
  throw new DataError(`${table.source} has no column "${name}"${hint}; it has ${listed(table.columns)}`, {
    column: name,
  });
}

function listed(names: readonly string[]): string {
  const most = 20;
  const more = names.length > most ? ` and ${names.length - most} more` : "";
  return names.slice(0, most).join(", ") + more;
}

/** The name closest to a misspelled one, if any is close: at most a third of its letters off, case apart. */
function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.floor(name.length / 3) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Levenshtein's distance: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}

/** The first `n` rows, so that row numbers in errors stay the file's. Throws DataError when there are fewer. */
export function head(table: Table, n: number): Table {
  if (!Number.isInteger(n) || n < 1)
    throw new UsageError(`expected a number of rows of at least 1, got ${n}`);
  if (n > table.rows) {
    throw new DataError(
      `${table.source} has ${counted(table.rows, "row")}, fewer than the ${n} asked for; ask for fewer`,
    );
  }
  return { ...table, rows: n, cells: table.cells.slice(0, n) };
}

/**
 * CSV text with a header and one line a row, ending in a newline; numbers in the shortest form that reads back
 * as the same double. Throws ShapeError unless `values` has a column for each name, NonFiniteError for NaN or
 * infinity.
 */
export function formatTable(columns: readonly string[], values: Matrix): string {
  if (values.cols !== columns.length) {
    throw new ShapeError(`expected ${columns.length} columns (${listed(columns)}), got ${values.cols}`);
  }
  const lines = [Papa.unparse([columns])];
  for (let i = 0; i < values.rows; i++) {
    const row = values.data.subarray(i * values.cols, (i + 1) * values.cols);
    const bad = row.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new NonFiniteError(
        `row ${i + 2}, column "${columns[bad]}" of the table to write is ${row[bad]}, expected a finite number`,
      );
    }
    // Joining would write −0 as 0.
    lines.push(Array.from(row, (value) => (Object.is(value, -0) ? "-0" : String(value))).join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** The text cells of one column, without spaces around them. Throws DataError for a column that is not there. */
export function cellsOf(table: Table, name: string): readonly string[] {
  const place = placeOf(table, name);
  return table.cells.map((row) => row[place]!.trim());
}

/** CSV text as `formatTable` writes it, with a first column of text. Throws like it. */
export function formatNamedRows(
  name: string,
  texts: readonly string[],
  columns: readonly string[],
  values: Matrix,
): string {
  const [header, ...rows] = formatTable(columns, values).trimEnd().split("\n");
  const cells = texts.map((text) => Papa.unparse([[text]]));
  return `${[`${Papa.unparse([[name]])},${header}`, ...rows.map((row, i) => `${cells[i]},${row}`)].join("\n")}\n`;
}
