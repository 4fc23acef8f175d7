import type { ImageRoutines } from "./images.ts";
import type { WideRoutines } from "./wide.ts";

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

/** Points in space: row i (of `dims` coordinates) of the block is point i. */
export interface Points extends Block {
  readonly count: number;
  readonly dims: number;
}

/**
 * A covariance as a function f of the squared distance s of two points that are already divided by their
 * lengthscales. f(0) = 1 for all but `squaredDistance`. A periodic kernel is the rbf of embedded points: with period
 * p and lengthscale ℓ, replace each coordinate x by (sin(2πx/p), cos(2πx/p)) / ℓ; then s = 4 sin²(π(x − x′)/p) / ℓ².
 */
export type KernelMap =
  /** s itself. */
  | { readonly name: "squaredDistance" }
  /** exp(−s / 2) */
  | { readonly name: "rbf" }
  /** exp(−√s); its slope at s = 0 is taken as 0 */
  | { readonly name: "matern12" }
  /** (1 + a) exp(−a), a = √(3 s) */
  | { readonly name: "matern32" }
  /** (1 + a + a² / 3) exp(−a), a = √(5 s) */
  | { readonly name: "matern52" }
  /** (1 + s / (2 α))^−α */
  | { readonly name: "rationalQuadratic"; readonly alpha: number };

/** The derivatives of L = ⟨bar, K⟩ = Σᵢⱼ barᵢⱼ Kᵢⱼ with Kᵢⱼ = amplitude · f(‖xᵢ − zⱼ‖²) in what K depends on but points. */
export interface KernelSlopes {
  /** ∂L/∂amplitude = Σ barᵢⱼ f(sᵢⱼ). */
  readonly amplitude: number;
  /** ∂L/∂α of the rational quadratic; 0 for the others. */
  readonly alpha: number;
  /** Σᵢⱼ barᵢⱼ amplitude f′(sᵢⱼ) (xᵢₚ − zⱼₚ)² for each coordinate p: ∂L/∂ℓₚ is −2 / ℓₚ times it. */
  readonly scales: Float64Array;
}

/** The whole pull-back of ⟨bar, K⟩. */
export interface KernelPullback extends KernelSlopes {
  /** ∂L/∂x (count × dims, contiguous); of the Gram matrix of x with itself, both of its roles together. */
  readonly x: Float64Array;
  /** ∂L/∂z, for a cross matrix. */
  readonly z: Float64Array | undefined;
}

/**
 * Functions of one number. softplus x = log(1 + eˣ), silu x = x sigmoid x, gelu x = x Φ(x) (the exact one, by erf);
 * the slope of relu at 0 is 0.
 */
export type Elementwise =
  | "exp"
  | "relu"
  | "tanh"
  | "sigmoid"
  | "softplus"
  | "silu"
  | "erf"
  | "gelu"
  | "sin"
  | "cos";

/**
 * The derivative in a symmetric matrix, of which one triangle is there: scale · (A − v vᵀ), A the lower triangle of
 * the block (the rest of it is never read), v left out for 0. The evidence's is −½ (K⁻¹ − α αᵀ).
 */
export interface SymmetricBar extends Block {
  readonly scale: number;
  readonly vector: Float64Array | undefined;
}

export type EngineName = "reference" | "wasm" | "native";

export interface Engine extends ImageRoutines, WideRoutines {
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
   * In place, the lower triangle of A⁻¹ from that of a positive definite A, and B ← A⁻¹ B (n × columns): `potrf`, the
   * solves and `potri` in one, A handed over once. `pivot` is as `potrf` returns it; unless it is −1, A and B are
   * spoiled and log det A is NaN.
   */
  solveAndInvert(
    n: number,
    a: Block,
    columns: number,
    b: Block,
  ): { readonly pivot: number; readonly logDeterminant: number };

  /**
   * Symmetric eigendecomposition from the lower triangle of A. `values` (n) receives the eigenvalues ascending;
   * with `vectors`, A receives orthonormal eigenvectors as columns, else A is destroyed.
   * Returns the number of eigenvalues that failed to converge (0 on success).
   */
  syevd(n: number, a: Block, values: Float64Array, vectors: boolean): number;

  /**
   * Thin QR of a tall matrix (m ≥ n), A = Q R: A (m × n) becomes Q with orthonormal columns, and r (n × n) the upper
   * triangle R with zeros below; R's diagonal may have either sign.
   */
  qr(m: number, n: number, a: Block, r: Block): void;

  /**
   * In place, the lower triangle L becomes the factor of L Lᵀ + sign · V Vᵀ in O(k n²), for V (n × k). Returns −1, or
   * the index of the pivot at which a downdate leaves nothing positive; L is then as it was.
   */
  choleskyUpdate(n: number, k: number, sign: 1 | -1, l: Block, v: Block): number;

  /**
   * K ← amplitude · f(‖xᵢ − zⱼ‖²), x.count × z.count; without z, of x with itself. "lower" (for that case alone)
   * writes the lower triangle with the diagonal and leaves the rest untouched.
   */
  kernelMatrix(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    k: Block,
    part?: "full" | "lower",
  ): void;

  /**
   * out ← K v without storing K: K as in `kernelMatrix`, v is z.count × columns (x.count without z), out x.count ×
   * columns. Scratch grows with the number of points only.
   */
  kernelMultiply(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    columns: number,
    v: Block,
    out: Block,
  ): void;

  /**
   * The pull-back of ⟨bar, K⟩ to amplitude, α, lengthscales and points, no distances stored. bar is x.count ×
   * z.count; without z it is symmetric, and only its lower triangle is read.
   */
  kernelPullback(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    bar: Block,
  ): KernelPullback;

  /** What `kernelPullback` of x with itself says of all but the points, in half its time. */
  kernelSlopes(map: KernelMap, amplitude: number, x: Points, bar: SymmetricBar): KernelSlopes;

  /**
   * One step of the arc-cosine recursion: for Gaussian pairs (u, w) with the covariances K (rows × cols) and the
   * variances of its rows and columns, K ← E[relu u · relu w] and slopes ← E[relu′ u · relu′ w] (Cho & Saul 2009,
   * orders 1 and 0, halved): √(vw) (sin θ + (π − θ) cos θ) / 2π and (π − θ) / 2π, cos θ = K / √(vw) within [−1, 1].
   * Where a variance is 0, θ = π / 2.
   */
  arcCosine(
    rows: number,
    cols: number,
    k: Block,
    rowVariances: Float64Array,
    colVariances: Float64Array,
    slopes: Block,
  ): void;

  /** out ← f(x), element by element; out has x's length and may be x. */
  elementwise<A extends Floats>(f: Elementwise, x: A, out: A): void;

  /** out ← by · f′(x), element by element (the pull-back of f); out may be x or by. */
  elementwisePullback<A extends Floats>(f: Elementwise, x: A, by: A, out: A): void;
}
