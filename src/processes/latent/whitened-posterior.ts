import type { Kernel } from "../../kernels/index.ts";
import {
  add,
  type Cholesky,
  expectFinite,
  expectShape,
  type Fn,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  subtract,
  transpose,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import { Gaussian, nonNegative } from "../gaussian.ts";
import type { LatentProcess } from "./function-posterior.ts";

/** q(f(X)) = N(mean + L μ, L A⁻¹ Lᵀ). */
export interface WhitenedValues {
  /** Of k(X, X) = L Lᵀ. */
  readonly prior: Cholesky;
  /** μ, n·L × 1. */
  readonly white: Matrix;
  /** Of A. */
  readonly precision: Cholesky;
}

// Points predicted at a time: bounds the memory of cross-Grams.
const chunk = 256;

function inChunks(points: Matrix, visit: (part: Matrix, from: number) => void): void {
  for (let from = 0; from < points.rows; from += chunk) {
    visit(rowRange(points, from, Math.min(points.rows, from + chunk)), from);
  }
}

/** The process whose values at X have this distribution, and which is as before given them. */
export function whitenedPosterior(
  kernel: Kernel,
  mean: Fn,
  x: Matrix,
  { prior, white, precision }: WhitenedValues,
): LatentProcess {
  const { outputs } = kernel;
  const { inputs } = mean;
  const alpha = halfSolveTransposed(prior, white);
  const meanAt = (points: Matrix, cross: Matrix) =>
    add(mean.at(points), reshape(multiply(cross, alpha), points.rows, outputs));
  /** What the values at X take away, and what their own uncertainty gives back. */
  const parts = (cross: Matrix) => {
    const gone = halfSolve(prior, transpose(cross));
    return { gone, back: halfSolve(precision, gone) };
  };
  const process: LatentProcess = {
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
          inChunks(points, (part, from) => {
            out.data.set(meanAt(part, kernel.cross(part, x)).data, from * outputs);
          });
          return out;
        },
        moments() {
          const means = matrix(points.rows, outputs);
          const variance = matrix(points.rows, outputs);
          inChunks(points, (part, from) => {
            const cross = kernel.cross(part, x);
            means.data.set(meanAt(part, cross).data, from * outputs);
            const { gone, back } = parts(cross);
            const own = kernel.diagonal(part);
            for (let k = 0; k < gone.data.length; k++) {
              own[k % gone.cols]! += back.data[k]! ** 2 - gone.data[k]! ** 2;
            }
            variance.data.set(own.map(nonNegative), from * outputs);
          });
          return { mean: means, variance };
        },
        covariance() {
          const { gone, back } = parts(kernel.cross(points, x));
          return add(subtract(kernel.gram(points), gramOf(gone, true)), gramOf(back, true));
        },
      });
    },
    blocks(points) {
      const { mean: means } = process.at(points);
      const covariance = matrix(points.rows * outputs, outputs);
      // Few at a time: the covariance of the whole part is formed on the way.
      const few = Math.max(1, Math.floor(64 / outputs));
      for (let from = 0; from < points.rows; from += few) {
        const part = rowRange(points, from, Math.min(points.rows, from + few));
        const whole = process.at(part).covariance;
        for (let i = 0; i < whole.rows; i++) {
          const first = i - (i % outputs);
          const row = whole.data.subarray(i * whole.cols + first, i * whole.cols + first + outputs);
          covariance.data.set(row, (from * outputs + i) * outputs);
        }
      }
      return { mean: means, covariance };
    },
    /** Matheron's rule: a path of the prior, moved to values drawn for X. */
    sample: (key: Key, count: number): Fn[] =>
      Array.from({ length: count }, (_, s) => {
        const path = kernel.path(split(split(key, s), "path"), inputs);
        const noise = matrix(white.rows, 1, normal(split(split(key, s), "values"), white.rows));
        const drawn = add(white, halfSolveTransposed(precision, noise));
        const before = halfSolve(prior, reshape(path.at(x), white.rows, 1));
        const weights = halfSolveTransposed(prior, subtract(drawn, before));
        return {
          inputs,
          outputs,
          at: (points) =>
            add(
              add(mean.at(points), path.at(points)),
              reshape(multiply(kernel.cross(points, x), weights), points.rows, outputs),
            ),
        };
      }),
  };
  return process;
}
