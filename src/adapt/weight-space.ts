import { NotPositiveDefiniteError, UsageError } from "../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
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
  updateCholesky,
} from "../linalg/index.ts";
import {
  expectObservations,
  leaveOneOutFrom,
  type Observations,
  type Posterior,
} from "../processes/index.ts";
import type { LatentProcess } from "../processes/latent/index.ts";
import type { TangentKernel } from "../tangent/index.ts";
import { type Features, featureParts, featuresOf } from "./features.ts";
import type { FeatureMoments } from "./layer-scales.ts";
import { factoredCovariance, type WeightCovariance } from "./weight-covariance.ts";
import { weightProcess } from "./weight-process.ts";

/** The adapted posterior found in weight space: p × p algebra, for more values than parameters. */
export interface WeightPosterior extends Posterior, LatentProcess {
  /** The posterior mean of the move of the network's weights, in the order of `flatten`. */
  readonly shift: Float64Array;
  condition(more: Observations): WeightPosterior;
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
    condition(more) {
      const all = extendedBy(examples, more);
      const fresh = examplesOf(more);
      const added = featureMoments(features, mean, fresh);
      // Rank-one updates of the factor, one a value: O(p²) each.
      const rows = features.rows(fresh.x);
      for (let k = 0; k < rows.data.length; k++) {
        rows.data[k]! /= Math.sqrt(fresh.noise[Math.floor(k / rows.cols)]!);
      }
      return solved(features, mean, all, updateCholesky(factor, rows), {
        projected: add(moments.projected, added.projected),
        total: moments.total + added.total,
        count: moments.count + added.count,
      });
    },
  });
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
    condition: parts.condition,
  };
}
