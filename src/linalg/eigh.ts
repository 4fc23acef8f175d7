import { type EngineName, engine } from "../engine/index.ts";
import { NonFiniteError, NotConvergedError, ShapeError } from "../errors/index.ts";
import { type Matrix, matrix } from "./matrix.ts";
import { block } from "./products.ts";

/** A = V diag(values) Vᵀ with values ascending and V orthonormal (eigenvectors as columns). */
export interface Eigh {
  readonly values: Float64Array;
  readonly vectors: Matrix;
  /** The hand that made it. */
  readonly engine: EngineName;
}

/** Eigendecomposition of a symmetric matrix, of which the lower triangle is read. */
export function eigh(a: Matrix): Eigh {
  if (a.rows !== a.cols) throw new ShapeError(`expected a square matrix, got ${a.rows} × ${a.cols}`);
  // A NaN would keep the iteration from ever converging: refuse it where it can still be named.
  if (!a.data.every(Number.isFinite)) throw new NonFiniteError("eigh: the matrix holds NaN or infinity");
  const vectors = matrix(a.rows, a.cols, a.data.slice());
  const values = new Float64Array(a.rows);
  const failed = engine().syevd(a.rows, block(vectors), values, true);
  if (failed > 0) {
    throw new NotConvergedError(`eigh: ${failed} of ${a.rows} eigenvalues did not converge`);
  }
  return { values, vectors, engine: engine().name };
}
