import { NonFiniteError, ShapeError } from "../errors/index.ts";

/** A matrix of numbers, row-major: element (i, j) is `data[i * cols + j]`. Never changed once returned. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** The matrix over `data` (taken, not copied), or of zeros. Throws ShapeError when the length is not rows × cols. */
export function matrix(
  rows: number,
  cols: number,
  data: Float64Array = new Float64Array(rows * cols),
): Matrix {
  if (data.length !== rows * cols) {
    throw new ShapeError(`expected ${rows} × ${cols} = ${rows * cols} numbers, got ${data.length}`);
  }
  return { rows, cols, data };
}

/** A matrix from its rows, which must all have the same length. */
export function fromRows(rows: readonly (readonly number[] | Float64Array)[]): Matrix {
  const cols = rows[0]?.length ?? 0;
  const data = new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    if (row.length !== cols) throw new ShapeError(`row ${i} has ${row.length} values, row 0 has ${cols}`);
    data.set(row, i * cols);
  });
  return { rows: rows.length, cols, data };
}

/** A matrix of one column. */
export function columnVector(values: ArrayLike<number>): Matrix {
  return { rows: values.length, cols: 1, data: Float64Array.from(values) };
}

/** The n × n identity, times `scale`. */
export function identity(n: number, scale = 1): Matrix {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = scale;
  return { rows: n, cols: n, data };
}

/** Rows `from` (included) to `to` (excluded), as a view on the same numbers. */
export function rowRange(a: Matrix, from: number, to: number): Matrix {
  return { rows: to - from, cols: a.cols, data: a.data.subarray(from * a.cols, to * a.cols) };
}

/** The rows at `indices`, in that order. */
export function takeRows(a: Matrix, indices: ArrayLike<number>): Matrix {
  const out = matrix(indices.length, a.cols);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * a.cols;
    out.data.set(a.data.subarray(from, from + a.cols), i * a.cols);
  }
  return out;
}

/** All rows of these matrices, one below the other; they have the same columns. */
export function stackRows(parts: readonly Matrix[]): Matrix {
  if (parts.length === 1) return parts[0]!;
  const cols = parts[0]?.cols ?? 0;
  const out = matrix(
    parts.reduce((sum, part) => sum + part.rows, 0),
    cols,
  );
  let at = 0;
  parts.forEach((part, i) => {
    expectShape(part, `matrix ${i}`, undefined, cols);
    out.data.set(part.data, at);
    at += part.data.length;
  });
  return out;
}

export function transpose(a: Matrix): Matrix {
  const { rows, cols, data } = a;
  const out = matrix(cols, rows);
  const tile = 32; // rows of both stay in cache
  for (let i0 = 0; i0 < rows; i0 += tile) {
    const i1 = Math.min(rows, i0 + tile);
    for (let j0 = 0; j0 < cols; j0 += tile) {
      const j1 = Math.min(cols, j0 + tile);
      for (let i = i0; i < i1; i++) {
        for (let j = j0; j < j1; j++) out.data[j * rows + i] = data[i * cols + j]!;
      }
    }
  }
  return out;
}

/** a + scale · b, elementwise. */
export function add(a: Matrix, b: Matrix, scale = 1): Matrix {
  expectShape(b, "the second matrix", a.rows, a.cols);
  const out = matrix(a.rows, a.cols);
  // A plain loop: TypedArray.map calls back for every number, several times slower.
  for (let i = 0; i < out.data.length; i++) out.data[i] = a.data[i]! + scale * b.data[i]!;
  return out;
}

export function subtract(a: Matrix, b: Matrix): Matrix {
  return add(a, b, -1);
}

export function scale(a: Matrix, factor: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let i = 0; i < out.data.length; i++) out.data[i] = factor * a.data[i]!;
  return out;
}

/** Σᵢ aᵢ bᵢ over two arrays of one length. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The same numbers in another shape (row-major order kept), as a view. */
export function reshape(a: Matrix, rows: number, cols: number): Matrix {
  return matrix(rows, cols, a.data);
}

/** Throws ShapeError unless `a` is rows × cols; either may be left undefined. `name` is what the caller calls it. */
export function expectShape(
  a: Matrix,
  name: string,
  rows: number | undefined,
  cols: number | undefined,
): void {
  if ((rows !== undefined && a.rows !== rows) || (cols !== undefined && a.cols !== cols)) {
    throw new ShapeError(`${name} should be ${rows ?? "n"} × ${cols ?? "d"}, got ${a.rows} × ${a.cols}`);
  }
}

/** Throws NonFiniteError, naming the place, if any entry is NaN or infinite. */
export function expectFinite(a: Matrix, name: string): void {
  for (let i = 0; i < a.data.length; i++) {
    if (!Number.isFinite(a.data[i]!)) {
      const row = Math.floor(i / a.cols);
      throw new NonFiniteError(
        `${name} holds ${a.data[i]} at row ${row}, column ${i % a.cols} (counted from 0): remove or fill it`,
      );
    }
  }
}
