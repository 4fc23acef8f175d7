import { UsageError } from "../errors/index.ts";
import { type Anchor, anchor, type PathFn } from "../kernels/index.ts";
import {
  add,
  type Cholesky,
  expectFinite,
  expectShape,
  gramOf,
  halfSolve,
  inverse,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  solve,
  stackRows,
  subtract,
  transpose,
} from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { Gaussian, nonNegative } from "./gaussian.ts";
import { type MomentSlopes, momentSlopes, pullbackOf, weightedPullback } from "./input-slopes.ts";
import { diagonalBlock, leaveOneOutFrom } from "./leave-one-out.ts";
import type { GaussianProcess } from "./prior.ts";
import type { Observations, Posterior } from "./process.ts";
import { type Solution, solveWhole } from "./solution.ts";
import { expectPoint, extended, reduced, replaced, withoutPoints, withPoint } from "./update.ts";

/** The exact posterior of a Gaussian process under Gaussian noise (Rasmussen & Williams 2006, algorithm 2.1). */
export interface ExactPosterior extends Posterior {
  readonly prior: GaussianProcess;
  /** All data conditioned on, in the order they came. */
  readonly data: readonly Observations[];
  /** The data as one, and the solved system. */
  readonly solution: Solution;
  /** Functions drawn from the posterior; with derivatives in their inputs where kernel and prior path have them. */
  sample(key: Key, count: number): readonly PathFn[];
  /** The posterior given these observations as well, in O(n²) a point; their noise may differ. */
  condition(more: Observations): ExactPosterior;
  /**
   * The posterior without the observations at these indices (rows of `solution.x`, from 0), in O(n²) a point. Throws
   * UsageError for an index that is none, or when nothing would be left.
   */
  without(indices: readonly number[]): ExactPosterior;
  /** The posterior with the observation at this index changed to another (one row), in its place and in O(n²). */
  replace(index: number, observation: Observations): ExactPosterior;
  /**
   * Mean and variance at x with the pull-back to x, for few points at a time. Throws UsageError for kernels that
   * cannot be differentiated in their inputs.
   */
  slopes(x: Matrix): MomentSlopes;
}

// Points predicted at a time: bounds the memory of cross-Grams.
const chunk = 1024;

export function conditionExactly(prior: GaussianProcess, data: readonly Observations[]): ExactPosterior {
  const { kernel, mean, inputs, outputs } = prior;
  data.forEach((d) => {
    expectObservations(d, inputs, outputs);
  });
  const x = stackRows(data.map((d) => d.x));
  const y = stackRows(data.map((d) => d.y));
  return posteriorOf(prior, data, solveWhole(kernel, mean, x, y, noisePerValue(data, outputs)));
}

/** The posterior of a system already solved. `noiseVariance` is that of observations to come: the last set's. */
export function posteriorOf(
  prior: GaussianProcess,
  data: readonly Observations[],
  solution: Solution,
  noiseVariance: number = data.at(-1)!.noiseVariance,
): ExactPosterior {
  const { kernel, mean, inputs, outputs } = prior;
  const { x, y, factor, alpha, logEvidence } = solution;

  const meanAt = (points: Matrix, cross: Matrix) =>
    add(mean.at(points), reshape(multiply(cross, alpha), points.rows, outputs));

  let beside: Anchor | undefined;

  const posterior: ExactPosterior = {
    inputs,
    outputs,
    prior,
    data,
    solution,
    noiseVariance,
    logEvidence,
    report: factor.report,
    at(points) {
      expectShape(points, "x", undefined, inputs);
      expectFinite(points, "x");
      const inChunks = (visit: (part: Matrix, from: number) => void) => {
        for (let from = 0; from < points.rows; from += chunk) {
          visit(
            points.rows <= chunk ? points : rowRange(points, from, Math.min(points.rows, from + chunk)),
            from,
          );
        }
      };
      return new Gaussian({
        rows: points.rows,
        outputs,
        mean() {
          const out = matrix(points.rows, outputs);
          inChunks((part, from) => {
            out.data.set(meanAt(part, kernel.cross(part, x)).data, from * outputs);
          });
          return out;
        },
        moments() {
          const means = matrix(points.rows, outputs);
          const variances = matrix(points.rows, outputs);
          inChunks((part, from) => {
            beside ??= anchor(kernel, x);
            const { cross, own } = beside.at(part, "diagonal");
            means.data.set(meanAt(part, cross).data, from * outputs);
            variances.data.set(reducedVariance(own.data, factor, cross), from * outputs);
          });
          return { mean: means, variance: variances };
        },
        covariance() {
          const explained = halfSolve(factor, transpose(kernel.cross(points, x)));
          return subtract(kernel.gram(points), gramOf(explained, true));
        },
      });
    },
    observed: (points) => posterior.at(points).withNoise(noiseVariance),
    sample: (key: Key, count: number) =>
      Array.from({ length: count }, (_, i) => {
        const path = kernel.path(split(split(key, i), "path"), inputs);
        const update = pathUpdate(solution, path, split(split(key, i), "noise"));
        return {
          inputs,
          outputs,
          at(points: Matrix) {
            const shift = reshape(multiply(kernel.cross(points, x), update), points.rows, outputs);
            return add(add(mean.at(points), path.at(points)), shift);
          },
          ...(path.pullbackInputs &&
            kernel.pullbackInputs && {
              pullbackInputs: (points: Matrix, bar: Matrix) =>
                add(
                  add(pullbackOf(mean, points, bar), path.pullbackInputs!(points, bar)),
                  weightedPullback(kernel, points, x, update, bar),
                ),
            }),
        };
      }),
    leaveOneOut() {
      const precision = inverse(factor);
      return leaveOneOutFrom((i) => diagonalBlock(precision, i * outputs, outputs), alpha, y);
    },
    condition(more) {
      expectObservations(more, inputs, outputs);
      return posteriorOf(prior, [...data, more], extended(kernel, mean, solution, more));
    },
    without(indices) {
      const next = reduced(kernel, mean, solution, indices);
      return posteriorOf(prior, withoutPoints(data, indices), next, noiseVariance);
    },
    replace(index, observation) {
      expectPoint(index, x.rows);
      expectObservations(observation, inputs, outputs);
      expectShape(observation.x, "the observation", 1, inputs);
      const next = replaced(kernel, mean, solution, index, observation);
      return posteriorOf(prior, withPoint(data, index, observation), next, noiseVariance);
    },
    slopes(points) {
      expectShape(points, "x", undefined, inputs);
      expectFinite(points, "x");
      return momentSlopes(kernel, mean, solution, points);
    },
  };
  return posterior;
}

/**
 * (K + Σ)⁻¹ (residual − path(X) − noise), n·outputs × 1, by which a prior path becomes one of the posterior
 * (Matheron's rule, Wilson et al. 2020): f(·) + k(·, X) times it.
 */
export function pathUpdate({ x, noise, residual, factor }: Solution, path: PathFn, key: Key): Matrix {
  const size = residual.data.length;
  const draws = normal(key, size);
  const seen = path.at(x).data;
  const gap = residual.data.map((r, j) => r - seen[j]! - Math.sqrt(noise[j]!) * draws[j]!);
  return solve(factor, matrix(size, 1, gap));
}

/** diag(K**) − colsums of (L⁻¹ K*ᵀ)². */
export function reducedVariance(prior: Float64Array, factor: Cholesky, cross: Matrix): Float64Array {
  const explained = halfSolve(factor, transpose(cross));
  const out = prior.slice();
  for (let i = 0, k = 0; i < explained.rows; i++) {
    for (let j = 0; j < explained.cols; j++, k++) out[j]! -= explained.data[k]! ** 2;
  }
  return out.map(nonNegative);
}

export function expectObservations(
  { x, y, noiseVariance }: Observations,
  inputs: number,
  outputs: number,
): void {
  expectShape(x, "x", undefined, inputs);
  expectShape(y, "y", x.rows, outputs);
  expectFinite(x, "x");
  expectFinite(y, "y");
  if (x.rows === 0) throw new UsageError("condition: there are no observations");
  if (!(noiseVariance >= 0 && noiseVariance < Infinity)) {
    throw new UsageError(`noiseVariance should be finite and at least 0, got ${noiseVariance}`);
  }
}

function noisePerValue(data: readonly Observations[], outputs: number): Float64Array {
  return Float64Array.from(
    data.flatMap(({ x, noiseVariance }) => new Array<number>(x.rows * outputs).fill(noiseVariance)),
  );
}
