import {
  add,
  cholesky,
  dot,
  identity,
  inverse,
  type Matrix,
  matrix,
  multiply,
  reshape,
  scale,
  solve,
  subtract,
  transpose,
} from "../../linalg/index.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import type { LatentApproximation, LikelihoodModel } from "./approximation.ts";
import { diagonalBlocks, spreadOut } from "./block-root.ts";
import { type FunctionMode, functionMode, modeAt } from "./function-mode.ts";
import { functionPosterior } from "./function-posterior.ts";
import { plainCholesky } from "./plain-cholesky.ts";
import { seenBy } from "./seen.ts";

/**
 * Laplace's approximation: a Gaussian around the mode of p(f | y), with the likelihood's curvature there (Rasmussen &
 * Williams 2006, section 3.4; with the Fisher information where the likelihood is not log-concave).
 */
export function laplace(
  { kernel, mean, likelihood }: LikelihoodModel,
  x: Matrix,
  y: Matrix,
  start?: Matrix,
): LatentApproximation {
  const gram = kernel.gram(x);
  const prior = mean.at(x);
  const seen = seenBy(likelihood, y);
  const near = functionMode(gram, prior, seen, start);
  const mode = modeAt(gram, prior, seen, polished(likelihood, y, gram, prior, near));
  return {
    logEvidence: mode.logEvidence,
    alpha: mode.alpha,
    /**
     * Explicit in the parameters, and through the mode, which moves with them (equations 5.22–5.24, and their like for
     * the mean and the likelihood).
     */
    gradient() {
      const { alpha, f } = mode;
      const { latents } = likelihood;
      const explained = spreadOut(inverse(mode.factor), mode.root); // P = R B⁻¹ Rᵀ
      const spread = posteriorBlocks(gram, explained, latents);
      const { f: inMode, parameters } = likelihood.curvatureSlopes(f, y, spread);
      const slope = scale(reshape(inMode, alpha.rows, 1), -0.5);
      // (I + H K)⁻¹ slope: how a slope in the mode is one in mean + K alpha.
      const { hessian } = likelihood.derivatives(f, y);
      const drift = hessian
        ? (bentSolve(hessian, gram, slope) ?? slope)
        : subtract(slope, multiply(explained, multiply(gram, slope)));
      const moved = multiply(gram, drift);
      const bar = matrix(gram.rows, gram.cols);
      const [a, d] = [alpha.data, drift.data];
      for (let i = 0, k = 0; i < bar.rows; i++) {
        for (let j = 0; j < bar.cols; j++, k++) {
          bar.data[k] = 0.5 * (a[i]! * a[j]! - explained.data[k]! + d[i]! * a[j]! + a[i]! * d[j]!);
        }
      }
      const direct = likelihood.parameterSlopes(f, y, reshape(moved, f.rows, latents));
      return {
        kernel: kernel.pullback(x, undefined, bar),
        mean: mean.pullback(x, reshape(add(alpha, drift), f.rows, latents)).parameters,
        likelihood: Object.fromEntries(
          Object.entries(direct).map(([path, g]) => [path, g.map((v, i) => v - 0.5 * parameters[path]![i]!)]),
        ),
      };
    },
    process: () => functionPosterior(kernel, mean, x, mode),
  };
}

/** The diagonal blocks of Σ = K − K P K, n × L². */
function posteriorBlocks(gram: Matrix, explained: Matrix, latents: number): Matrix {
  const half = multiply(gram, explained);
  const blocks = diagonalBlocks(gram, latents);
  const size = gram.rows;
  for (let i = 0; i < size; i++) {
    for (let b = 0; b < latents; b++) {
      const j = i - (i % latents) + b;
      let sum = 0;
      for (let k = 0; k < size; k++) sum += half.data[i * size + k]! * gram.data[j * size + k]!;
      blocks.data[i * latents + b]! -= sum;
    }
  }
  return reshape(blocks, size / latents, latents * latents);
}

/**
 * The mode to the last digits where the search used the Fisher information, which ends in ever smaller steps: by Newton's
 * method with the Hessian itself, on alpha = ∂ log p(y | mean + K alpha)/∂f.
 */
function polished(
  likelihood: Likelihood,
  y: Matrix,
  gram: Matrix,
  prior: Matrix,
  { alpha: start }: FunctionMode,
): Matrix {
  let alpha = start;
  let before = Infinity;
  for (let step = 0; step < 20; step++) {
    const f = add(prior, reshape(multiply(gram, alpha), prior.rows, prior.cols));
    const { gradient, hessian } = likelihood.derivatives(f, y);
    if (!hessian) return alpha;
    const miss = subtract(reshape(gradient, alpha.rows, 1), alpha);
    const size = Math.sqrt(dot(miss.data, miss.data));
    const move = bentSolve(hessian, gram, miss);
    if (!move || !(size < 0.9 * before)) return alpha;
    before = size;
    alpha = add(alpha, move);
  }
  return alpha;
}

/**
 * (I + H K)⁻¹ v for a block-diagonal H (n × L²): v − H L (I + LᵀHL)⁻¹ Lᵀ v with K = L Lᵀ. H need not be positive definite,
 * but the matrix in the middle is so at a mode; undefined where it is not.
 */
function bentSolve(hessian: Matrix, gram: Matrix, v: Matrix): Matrix | undefined {
  const latents = Math.round(Math.sqrt(hessian.cols));
  const { lower } = cholesky(gram);
  const bent = blocksTimes(hessian, lower, latents);
  const factor = plainCholesky(add(identity(gram.rows), multiply(transpose(lower), bent)));
  if (!factor) return undefined;
  const white = solve(factor, multiply(lower, v, { a: true }));
  return subtract(v, blocksTimes(hessian, multiply(lower, white), latents));
}

/** A block-diagonal matrix (n × L², a block a row) times A of n·L rows. */
function blocksTimes(blocks: Matrix, a: Matrix, latents: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let i = 0; i < a.rows; i++) {
    const first = i - (i % latents);
    for (let b = 0; b < latents; b++) {
      const w = blocks.data[i * latents + b]!;
      if (w === 0) continue;
      const from = (first + b) * a.cols;
      for (let c = 0; c < a.cols; c++) out.data[i * a.cols + c]! += w * a.data[from + c]!;
    }
  }
  return out;
}
