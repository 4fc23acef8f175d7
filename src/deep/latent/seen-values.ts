import { DataError } from "../../errors/index.ts";
import { expectFinite, type Matrix, matrix } from "../../linalg/index.ts";

/** Columns of which the same rows were seen. */
export interface SeenPattern {
  readonly columns: Int32Array;
  /** 1 where a row was seen, 0 where not; n long. */
  readonly rows: Float64Array;
}

/** Values of which some may not have been seen. */
export interface SeenValues {
  /** n × d, less `centre`; 0 where nothing was seen, which no sum notices. */
  readonly values: Matrix;
  readonly patterns: readonly SeenPattern[];
  /** Σ values². */
  readonly squares: number;
  /** Average of what was seen of each column. */
  readonly centre: Float64Array;
}

/**
 * The values of y about their columns' averages, or about a given centre. With `gaps` NaN marks what was not seen;
 * without, it is refused. Throws NonFiniteError for infinite values, DataError for a column of which nothing was seen
 * when its average is wanted.
 */
export function seenValues(y: Matrix, name: string, gaps: boolean, given?: Float64Array): SeenValues {
  const { rows: n, cols: d } = y;
  const filled = gaps
    ? matrix(
        n,
        d,
        y.data.map((v) => (Number.isNaN(v) ? 0 : v)),
      )
    : y;
  expectFinite(filled, name);
  const centre = given ?? new Float64Array(d);
  const groups = new Map<string, { columns: number[]; rows: Float64Array }>();
  for (let c = 0; c < d; c++) {
    const rows = new Float64Array(n);
    let [count, sum] = [0, 0];
    for (let i = 0; i < n; i++) {
      if (Number.isNaN(y.data[i * d + c]!)) continue;
      rows[i] = 1;
      count++;
      sum += y.data[i * d + c]!;
    }
    if (!given) {
      if (count === 0) throw new DataError(`nothing was seen of column ${c} of ${name} (from 0): drop it`);
      centre[c] = sum / count;
    }
    const pattern = rows.join("");
    const group = groups.get(pattern);
    if (group) group.columns.push(c);
    else groups.set(pattern, { columns: [c], rows });
  }
  const patterns = [...groups.values()].map(({ columns, rows }) => ({
    columns: Int32Array.from(columns),
    rows,
  }));
  const values = matrix(n, d);
  let squares = 0;
  patterns.forEach(({ columns, rows }) => {
    for (const c of columns) {
      for (let i = 0; i < n; i++) {
        if (rows[i] === 0) continue;
        const v = y.data[i * d + c]! - centre[c]!;
        values.data[i * d + c] = v;
        squares += v * v;
      }
    }
  });
  return { values, patterns, squares, centre };
}

/** The same rows and columns seen everywhere: for values that are themselves latent. */
export function allSeen(values: Matrix, spread: Matrix): SeenValues {
  let squares = 0;
  for (const v of values.data) squares += v * v;
  // The spread of latent values counts as if it were seen: E[h²] = mean² + variance.
  for (const v of spread.data) squares += v;
  return {
    values,
    patterns: [
      {
        columns: Int32Array.from({ length: values.cols }, (_, c) => c),
        rows: new Float64Array(values.rows).fill(1),
      },
    ],
    squares,
    centre: new Float64Array(values.cols),
  };
}
