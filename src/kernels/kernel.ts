import type { Fn, Matrix } from "../linalg/index.ts";
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
  /** k(X, Z): n·o × m·o. */
  cross(x: Matrix, z: Matrix): Matrix;
  /** The diagonal of k(X, X), n·o long, without forming it. */
  diagonal(x: Matrix): Float64Array;
  /** ∂⟨bar, K⟩/∂θ for K = k(X, X), or k(X, Z) when z is given, and bar of K's shape (symmetric for k(X, X)). */
  pullback(x: Matrix, z: Matrix | undefined, bar: Matrix): Gradient;
  /** ∂⟨bar, K⟩/∂X (n × d), and ∂/∂Z when z is given; on kernels that can be differentiated in their inputs. */
  pullbackInputs?(x: Matrix, z: Matrix | undefined, bar: Matrix): { readonly x: Matrix; readonly z?: Matrix };
  /** A function drawn from the zero-mean Gaussian process of this kernel on `inputs` columns, callable anywhere. */
  path(key: Key, inputs: number): Fn;
}
