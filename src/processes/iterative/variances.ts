import { UsageError } from "../../errors/index.ts";
import {
  cholesky,
  expectFinite,
  halfSolve,
  lanczos,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  takeRows,
  transpose,
  tridiagonal,
} from "../../linalg/index.ts";
import { runSync } from "../../tasks/index.ts";
import { nonNegative } from "../gaussian.ts";
import { largestOf } from "./nearest-points.ts";
import { kernelRows } from "./product.ts";
import { type KernelSystem, solveSystem, systemTimes } from "./system.ts";

/**
 * How a posterior variance k(x, x) − k(x, X) (K + noise)⁻¹ k(X, x) is found. "neighbours": given the points that x has
 * most to do with alone; "lanczos": in the Krylov space of the residual (Pleiss et al. 2018); "solves": by conjugate
 * gradients, to the tolerance. The first two explain part of the variance, so that they err above the truth, never below.
 */
export type VarianceMethod = "neighbours" | "lanczos" | "solves";

export interface VarianceOptions {
  /** "neighbours" unless given. */
  readonly variances?: VarianceMethod;
  /** Points that "neighbours" looks at, or steps of "lanczos". 128 unless given. */
  readonly varianceSize?: number;
}

/** Variances at points given the kernel system, n × outputs as a flat array, point-major. */
export type Variances = (points: Matrix) => Float64Array;

/** Throws UsageError for a method that is none or a size that is no whole number from 1. */
export function variancesOf(
  system: KernelSystem,
  residual: Float64Array,
  { variances = "neighbours", varianceSize = 128 }: VarianceOptions,
): Variances {
  if (!(Number.isInteger(varianceSize) && varianceSize >= 1)) {
    throw new UsageError(`varianceSize should be a whole number from 1, got ${varianceSize}`);
  }
  const way = { neighbours: byNeighbours, lanczos: byLanczos, solves: bySolves }[variances];
  if (!way) {
    throw new UsageError(`variances are found by "neighbours", "lanczos" or "solves", got "${variances}"`);
  }
  const found = way(system, residual, varianceSize);
  return (points) => {
    expectFinite(points, "x");
    return found(points).map(nonNegative);
  };
}

function byNeighbours({ kernel, x, noise }: KernelSystem, _residual: Float64Array, size: number): Variances {
  const { outputs } = kernel;
  const count = Math.min(x.rows, Math.max(1, Math.floor(size / outputs)));
  const scales = kernel.diagonal(x).map((v) => 1 / (v || 1));
  return (points) => {
    const out = kernel.diagonal(points);
    kernelRows(kernel, points, x, (cross, from) => {
      for (let i = 0; i < cross.rows / outputs; i++) {
        // Squared correlations, up to the point's own variance.
        const scores = new Float64Array(x.rows);
        const own = cross.data.subarray(i * outputs * cross.cols, (i + 1) * outputs * cross.cols);
        own.forEach((v, k) => {
          const j = k % cross.cols;
          scores[Math.floor(j / outputs)]! += v * v * scales[j]!;
        });
        const near = largestOf(scores, count);
        const gram = kernel.gram(takeRows(x, near));
        const right = matrix(gram.rows, outputs);
        near.forEach((point, a) => {
          for (let p = 0; p < outputs; p++) {
            const row = a * outputs + p;
            gram.data[row * (gram.rows + 1)]! += noise[point * outputs + p]!;
            for (let q = 0; q < outputs; q++) {
              right.data[row * outputs + q] = own[q * cross.cols + point * outputs + p]!;
            }
          }
        });
        reduce(out, (from + i) * outputs, halfSolve(cholesky(gram), right));
      }
    });
    return out;
  };
}

function byLanczos(system: KernelSystem, residual: Float64Array, size: number): Variances {
  const { kernel, x } = system;
  const start = residual.some((v) => v !== 0) ? residual : new Float64Array(residual.length).fill(1);
  const found = lanczos((v) => systemTimes(system, v), start, size);
  const root = halfSolve(cholesky(tridiagonal(found)), found.basis);
  return (points) => {
    const out = kernel.diagonal(points);
    kernelRows(kernel, points, x, (cross, from) => {
      reduce(out, from * kernel.outputs, multiply(root, cross, { b: true }));
    });
    return out;
  };
}

// Points solved for at a time.
const together = 128;

function bySolves(system: KernelSystem): Variances {
  const { kernel, x } = system;
  return (points) => {
    const out = kernel.diagonal(points);
    for (let from = 0; from < points.rows; from += together) {
      const part = rowRange(points, from, Math.min(points.rows, from + together));
      const right = transpose(kernel.cross({ ...part }, x));
      const { x: solved } = runSync(solveSystem(system, right, "variances"));
      for (let i = 0, k = 0; i < right.rows; i++) {
        for (let j = 0; j < right.cols; j++, k++) {
          out[from * kernel.outputs + j]! -= right.data[k]! * solved.data[k]!;
        }
      }
    }
    return out;
  };
}

/** Takes the column sums of squares of `half` off the variances from this one on. */
function reduce(variances: Float64Array, from: number, half: Matrix): void {
  for (let i = 0, k = 0; i < half.rows; i++) {
    for (let j = 0; j < half.cols; j++, k++) variances[from + j]! -= half.data[k]! ** 2;
  }
}
