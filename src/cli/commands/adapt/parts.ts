import { isTable, type Rows, rowCount } from "../../../data/index.ts";
import { DataError } from "../../../errors/index.ts";
import type { Figure } from "../../../plot/index.ts";
import { key, permutation, split } from "../../../random/index.ts";

/** Which rows are adapted to, and which tell how well. */
export interface PartOptions {
  rows?: number;
  compare?: boolean;
  test?: string;
  heldOut?: number;
}

/** How many rows are needed, from the first: all, unless some were asked for and the rest is not to compare on. */
export function needed(rows: Rows, options: PartOptions): number {
  const count = rowCount(rows);
  const { rows: wanted, compare, test, heldOut } = options;
  if (wanted === undefined) return count;
  if (wanted > count) {
    const what = isTable(rows) ? "rows" : "examples";
    throw new DataError(`${rows.source} has ${count} ${what}, --rows asks for ${wanted}`);
  }
  return compare && test === undefined && heldOut === undefined ? count : wanted;
}

/** Positions of the rows to adapt to, and, to compare on, of those held out, where no file holds them. */
export interface Parts {
  readonly fresh: readonly number[];
  readonly test?: readonly number[];
}

/**
 * The first rows that were asked for. To compare without a test file, a share of them is held out at random; unless a
 * share is named and rows are left after the first ones: then those. Throws DataError when nothing is left on one side.
 */
export function partsOf(count: number, source: string, { rows, compare, test, heldOut }: PartOptions): Parts {
  const all = Array.from({ length: count }, (_, i) => i);
  const first = all.slice(0, rows ?? count);
  if (!compare || test !== undefined) return { fresh: first };
  if (heldOut === undefined && first.length < count) return { fresh: first, test: all.slice(first.length) };
  const order = permutation(split(key(0), "held out"), first.length);
  const held = Math.round((heldOut ?? 0.3) * first.length);
  if (held < 1 || held >= first.length) {
    throw new DataError(
      `${source} has ${first.length} rows: too few to adapt to some and compare on others; give --test`,
    );
  }
  const part = (indices: Int32Array) => Array.from(indices).sort((a, b) => a - b);
  return { fresh: part(order.subarray(held)), test: part(order.subarray(0, held)) };
}

/** What a command found out about a model, as it is told. */
export interface Found<M> {
  /** The adapted model, made when it is to be kept. */
  model(): M;
  readonly json: Readonly<Record<string, unknown>>;
  text(seconds: number): string;
  figure(): Figure;
}
