import { NotConvergedError } from "../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  solve,
} from "../linalg/index.ts";
import {
  type BlockRoot,
  mostNewtonSteps,
  newtonTolerance,
  rootTimes,
  rootTransposedTimes,
} from "../processes/latent/index.ts";
import { type Features, featureParts } from "./features.ts";
import type { Likelihood } from "./likelihoods.ts";
import type { ScaleEvidence } from "./scale-search.ts";
import { factoredCovariance, identityPlusCurvature, rootPart } from "./weight-covariance.ts";

/** The mode of p(u | y) of the whitened weights, with the curvature there: Laplace's approximation in weight space. */
export interface WeightMode {
  /** û, p. */
  readonly u: Float64Array;
  /** f̂ at the examples, n × o. */
  readonly f: Matrix;
  /** ∂ log p(y | f̂)/∂f, n·o × 1. */
  readonly alpha: Matrix;
  readonly root: BlockRoot;
  /** Of I + ΦᵀWΦ, p square. */
  readonly factor: Cholesky;
  /** Laplace's approximation of log p(y), in nats. */
  readonly logEvidence: number;
}

/**
 * Finds the mode of mean(x) + φ(x) u by Newton's method, p × p, streamed over the points; halves steps that overshoot.
 * `mean` is the prior mean at x, n × o. Throws NotConvergedError.
 */
export function weightMode(
  features: Features,
  x: Matrix,
  mean: Matrix,
  likelihood: Likelihood,
  start?: Float64Array,
  tolerance: number = newtonTolerance,
): WeightMode {
  const { outputs } = likelihood;
  const at = (u: Float64Array) => {
    const moved = rowsTimes(features, x, u);
    const f = add(mean, moved);
    return { u, moved, f, value: likelihood.logDensity(f) - 0.5 * dot(u, u) };
  };
  const curvature = (f: Matrix) => {
    const root = { blocks: likelihood.root(f), outputs };
    return { root, factor: cholesky(identityPlusCurvature(features, x, root)) };
  };
  let here = at(start ?? new Float64Array(features.count));
  for (let step = 0; step < mostNewtonSteps; step++) {
    const { root, factor } = curvature(here.f);
    const moved = reshape(here.moved, here.moved.data.length, 1);
    const weighted = rootTimes(root, rootTransposedTimes(root, moved));
    const b = add(weighted, reshape(likelihood.gradient(here.f), moved.rows, 1));
    const target = solve(factor, rowsTransposedTimes(features, x, b)).data;
    const from = here.u;
    let next = at(target);
    for (let t = 0.5; next.value < here.value - 1e-10 * Math.abs(here.value) && t > 1e-6; t /= 2) {
      next = at(from.map((v, i) => v + t * (target[i]! - v)));
    }
    const gain = next.value - here.value;
    here = next;
    if (gain <= tolerance * Math.abs(here.value) + 1e-13) {
      const last = likelihood.traceSlope ? curvature(here.f) : { root, factor };
      const gradient = likelihood.gradient(here.f);
      return {
        u: here.u,
        f: here.f,
        alpha: reshape(gradient, gradient.data.length, 1),
        ...last,
        logEvidence: here.value - 0.5 * logDeterminant(last.factor),
      };
    }
  }
  throw new NotConvergedError(`the mode of the weights' posterior was not found in ${mostNewtonSteps} steps`);
}

/**
 * Laplace's log evidence with its derivatives in the scales (MacKay 1992, with the mode's own movement).
 * `featuresAt` gives the features for scales.
 */
export function evidenceOfWeightMode(
  featuresAt: (scales: Float64Array) => Features,
  x: Matrix,
  mean: Matrix,
  likelihood: Likelihood,
  tolerance: number = newtonTolerance,
): ScaleEvidence {
  let before: { scales: Float64Array; mode: WeightMode } | undefined;
  return (scales) => {
    const features = featuresAt(scales);
    const start = before && rewhitened(features, before.mode.u, before.scales, scales);
    const mode = weightMode(features, x, mean, likelihood, start, tolerance);
    before = { scales: scales.slice(), mode };
    const { u, factor } = mode;
    const covariance = inverse(factor).data;
    const drift = likelihood.traceSlope && modeDrift(features, x, likelihood, mode);
    // ∂/∂log s: ½ Σ (û² + C_ii − 1) over the weights of the scale, and through the mode, which moves by C û there.
    const perLayer = features.layers.map(({ from, size }) => {
      let sum = 0;
      for (let i = from; i < from + size; i++) {
        sum += 0.5 * (u[i]! ** 2 + covariance[i * features.count + i]! - 1);
        if (drift) sum += drift[i]! * u[i]!;
      }
      return sum;
    });
    const shared = scales.length === 1;
    const slopes = shared ? [perLayer.reduce((a, b) => a + b, 0)] : perLayer;
    return {
      value: mode.logEvidence,
      scaleGradient: Float64Array.from(slopes, (v, l) => v / scales[l]!),
      noiseGradient: 0,
    };
  };
}

/** C Φᵀ ∂(−½ log det)/∂f̂: what the curvature's change gives for a move of the mode, p. */
function modeDrift(
  features: Features,
  x: Matrix,
  likelihood: Likelihood,
  { f, root, factor }: WeightMode,
): Float64Array {
  const { rank } = likelihood;
  const covariance = factoredCovariance(factor);
  const seen = matrix(likelihood.examples * rank, rank);
  for (const part of featureParts(features, x)) {
    const rows = rootTransposedTimes(rootPart(root, part.from, part.to), features.rows(part.x));
    const spread = covariance.timesRoot(rows);
    for (let r = 0; r < spread.rows; r++) {
      const first = r - (r % rank);
      for (let q = 0; q < rank; q++) {
        const other = (first + q) * spread.cols;
        let sum = 0;
        for (let k = 0; k < spread.cols; k++)
          sum += spread.data[r * spread.cols + k]! * spread.data[other + k]!;
        seen.data[(part.from * rank + r) * rank + q] = sum;
      }
    }
  }
  const slope = likelihood.traceSlope!(f, seen);
  const column = matrix(
    slope.data.length,
    1,
    slope.data.map((v) => -0.5 * v),
  );
  return solve(factor, rowsTransposedTimes(features, x, column)).data;
}

/** The same weights, whitened by other scales. */
function rewhitened(features: Features, u: Float64Array, from: Float64Array, to: Float64Array): Float64Array {
  const out = u.slice();
  features.layers.forEach(({ from: first, size }, l) => {
    const scale = from.length === 1 ? 0 : l;
    const factor = Math.sqrt(from[scale]! / to[scale]!);
    for (let i = first; i < first + size; i++) out[i]! *= factor;
  });
  return out;
}

/** Φ u as n × o, in f64 from the feature rows. */
function rowsTimes(features: Features, x: Matrix, u: Float64Array): Matrix {
  const { outputs } = features.kernel;
  const out = matrix(x.rows, outputs);
  for (const part of featureParts(features, x)) {
    const moved = multiply(features.rows(part.x), matrix(u.length, 1, u));
    out.data.set(moved.data, part.from * outputs);
  }
  return out;
}

/** Φᵀ v, p × 1. */
function rowsTransposedTimes(features: Features, x: Matrix, v: Matrix): Matrix {
  const { outputs } = features.kernel;
  let out = matrix(features.count, 1);
  for (const part of featureParts(features, x)) {
    const rows = features.rows(part.x);
    const own = matrix(rows.rows, 1, v.data.subarray(part.from * outputs, part.to * outputs));
    out = add(out, multiply(rows, own, { a: true }));
  }
  return out;
}
