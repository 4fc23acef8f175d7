import { NonFiniteError } from "../errors/index.ts";
import { eigh } from "./eigh.ts";
import { dot, type Matrix, matrix } from "./matrix.ts";
import { multiply } from "./products.ts";

/** A symmetric tridiagonal matrix T. */
export interface Tridiagonal {
  /** k. */
  readonly diagonal: Float64Array;
  /** Beside the diagonal, k − 1. */
  readonly beside: Float64Array;
}

/** A Q ≈ Q T on the Krylov space of a start vector: Q orthonormal (n × k, as rows here), T tridiagonal. */
export interface Lanczos extends Tridiagonal {
  /** Qᵀ, k × n: each basis vector a row. */
  readonly basis: Matrix;
}

/**
 * Lanczos steps for a symmetric A known by its products, each new vector made orthogonal to all before it, twice
 * (Golub & Van Loan, section 10.3). Fewer steps come back where the Krylov space ends. `start` is not zero.
 */
export function lanczos(apply: (v: Matrix) => Matrix, start: Float64Array, steps: number): Lanczos {
  const n = start.length;
  const most = Math.min(steps, n);
  const basis = new Float64Array(most * n);
  const diagonal: number[] = [];
  const beside: number[] = [];
  let q = start.map((v) => v / Math.sqrt(dot(start, start)));
  let largest = 0;
  while (diagonal.length < most) {
    const k = diagonal.length;
    basis.set(q, k * n);
    const next = apply(matrix(n, 1, q)).data.slice();
    const along = dot(q, next);
    if (!Number.isFinite(along)) throw new NonFiniteError("lanczos met NaN or infinity");
    diagonal.push(along);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j <= k; j++) {
        const row = basis.subarray(j * n, (j + 1) * n);
        const part = dot(row, next);
        for (let i = 0; i < n; i++) next[i]! -= part * row[i]!;
      }
    }
    const length = Math.sqrt(dot(next, next));
    largest = Math.max(largest, Math.abs(along), length);
    if (diagonal.length === most || length <= 1e-13 * largest) break;
    beside.push(length);
    q = next.map((v) => v / length);
  }
  const k = diagonal.length;
  return {
    basis: matrix(k, n, basis.slice(0, k * n)),
    diagonal: Float64Array.from(diagonal),
    beside: Float64Array.from(beside.slice(0, k - 1)),
  };
}

/** The tridiagonal T written out, k × k. */
export function tridiagonal({ diagonal, beside }: Tridiagonal): Matrix {
  const k = diagonal.length;
  const out = matrix(k, k);
  diagonal.forEach((v, i) => {
    out.data[i * k + i] = v;
  });
  beside.forEach((v, i) => {
    out.data[i * k + i + 1] = v;
    out.data[(i + 1) * k + i] = v;
  });
  return out;
}

/** The largest eigenvalues of A, descending, with their eigenvectors as rows. */
export interface TopEigenpairs {
  readonly values: Float64Array;
  /** count × n. */
  readonly vectors: Matrix;
}

/**
 * The `count` largest eigenpairs of a symmetric A by Lanczos from `start`, with as many steps again and a few more
 * so that the ones kept have converged. Eigenvalues that A repeats are found once.
 */
export function topEigenpairs(
  apply: (v: Matrix) => Matrix,
  start: Float64Array,
  count: number,
): TopEigenpairs {
  const found = lanczos(apply, start, 2 * count + 20);
  const { values, vectors } = eigh(tridiagonal(found));
  const k = values.length;
  const kept = Math.min(count, k);
  const turn = matrix(kept, k);
  for (let i = 0; i < kept; i++) {
    for (let j = 0; j < k; j++) turn.data[i * k + j] = vectors.data[j * k + (k - 1 - i)]!;
  }
  return {
    values: Float64Array.from({ length: kept }, (_, i) => values[k - 1 - i]!),
    vectors: multiply(turn, found.basis),
  };
}
