import { type Anchor, anchor, type Kernel } from "../../kernels/index.ts";
import {
  add,
  expectFinite,
  expectShape,
  type Fn,
  gramOf,
  halfSolve,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  solve,
  subtract,
  transpose,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import { Gaussian, nonNegative } from "../gaussian.ts";
import type { Process } from "../process.ts";
import { type BlockRoot, rootTimes, rootTransposedTimes, timesRoot } from "./block-root.ts";
import type { FunctionMode } from "./function-mode.ts";

/** A Gaussian process over several outputs whose covariance at each point alone is found without the whole. */
export interface LatentProcess extends Process<Gaussian> {
  /** The mean at each point (n × o) and the covariance of its outputs (n blocks of o × o, n·o × o). */
  blocks(x: Matrix): { readonly mean: Matrix; readonly covariance: Matrix };
}

// Points predicted at a time: bounds the memory of cross-Grams.
const chunk = 256;

/**
 * p(f | y) of Laplace's approximation in function space (Rasmussen & Williams 2006, section 3.5.2): mean
 * m(·) + k(·, X) alpha, covariance k(·, ·) − k(·, X) R B⁻¹ Rᵀ k(X, ·), for the mode found at the examples X.
 */
export function functionPosterior(
  kernel: Kernel,
  mean: Fn,
  x: Matrix,
  { alpha, root, factor }: Pick<FunctionMode, "alpha" | "root" | "factor">,
): LatentProcess {
  const { outputs } = kernel;
  const { inputs } = mean;
  /** L⁻¹ Rᵀ k(X, points): its Gram is what the data explain. */
  const explained = (cross: Matrix) => halfSolve(factor, transpose(timesRoot(cross, root)));
  const meanAt = (points: Matrix, cross: Matrix) =>
    add(mean.at(points), reshape(multiply(cross, alpha), points.rows, outputs));
  const eachPart = (points: Matrix, visit: (part: Matrix, from: number) => void) => {
    // The examples themselves are asked for whole, by which a kernel knows that it knows them.
    if (points === x || points.rows <= chunk) {
      visit(points, 0);
      return;
    }
    for (let from = 0; from < points.rows; from += chunk) {
      visit(rowRange(points, from, Math.min(points.rows, from + chunk)), from);
    }
  };
  let held: Anchor | undefined;
  /** The kernel beside the examples, set up when first predicted with. */
  const beside = () => {
    held ??= anchor(kernel, x);
    return held;
  };
  return {
    inputs,
    outputs,
    at(points) {
      expectShape(points, "x", undefined, inputs);
      expectFinite(points, "x");
      return new Gaussian({
        rows: points.rows,
        outputs,
        mean() {
          const out = matrix(points.rows, outputs);
          eachPart(points, (part, from) => {
            out.data.set(meanAt(part, kernel.cross(part, x)).data, from * outputs);
          });
          return out;
        },
        moments() {
          const means = matrix(points.rows, outputs);
          const variance = matrix(points.rows, outputs);
          eachPart(points, (part, from) => {
            const { cross, own } = beside().at(part, "diagonal");
            means.data.set(meanAt(part, cross).data, from * outputs);
            const v = explained(cross);
            for (let k = 0; k < v.data.length; k++) own.data[k % v.cols]! -= v.data[k]! ** 2;
            variance.data.set(own.data.map(nonNegative), from * outputs);
          });
          return { mean: means, variance };
        },
        covariance: () => subtract(kernel.gram(points), gramOf(explained(kernel.cross(points, x)), true)),
      });
    },
    blocks(points) {
      const means = matrix(points.rows, outputs);
      const covariance = matrix(points.rows * outputs, outputs);
      eachPart(points, (part, from) => {
        const { cross, own } = beside().at(part, "blocks");
        means.data.set(meanAt(part, cross).data, from * outputs);
        const seen = transpose(explained(cross));
        for (let i = 0; i < part.rows; i++) {
          const gone = gramOf(rowRange(seen, i * outputs, (i + 1) * outputs)).data;
          for (let k = 0; k < gone.length; k++) own.data[i * gone.length + k]! -= gone[k]!;
        }
        covariance.data.set(own.data, from * outputs * outputs);
      });
      return { mean: means, covariance };
    },
    sample: (key: Key, count: number): Fn[] =>
      Array.from({ length: count }, (_, s) => {
        // Matheron's rule for the observations Rᵀ f + ε, ε ~ N(0, I), whose posterior has this covariance.
        const path = kernel.path(split(split(key, s), "path"), inputs);
        const update = pathUpdate(root, factor, path.at(x), split(split(key, s), "noise"));
        const weights = subtract(alpha, update);
        return {
          inputs,
          outputs,
          at: (points) => {
            const shift = reshape(multiply(kernel.cross(points, x), weights), points.rows, outputs);
            return add(add(mean.at(points), path.at(points)), shift);
          },
        };
      }),
  };
}

/** R B⁻¹ (Rᵀ path + ε): what takes a prior path to one of the posterior, n·o × 1. */
function pathUpdate(root: BlockRoot, factor: FunctionMode["factor"], path: Matrix, key: Key): Matrix {
  const seen = rootTransposedTimes(root, reshape(path, path.data.length, 1));
  const noisy = add(seen, matrix(seen.rows, 1, normal(key, seen.rows)));
  return rootTimes(root, solve(factor, noisy));
}
