import type { Fn, LowerBar, Matrix } from "../linalg/index.ts";
import type { Key } from "../random/index.ts";
import type { Gradient, Parameters } from "./parameters.ts";

/**
 * A covariance function k(x, x′) of functions with `outputs` values. Points are rows. With o outputs a Gram matrix
 * of n points is n·o × n·o, point-major: row i·o + p is output p at point i. Kernels are values: `with` makes
 * another one.
 */
export interface Kernel {
  readonly outputs: number;
  /** Columns a point must have; undefined when any number will do. */
  readonly inputs: number | undefined;
  readonly parameters: Parameters;
  with(parameters: Parameters): Kernel;
  /** k(X, X), symmetric. */
  gram(x: Matrix): Matrix;
  /** k(X, Z): n·o × m·o. Given one matrix twice, it is k(X, X), white noise included. */
  cross(x: Matrix, z: Matrix): Matrix;
  /** The diagonal of k(X, X), n·o long, without forming it. */
  diagonal(x: Matrix): Float64Array;
  /** Cross-covariances with points Z that stay, where what Z costs is paid once; undefined for too many. See `anchor`. */
  anchored?(z: Matrix): Anchor | undefined;
  /** k(X, Z) v, z left out for X itself, v (m·o × r); the matrix is never stored. Where that can be had. */
  multiply?(x: Matrix, z: Matrix | undefined, v: Matrix): Matrix;
  /** ∂⟨bar, K⟩/∂θ for K = k(X, X), or k(X, Z) when z is given, and bar of K's shape (symmetric for k(X, X)). */
  pullback(x: Matrix, z: Matrix | undefined, bar: Matrix): Gradient;
  /** Half the work where a matrix and its derivative are symmetric; on kernels that gain by it. */
  readonly lower?: LowerTriangle;
  /** ∂⟨bar, K⟩/∂X (n × d), and ∂/∂Z when z is given; on kernels that can be differentiated in their inputs. */
  pullbackInputs?(x: Matrix, z: Matrix | undefined, bar: Matrix): InputGradient;
  /** Both of the above in one pass over the pairs, where that is cheaper than two. */
  pullbackBoth?(x: Matrix, z: Matrix | undefined, bar: Matrix): BothGradients;
  /** ∂⟨bar, diagonal(X)⟩/∂θ and ∂/∂X, where that is cheaper than through a Gram matrix; x is left out where it is 0. */
  pullbackDiagonal?(x: Matrix, bar: Float64Array): { readonly parameters: Gradient; readonly x?: Matrix };
  /**
   * The cross-covariance of (f, ∂f/∂x_1, …, ∂f/∂x_d) at X and at Z, n·(1 + d) × m·(1 + d), point-major: in the block of
   * two points k, ∂k/∂x, ∂k/∂z and ∂²k/∂x∂z. On kernels of one output whose functions have derivatives.
   */
  jet?(x: Matrix, z: Matrix): Matrix;
  /** A function drawn from the zero-mean Gaussian process of this kernel on `inputs` columns, callable anywhere. */
  path(key: Key, inputs: number): PathFn;
  /**
   * `count` random complex functions φ_f as an Fn of 2·count outputs, all real parts and then all imaginary ones,
   * with E[φ_f(x) φ_f(x′)*] = k(x, x′) over draws of the key: what a path of a product is made of. Only where
   * outputs is 1.
   */
  features?(key: Key, inputs: number, count: number): PathFn;
  /**
   * The same kernel, its unset parameters chosen for functions of this variance seen at points like these; see
   * `defaultsFromData`.
   */
  startAt?(x: Matrix, variance: number): Kernel;
  /** How the kernel is written; absent where it has no text form. */
  readonly definition?: KernelDefinition;
}

/** Covariances with points that stay, and each point's own. */
export interface Beside {
  readonly cross: Matrix;
  readonly own: Matrix;
}

/** A kernel beside points Z that stay, as predictions from data at Z need it. */
export interface Anchor {
  /**
   * k(X, Z), n·o × m·o, with each point's own covariances where they are asked for: the "diagonal" of k(X, X), n·o × 1, or
   * the "blocks" of an example's outputs on it, n·o × o.
   */
  at(x: Matrix, own: "diagonal" | "blocks"): Beside;
}

/** A kernel's Gram matrices by their lower triangles. */
export interface LowerTriangle {
  /** The lower triangle of k(X, X), the rest anything; the caller may `giveBack` its array. */
  gram(x: Matrix): Matrix;
  /** As the kernel's `pullback` of k(X, X). */
  pullback(x: Matrix, bar: LowerBar): Gradient;
}

/** A function drawn from a prior. */
export interface PathFn extends Fn {
  /** ∂⟨bar, f(X)⟩/∂X (n × inputs), bar n × outputs; on functions that can be differentiated. */
  pullbackInputs?(x: Matrix, bar: Matrix): Matrix;
}

export interface BothGradients {
  readonly parameters: Gradient;
  readonly inputs: InputGradient;
}

export interface InputGradient {
  readonly x: Matrix;
  readonly z?: Matrix;
}

/** The text form's parts: a name, what it is made of, and what is no parameter. */
export interface KernelDefinition {
  readonly kind: string;
  readonly options?: Readonly<Record<string, number | readonly number[]>>;
  readonly parts?: readonly Kernel[];
}
