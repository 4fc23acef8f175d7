import { isSum, type Kernel } from "../kernels/index.ts";
import {
  add,
  expectFinite,
  expectShape,
  type Fn,
  gramOf,
  halfSolve,
  type Matrix,
  multiply,
  reshape,
  subtract,
  transpose,
} from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import { type ExactPosterior, pathUpdate, reducedVariance } from "./exact.ts";
import { Gaussian } from "./gaussian.ts";
import type { Mean } from "./means.ts";
import type { Process } from "./process.ts";

/** One term of a sum, given the data that the whole was conditioned on. */
export interface Part extends Process<Gaussian> {
  /** The term of the sum kernel. */
  readonly kernel: Kernel;
  /** Drawn together: with one key the functions of all parts and the mean add up to the whole's of that key. */
  sample(key: Key, count: number): readonly Fn[];
}

export interface Decomposition {
  /** The mean function, known from the start: a part without doubt. */
  readonly mean: Mean;
  /** One a term of the kernel, in its order; the whole alone where the kernel is no sum. */
  readonly parts: readonly Part[];
}

/**
 * The posterior of a sum of kernels taken apart: f = mean + f₀ + f₁ + …, each f_t ~ GP(0, k_t) beforehand. Given the
 * data f_t has mean k_t(·, X) A⁻¹ r and covariance k_t − k_t(·, X) A⁻¹ k_t(X, ·), A and r being the whole's (Duvenaud
 * 2014, section 2.4.5). The means add up to the whole's; the variances do not, as the parts depend on one another.
 */
export function decompose(posterior: ExactPosterior): Decomposition {
  const { kernel, mean } = posterior.prior;
  const terms = isSum(kernel) ? kernel.terms : [kernel];
  return { mean, parts: terms.map((term, t) => partOf(posterior, term, t)) };
}

function partOf(posterior: ExactPosterior, kernel: Kernel, t: number): Part {
  const { inputs, outputs, solution, prior } = posterior;
  const { x, factor, alpha } = solution;
  const meanFrom = (cross: Matrix) => {
    const flat = multiply(cross, alpha);
    return reshape(flat, flat.rows / outputs, outputs);
  };
  const shape = (variance: Float64Array, rows: number): Matrix => ({
    rows,
    cols: outputs,
    data: variance,
  });
  return {
    inputs,
    outputs,
    kernel,
    at(points) {
      expectShape(points, "x", undefined, inputs);
      expectFinite(points, "x");
      return new Gaussian({
        rows: points.rows,
        outputs,
        mean: () => meanFrom(kernel.cross(points, x)),
        moments() {
          const cross = kernel.cross(points, x);
          const variance = reducedVariance(kernel.diagonal(points), factor, cross);
          return { mean: meanFrom(cross), variance: shape(variance, points.rows) };
        },
        covariance() {
          const explained = halfSolve(factor, transpose(kernel.cross(points, x)));
          return subtract(kernel.gram(points), gramOf(explained, true));
        },
      });
    },
    sample: (key, count) =>
      Array.from({ length: count }, (_, i) => {
        // The same draws as the whole's: its path is the sum of its terms', each by the key of its place.
        const own = split(split(key, i), "path");
        const update = pathUpdate(solution, prior.kernel.path(own, inputs), split(split(key, i), "noise"));
        const path = isSum(prior.kernel) ? kernel.path(split(own, t), inputs) : kernel.path(own, inputs);
        return {
          inputs,
          outputs,
          at: (points: Matrix) =>
            add(path.at(points), reshape(multiply(kernel.cross(points, x), update), points.rows, outputs)),
        };
      }),
  };
}
