/**
 * The engine's one face. Every algorithm above is written once against `linalg`, which calls this; which hand
 * does the work (plain reference, WASM SIMD, a native BLAS) changes speed only. All arrays are ordinary typed
 * arrays and row-major; an engine never keeps a reference to them after the call returns.
 */
export type Floats = Float32Array | Float64Array;

/** A row-major block inside a typed array: element (i, j) is `data[offset + i * stride + j]`. */
export interface Block<A extends Floats = Float64Array> {
  readonly data: A;
  readonly offset: number;
  readonly stride: number;
}

/** A block that is read as it lies, or transposed. `stride` is always that of the stored block. */
export interface Operand<A extends Floats = Float64Array> extends Block<A> {
  readonly transposed: boolean;
}

/** A triangle of a square block; the other triangle is never read. `transposed` applies after `lower`. */
export interface Triangle extends Operand {
  readonly lower: boolean;
}

export type EngineName = "reference" | "wasm" | "native";

export interface Engine {
  readonly name: EngineName;
  readonly threads: number;

  /** C ← α op(A) op(B) + β C; C is m × n, the inner size k. With β = 0, C's old content is not read. */
  gemm<A extends Floats>(
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: Operand<A>,
    b: Operand<A>,
    beta: number,
    c: Block<A>,
  ): void;

  /** Lower triangle of C ← α op(A) op(A)ᵀ + β C; C is n × n, the inner size k. The upper triangle is untouched. */
  syrk(n: number, k: number, alpha: number, a: Operand, beta: number, c: Block): void;

  /** In place in B (m × n): solves op(T) X = B (`left`, T is m × m) or X op(T) = B (`right`, T is n × n). */
  trsm(side: "left" | "right", m: number, n: number, t: Triangle, b: Block): void;

  /**
   * In place, A = L Lᵀ from and to the lower triangle of A; the strict upper triangle is untouched.
   * Returns −1, or the index (from 0) of the first pivot that is not positive (NaN included); the leading block
   * before it then holds its L.
   */
  potrf(n: number, a: Block): number;

  /** In place, the lower triangle of (L Lᵀ)⁻¹ from the lower triangle L; the strict upper triangle is untouched. */
  potri(n: number, a: Block): void;

  /**
   * Symmetric eigendecomposition from the lower triangle of A. `values` (n) receives the eigenvalues ascending;
   * with `vectors`, A receives orthonormal eigenvectors as columns, else A is destroyed.
   * Returns the number of eigenvalues that failed to converge (0 on success).
   */
  syevd(n: number, a: Block, values: Float64Array, vectors: boolean): number;
}
