import { NotConvergedError } from "../../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  solve,
  subtract,
} from "../../linalg/index.ts";
import { type BlockRoot, identityPlus, rootTimes, rootTransposedTimes } from "./block-root.ts";
import type { SeenLikelihood } from "./seen.ts";

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
  likelihood: SeenLikelihood,
  start?: Matrix,
  tolerance: number = newtonTolerance,
): FunctionMode {
  const size = gram.rows;
  const at = (alpha: Matrix) => placeOf(gram, mean, likelihood, alpha);
  const curvature = (f: Matrix) => curvatureAt(gram, likelihood, f);
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
      return modeAt(gram, mean, likelihood, here.alpha);
    }
  }
  throw new NotConvergedError(`the mode of the labels' posterior was not found in ${mostNewtonSteps} steps`);
}

/** What stands around f = mean + K alpha, said to be the mode. */
export function modeAt(gram: Matrix, mean: Matrix, likelihood: SeenLikelihood, alpha: Matrix): FunctionMode {
  const { f, value } = placeOf(gram, mean, likelihood, alpha);
  const { root, factor } = curvatureAt(gram, likelihood, f);
  return { f, alpha, root, factor, logEvidence: value - 0.5 * logDeterminant(factor) };
}

/** f = mean + K alpha and the log of p(y | f) p(f) there, up to a constant. */
function placeOf(gram: Matrix, mean: Matrix, likelihood: SeenLikelihood, alpha: Matrix) {
  const moved = reshape(multiply(gram, alpha), mean.rows, likelihood.outputs);
  const f = add(mean, moved);
  return { alpha, moved, f, value: likelihood.logDensity(f) - 0.5 * dot(alpha.data, moved.data) };
}

function curvatureAt(gram: Matrix, likelihood: SeenLikelihood, f: Matrix) {
  const root = { blocks: likelihood.root(f), outputs: likelihood.outputs };
  return { root, factor: cholesky(identityPlus(gram, root)) };
}
