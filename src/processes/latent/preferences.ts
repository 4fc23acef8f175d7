import { UsageError } from "../../errors/index.ts";
import { difference, type Kernel } from "../../kernels/index.ts";
import { expectFinite, expectShape, type Matrix, matrix } from "../../linalg/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { Gaussian } from "../gaussian.ts";
import { bernoulli } from "../likelihoods/bernoulli.ts";
import { fitLikelihood, type LikelihoodFit, type LikelihoodFitOptions } from "./fit-likelihood.ts";

/** Which of two was preferred, again and again. */
export interface Preferences {
  /** What was compared, n × inputs. */
  readonly items: Matrix;
  /** Rows of `items`: the preferred one first. */
  readonly pairs: readonly (readonly [preferred: number, other: number])[];
}

/** A utility that explains the choices. */
export interface PreferenceFit extends LikelihoodFit {
  /** How much more useful each point is than item 0: choices tell no more of a utility than its differences. */
  utility(x: Matrix): Gaussian;
  /** The probability that each row of `a` is preferred to the same row of `b`. */
  prefers(a: Matrix, b: Matrix): Float64Array;
}

/**
 * Fits a utility to pairwise choices: p(a over b) = Φ(f(a) − f(b)) (Chu & Ghahramani 2005), so that the unit of f is the
 * standard deviation of the noise in a choice. Throws UsageError for pairs that name no items, ShapeError,
 * NonFiniteError, NotConvergedError.
 */
export function* fitPreferences(
  kernel: Kernel,
  { items, pairs }: Preferences,
  options: Omit<LikelihoodFitOptions, "mean"> = {},
): Task<PreferenceFit> {
  const { rows, cols } = items;
  expectShape(items, "items", undefined, kernel.inputs);
  expectFinite(items, "items");
  pairs.forEach(([a, b], i) => {
    const known = [a, b].every((k) => Number.isInteger(k) && k >= 0 && k < rows);
    if (!known || a === b) {
      throw new UsageError(`pair ${i} names two different items from 0 to ${rows - 1}, got ${a} and ${b}`);
    }
  });
  const item = (k: number) => items.data.subarray(k * cols, (k + 1) * cols);
  const x = matrix(pairs.length, 2 * cols);
  pairs.forEach(([a, b], i) => {
    x.data.set(item(a), 2 * i * cols);
    x.data.set(item(b), (2 * i + 1) * cols);
  });
  const y = matrix(pairs.length, 1, new Float64Array(pairs.length).fill(1));
  const fit = yield* fitLikelihood(difference(kernel, cols), { x, y }, bernoulli("probit"), options);
  return {
    ...fit,
    utility: (points) => fit.process.at(beside(points, (_) => item(0), cols)),
    prefers(a, b) {
      expectShape(b, "b", a.rows, cols);
      const found = fit.process.predictive(beside(a, (i) => b.data.subarray(i * cols, (i + 1) * cols), cols));
      return found.kind === "classes"
        ? found.probabilities.data.filter((_, k) => k % 2 === 1)
        : found.mean.data;
    },
  };
}

function beside(a: Matrix, other: (row: number) => Float64Array, cols: number): Matrix {
  expectShape(a, "points", undefined, cols);
  const out = matrix(a.rows, 2 * cols);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * cols, (i + 1) * cols), 2 * i * cols);
    out.data.set(other(i), (2 * i + 1) * cols);
  }
  return out;
}
