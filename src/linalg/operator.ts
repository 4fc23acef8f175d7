import type { Matrix } from "./matrix.ts";

/** A linear map known by what it does to vectors; the matrix itself need never exist. */
export interface LinearOperator {
  readonly rows: number;
  readonly cols: number;
  /** A V, for V of cols × r: rows × r. */
  apply(v: Matrix): Matrix;
  /** Aᵀ U, for U of rows × r: cols × r. */
  applyTranspose(u: Matrix): Matrix;
}
