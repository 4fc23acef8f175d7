import { NotPositiveDefiniteError, UsageError } from "../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
  downdateCholesky,
  expectShape,
  type Fn,
  gramOf,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  type SolveReport,
  solve,
  stackRows,
  subtract,
  takeRows,
  updateCholesky,
} from "../linalg/index.ts";
import {
  expectObservations,
  leaveOneOutFrom,
  type Observations,
  type Posterior,
} from "../processes/index.ts";
import type { LatentProcess } from "../processes/latent/index.ts";
import { expectPoint, keptRows, withRow } from "../processes/update.ts";
import type { TangentKernel } from "../tangent/index.ts";
import { type Features, featureParts, featuresOf } from "./features.ts";
import type { FeatureMoments } from "./layer-scales.ts";
import { factoredCovariance, type WeightCovariance } from "./weight-covariance.ts";
import { weightProcess } from "./weight-process.ts";

/** The adapted posterior found in weight space: p × p algebra, for more values than parameters. */
export interface WeightPosterior extends Posterior, LatentProcess {
  /** The posterior mean of the move of the network's weights, in the order of `flatten`. */
  readonly shift: Float64Array;
  /** The noise variance of each value seen, n·o, point-major. */
  readonly noise: Float64Array;
  condition(more: Observations): WeightPosterior;
  /**
   * The posterior without the examples at these indices (from 0), in O(p²) an example where the covariance is exact.
   * Throws UsageError for an index that is none, or when nothing would be left.
   */
  without(indices: readonly number[]): WeightPosterior;
  /** The posterior with the example at this index changed to another (one row), in its place and as cheaply. */
  replace(index: number, example: Observations): WeightPosterior;
}

/** Values seen at points, each with its own noise variance (n·o, point-major). */
export interface NoisyExamples {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly noise: Float64Array;
  /** Of observations to come. */
  readonly noiseVariance: number;
}

function examplesOf({ x, y, noiseVariance }: Observations): NoisyExamples {
  return { x, y, noise: new Float64Array(y.data.length).fill(noiseVariance), noiseVariance };
}

/** The examples with these behind them, whose noise is that of observations to come. */
export function extendedBy(examples: NoisyExamples, more: Observations): NoisyExamples {
  expectObservations(more, examples.x.cols, examples.y.cols);
  const fresh = examplesOf(more);
  const noise = new Float64Array(examples.noise.length + fresh.noise.length);
  noise.set(examples.noise);
  noise.set(fresh.noise, examples.noise.length);
  return {
    x: stackRows([examples.x, fresh.x]),
    y: stackRows([examples.y, fresh.y]),
    noise,
    noiseVariance: fresh.noiseVariance,
  };
}

/** The examples at these indices, in this order. */
function examplesAt(examples: NoisyExamples, indices: readonly number[]): NoisyExamples {
  const { x, y, noise, noiseVariance } = examples;
  const own = [...new Set(indices)];
  return {
    x: takeRows(x, own),
    y: takeRows(y, own),
    noise: takeRows(matrix(y.rows, y.cols, noise), own).data,
    noiseVariance,
  };
}

/** The examples but those at these indices. Throws UsageError for an index that is none, or when none would be left. */
export function examplesWithout(examples: NoisyExamples, indices: readonly number[]): NoisyExamples {
  return examplesAt(examples, keptRows(examples.x.rows, indices).kept);
}

/** The examples with the one at this index changed, in its place. */
export function examplesWith(examples: NoisyExamples, index: number, example: Observations): NoisyExamples {
  const { x, y, noise } = examples;
  expectPoint(index, x.rows);
  expectObservations(example, x.cols, y.cols);
  expectShape(example.x, "the example", 1, x.cols);
  const changed = noise.slice();
  changed.fill(example.noiseVariance, index * y.cols, (index + 1) * y.cols);
  return {
    ...examples,
    x: withRow(x, index, example.x),
    y: withRow(y, index, example.y),
    noise: changed,
  };
}

/**
 * Sums of ΦᵀΦ, Φᵀr and rᵀr, every row divided by the deviation of its noise, streamed over the points: what is left is
 * a problem of unit noise.
 */
export function featureMoments(
  features: Features,
  mean: Fn,
  { x, y, noise }: Omit<NoisyExamples, "noiseVariance">,
): FeatureMoments {
  const { outputs } = features.kernel;
  const squares = matrix(features.count, features.count);
  const projected = matrix(features.count, 1);
  let total = 0;
  for (const part of featureParts(features, x)) {
    const rows = features.rows(part.x);
    const r = subtract(rowRange(y, part.from, part.to), mean.at(part.x)).data;
    for (let k = 0; k < r.length; k++) {
      const weight = 1 / Math.sqrt(noise[part.from * outputs + k]!);
      r[k]! *= weight;
      for (let i = k * rows.cols; i < (k + 1) * rows.cols; i++) rows.data[i]! *= weight;
    }
    accumulate(squares, gramOf(rows, true));
    accumulate(projected, multiply(rows, matrix(r.length, 1, r), { a: true }));
    total += dot(r, r);
  }
  return { squares, projected, total, count: y.data.length };
}

function accumulate(sum: Matrix, part: Matrix): void {
  for (let k = 0; k < sum.data.length; k++) sum.data[k]! += part.data[k]!;
}

/** The posterior of mean(x) + J(x) w, w ~ N(0, s), given the observations, by p × p algebra. */
export function conditionInWeightSpace(
  kernel: TangentKernel,
  mean: Fn,
  data: readonly Observations[],
): WeightPosterior {
  const [first, ...more] = data;
  if (!first) throw new UsageError("condition: there are no observations");
  expectObservations(first, mean.inputs, kernel.outputs);
  return conditionOnExamples(kernel, mean, more.reduce(extendedBy, examplesOf(first)));
}

/** The same for examples of any noise. */
export function conditionOnExamples(
  kernel: TangentKernel,
  mean: Fn,
  examples: NoisyExamples,
): WeightPosterior {
  if (examples.noise.some((v) => v === 0)) {
    throw new UsageError("weight space needs noise above 0: adapt in function space to interpolate");
  }
  const features = featuresOf(kernel);
  const moments = featureMoments(features, mean, examples);
  const { squares } = moments;
  for (let i = 0; i < squares.rows; i++) squares.data[i * squares.cols + i]! += 1;
  return solved(features, mean, examples, cholesky(squares), moments);
}

/** The posterior from the factor of I + ΦᵀΦ and the moments beside it. */
function solved(
  features: Features,
  mean: Fn,
  examples: NoisyExamples,
  factor: Cholesky,
  moments: Pick<FeatureMoments, "projected" | "total" | "count">,
): WeightPosterior {
  const u = solve(factor, moments.projected).data;
  const logNoise = examples.noise.reduce((sum, v) => sum + Math.log(v), 0);
  const logEvidence =
    -0.5 *
    (moments.count * Math.log(2 * Math.PI) +
      logNoise +
      logDeterminant(factor) +
      moments.total -
      dot(moments.projected.data, u));
  return weightPosterior({
    features,
    mean,
    examples,
    u,
    covariance: factoredCovariance(factor),
    logEvidence,
    report: factor.report,
    condition: (more) => moved(extendedBy(examples, more), { added: examplesOf(more) }),
    without: (indices) => moved(examplesWithout(examples, indices), { gone: examplesAt(examples, indices) }),
    replace: (index, example) =>
      moved(examplesWith(examples, index, example), {
        added: examplesOf(example),
        gone: examplesAt(examples, [index]),
      }),
  });

  /** The posterior after some examples came and some went: rank-one updates of the factor, one a value, O(p²) each. */
  function moved(
    all: NoisyExamples,
    { added, gone }: { readonly added?: NoisyExamples; readonly gone?: NoisyExamples },
  ): WeightPosterior {
    let [next, sums]: [Cholesky | undefined, typeof moments] = [factor, moments];
    for (const [some, sign] of [
      [added, 1],
      [gone, -1],
    ] as const) {
      if (!some || !next) continue;
      const part = featureMoments(features, mean, some);
      const rows = features.rows(some.x);
      for (let k = 0; k < rows.data.length; k++) {
        rows.data[k]! /= Math.sqrt(some.noise[Math.floor(k / rows.cols)]!);
      }
      next = sign > 0 ? updateCholesky(next, rows) : downdateCholesky(next, rows);
      sums = {
        projected: add(sums.projected, part.projected, sign),
        total: sums.total + sign * part.total,
        count: sums.count + sign * part.count,
      };
    }
    // Where rounding leaves no positive definite matrix, the whole is summed again.
    return next ? solved(features, mean, all, next, sums) : conditionOnExamples(features.kernel, mean, all);
  }
}

/** What a posterior over weights under Gaussian noise is made of. */
export interface WeightPosteriorParts {
  readonly features: Features;
  readonly mean: Fn;
  readonly examples: NoisyExamples;
  /** The posterior mean of the whitened weights. */
  readonly u: Float64Array;
  readonly covariance: WeightCovariance;
  readonly logEvidence: number;
  readonly report: SolveReport;
  condition(more: Observations): WeightPosterior;
  without(indices: readonly number[]): WeightPosterior;
  replace(index: number, example: Observations): WeightPosterior;
}

/** A posterior over functions from one over weights, whatever form its covariance has. */
export function weightPosterior(parts: WeightPosteriorParts): WeightPosterior {
  const { features, mean, examples, u, covariance, logEvidence, report } = parts;
  const process = weightProcess(features, mean, u, covariance);
  const { outputs } = process;
  const { x, y, noise, noiseVariance } = examples;
  return {
    ...process,
    noiseVariance,
    logEvidence,
    report,
    shift: features.weights(u),
    observed: (points) => process.at(points).withNoise(noiseVariance),
    leaveOneOut() {
      // (K + Σ)⁻¹ has diagonal blocks Σ⁻¹ − Σ⁻¹ V_ii Σ⁻¹, V_ii the posterior covariance of f at the point.
      const { mean: fitted, covariance: spread } = process.blocks(x);
      const alpha = matrix(
        y.data.length,
        1,
        y.data.map((v, k) => (v - fitted.data[k]!) / noise[k]!),
      );
      const block = (i: number) => {
        const out = matrix(outputs, outputs);
        for (let p = 0; p < outputs; p++) {
          for (let q = 0; q < outputs; q++) {
            const v = spread.data[(i * outputs + p) * outputs + q]!;
            const [a, b] = [noise[i * outputs + p]!, noise[i * outputs + q]!];
            out.data[p * outputs + q] = ((p === q ? 1 : 0) - v / b) / a;
          }
        }
        return out;
      };
      try {
        return leaveOneOutFrom(block, alpha, y);
      } catch (cause) {
        // V_ii stays below the noise for the exact covariance alone.
        if (!(cause instanceof NotPositiveDefiniteError)) throw cause;
        throw new UsageError(
          'leave-one-out predictions are not to be had from this approximate covariance, which says less than one example does: adapt with approximation "full"',
          { cause },
        );
      }
    },
    noise,
    condition: parts.condition,
    without: parts.without,
    replace: parts.replace,
  };
}
