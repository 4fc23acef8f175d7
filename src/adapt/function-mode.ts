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
  scale,
  solve,
  subtract,
} from "../linalg/index.ts";
import {
  type BlockRoot,
  diagonalBlocks,
  identityPlus,
  rootTimes,
  rootTransposedTimes,
  spreadOut,
} from "./block-root.ts";
import type { Likelihood } from "./likelihoods.ts";
import type { ScaleEvidence } from "./scale-search.ts";
import { weightedSum } from "./shares.ts";

/** The mode of p(f | y) at the examples, with the curvature there: Laplace's approximation in function space. */
export interface FunctionMode {
  /** f̂, n × o, the prior mean included. */
  readonly f: Matrix;
  /** K⁻¹ (f̂ − mean) = ∂ log p(y | f̂)/∂f, n·o × 1: the mean elsewhere is mean(·) + k(·, X) alpha. */
  readonly alpha: Matrix;
  /** W = R Rᵀ at the mode. */
  readonly root: BlockRoot;
  /** Of I + Rᵀ K R, n·r square. */
  readonly factor: Cholesky;
  /** Laplace's approximation of log p(y), in nats. */
  readonly logEvidence: number;
}

/**
 * A gain this small, relative to the value, ends Newton's method: it converges quadratically, so that what is left is
 * rounding.
 */
export const newtonTolerance = 1e-11;

/** Newton steps that find a mode of a log-concave likelihood; far fewer are needed. */
export const mostNewtonSteps = 100;

/**
 * Finds the mode by Newton's method (Rasmussen & Williams 2006, algorithm 3.3, for a K that couples the outputs),
 * halving steps that overshoot. `mean` is the prior mean at the examples, n × o. Throws NotConvergedError.
 */
export function functionMode(
  gram: Matrix,
  mean: Matrix,
  likelihood: Likelihood,
  start?: Matrix,
  tolerance: number = newtonTolerance,
): FunctionMode {
  const { outputs } = likelihood;
  const size = gram.rows;
  const at = (alpha: Matrix) => {
    const moved = reshape(multiply(gram, alpha), mean.rows, outputs);
    const f = add(mean, moved);
    return { alpha, moved, f, value: likelihood.logDensity(f) - 0.5 * dot(alpha.data, moved.data) };
  };
  const curvature = (f: Matrix) => {
    const root = { blocks: likelihood.root(f), outputs };
    return { root, factor: cholesky(identityPlus(gram, root)) };
  };
  let here = at(matrix(size, 1));
  if (start) {
    const there = at(start);
    if (there.value > here.value) here = there;
  }
  for (let step = 0; step < mostNewtonSteps; step++) {
    const { root, factor } = curvature(here.f);
    // b = W (f − mean) + ∂log p; alpha = b − R B⁻¹ Rᵀ K b
    const moved = reshape(here.moved, size, 1);
    const weighted = rootTimes(root, rootTransposedTimes(root, moved));
    const b = add(weighted, reshape(likelihood.gradient(here.f), size, 1));
    const inner = solve(factor, rootTransposedTimes(root, multiply(gram, b)));
    const target = subtract(b, rootTimes(root, inner));
    const direction = subtract(target, here.alpha);
    let next = at(target);
    for (let t = 0.5; next.value < here.value - 1e-10 * Math.abs(here.value) && t > 1e-6; t /= 2) {
      next = at(add(here.alpha, direction, t));
    }
    const gain = next.value - here.value;
    here = next;
    if (gain <= tolerance * Math.abs(here.value) + 1e-13) {
      const last = likelihood.traceSlope ? curvature(here.f) : { root, factor };
      const logEvidence = here.value - 0.5 * logDeterminant(last.factor);
      return { f: here.f, alpha: here.alpha, ...last, logEvidence };
    }
  }
  throw new NotConvergedError(`the mode of the labels' posterior was not found in ${mostNewtonSteps} steps`);
}

/**
 * Laplace's log evidence with its derivatives in the scales, K = Σ_l s_l K_l (Rasmussen & Williams 2006, equations
 * 5.22–5.24): the mode moves with the scales, and W with the mode. Each search starts from the mode before.
 */
export function evidenceOfMode(
  shares: readonly Matrix[],
  mean: Matrix,
  likelihood: Likelihood,
  tolerance: number = newtonTolerance,
): ScaleEvidence {
  let before: Matrix | undefined;
  return (scales) => {
    const gram = weightedSum(shares, scales);
    const mode = functionMode(gram, mean, likelihood, before, tolerance);
    before = mode.alpha;
    const { alpha, root, factor, f } = mode;
    const precision = inverse(factor);
    const traces = curvatureTraces(shares, scales, precision, root);
    let drift: Matrix | undefined;
    if (likelihood.traceSlope) {
      // Rᵀ Σ R = I − B⁻¹
      const seen = scale(diagonalBlocks(precision, likelihood.rank), -1);
      for (let i = 0; i < seen.rows; i++) seen.data[i * seen.cols + (i % seen.cols)]! += 1;
      const slope = scale(likelihood.traceSlope(f, seen), -0.5);
      const column = reshape(slope, slope.data.length, 1);
      // (I + W K)⁻¹ slope
      const inner = solve(factor, rootTransposedTimes(root, multiply(gram, column)));
      drift = subtract(column, rootTimes(root, inner));
    }
    return {
      value: mode.logEvidence,
      scaleGradient: Float64Array.from(shares, (share, l) => {
        const image = multiply(share, alpha);
        const explicit = 0.5 * (dot(alpha.data, image.data) - traces[l]!);
        return explicit + (drift ? dot(drift.data, image.data) : 0);
      }),
      noiseGradient: 0,
    };
  };
}

/** tr((K + W⁻¹)⁻¹ K_l) = tr(R B⁻¹ Rᵀ K_l); for a single share tr(B⁻¹ (B − I)) / s. */
function curvatureTraces(
  shares: readonly Matrix[],
  scales: Float64Array,
  precision: Matrix,
  root: BlockRoot,
): number[] {
  if (shares.length === 1) {
    let left = 0;
    for (let i = 0; i < precision.rows; i++) left += 1 - precision.data[i * precision.cols + i]!;
    return [left / scales[0]!];
  }
  const spread = spreadOut(precision, root);
  return shares.map((share) => dot(spread.data, share.data));
}
