import { NotConvergedError } from "../../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
  halfSolve,
  halfSolveTransposed,
  identity,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  solve,
  subtract,
  transpose,
} from "../../linalg/index.ts";
import type { Expectation } from "../likelihoods/likelihood.ts";
import type { LatentApproximation, LikelihoodModel } from "./approximation.ts";
import { plainCholesky } from "./plain-cholesky.ts";
import { whitenedPosterior } from "./whitened-posterior.ts";

/** q(f) = N(mean + L μ, L A⁻¹ Lᵀ) with K = L Lᵀ and A = I + Lᵀ Λ L. */
interface Sites {
  /** Λ, one a value: −2 ∂E[log p]/∂variance. */
  readonly precision: Float64Array;
  /** Λ (E f − mean) + ∂E[log p]/∂mean, one a value. */
  readonly pull: Float64Array;
}

// Steps of the search; each costs about as much as three factorisations.
const mostSteps = 100;
// Of a natural gradient's length: where no longer step gains, the search has ended.
const shortestStep = 1 / 64;

/**
 * Variational inference: the Gaussian over all latent values that is closest to p(f | y), by natural gradients
 * (Khan & Lin 2017), at whose optimum the precision differs from the prior's by a diagonal only (Opper & Archambeau
 * 2009). `logEvidence` is the lower bound E_q[log p(y | f)] − KL(q ‖ p). Latents at a point are taken to be independent
 * given the data, as they are where the kernel's outputs are.
 */
export function variational(
  { kernel, mean, likelihood }: LikelihoodModel,
  x: Matrix,
  y: Matrix,
  start?: Matrix,
): LatentApproximation {
  const gram = kernel.gram(x);
  const { lower, report, size } = cholesky(gram);
  const factorOfGram: Cholesky = { lower, report, size };
  const prior = mean.at(x);
  const { latents } = likelihood;
  const at = (sites: Sites) => {
    const scaled = matrix(size, size);
    for (let i = 0, k = 0; i < size; i++) {
      for (let j = 0; j < size; j++, k++) scaled.data[k] = sites.precision[i]! * lower.data[k]!;
    }
    const factor = plainCholesky(add(identity(size), multiply(transpose(lower), scaled)));
    // Likelihoods that are not log-concave have sites that take precision away: too long a step leaves none.
    if (!factor) return undefined;
    const white = solve(factor, multiply(lower, matrix(size, 1, sites.pull), { a: true }));
    const moved = multiply(lower, white);
    // Rows of (L_A⁻¹ Lᵀ)ᵀ have the variances as their squares.
    const half = halfSolve(factor, transpose(lower));
    const variance = matrix(prior.rows, latents);
    for (let k = 0; k < half.data.length; k++) variance.data[k % size]! += half.data[k]! ** 2;
    const expectation = likelihood.expected(add(prior, reshape(moved, prior.rows, latents)), variance, y);
    const precision = inverse(factor);
    let trace = 0;
    for (let i = 0; i < size; i++) trace += precision.data[i * size + i]!;
    const divergence = 0.5 * (trace + dot(white.data, white.data) - size + logDeterminant(factor));
    const value = expectation.value.reduce((sum, v) => sum + v, 0) - divergence;
    return { sites, factor, white, moved, expectation, value };
  };
  // The first sites take nothing away.
  let here = at(
    firstSites(gram, start, latents, likelihood.expected(prior, ownVariances(gram, latents), y)),
  )!;
  let step = 1;
  let settled = false;
  for (let i = 0; ; i++) {
    const wanted = optimalSites(here.expectation, here.moved);
    let next = at(blend(here.sites, wanted, step));
    while (!(next && next.value >= here.value - 1e-10 * Math.abs(here.value)) && step > shortestStep) {
      step /= 2;
      next = at(blend(here.sites, wanted, step));
    }
    const gain = next ? next.value - here.value : 0;
    if (next && gain > 0) here = next;
    // A whole step may land as high on the other side of the optimum: a half one tells.
    const still = gain / step <= 1e-10 * Math.max(1, Math.abs(here.value));
    if (still && (settled || !next)) break;
    if (i >= mostSteps) {
      throw new NotConvergedError(`variational inference did not settle in ${mostSteps} steps`);
    }
    settled = still;
    step = still ? step / 2 : Math.min(1, 1.5 * step);
  }
  const { factor, white, expectation, value } = here;
  const alpha = halfSolveTransposed(factorOfGram, white);
  return {
    logEvidence: value,
    alpha,
    /** By the envelope theorem: q is optimal, so only what stands explicitly moves. */
    gradient() {
      // K⁻¹ (S − K) K⁻¹ = L⁻ᵀ (A⁻¹ − I) L⁻¹
      const inner = subtract(inverse(factor), identity(size));
      const outer = halfSolveTransposed(factorOfGram, transpose(halfSolveTransposed(factorOfGram, inner)));
      const bar = matrix(size, size);
      for (let i = 0, k = 0; i < size; i++) {
        for (let j = 0; j < size; j++, k++) {
          bar.data[k] = 0.5 * (outer.data[k]! + alpha.data[i]! * alpha.data[j]!);
        }
      }
      return {
        kernel: kernel.pullback(x, undefined, bar),
        mean: mean.pullback(x, reshape(alpha, prior.rows, latents)).parameters,
        likelihood: expectation.parameters,
      };
    },
    process: () => whitenedPosterior(kernel, mean, x, { prior: factorOfGram, white, precision: factor }),
  };
}

function ownVariances(gram: Matrix, latents: number): Matrix {
  const diagonal = Float64Array.from({ length: gram.rows }, (_, i) => gram.data[i * gram.cols + i]!);
  return matrix(gram.rows / latents, latents, diagonal);
}

/** Sites of the prior's own expectations, or with the mean that was the best before. */
function firstSites(gram: Matrix, start: Matrix | undefined, latents: number, atPrior: Expectation): Sites {
  const none = matrix(gram.rows / latents, latents);
  const sites = optimalSites(atPrior, none);
  const precision = sites.precision.map((v) => Math.max(0, v));
  if (!start) return { precision, pull: sites.pull };
  const moved = multiply(gram, start).data;
  return { precision, pull: precision.map((v, i) => v * moved[i]! + start.data[i]!) };
}

function optimalSites({ mean, variance }: Expectation, moved: Matrix): Sites {
  const precision = variance.data.map((v) => -2 * v);
  return { precision, pull: mean.data.map((g, i) => g + precision[i]! * moved.data[i]!) };
}

/** A step in the natural parameters. */
function blend(a: Sites, b: Sites, step: number): Sites {
  const mix = (u: Float64Array, v: Float64Array) => u.map((w, i) => w + step * (v[i]! - w));
  return { precision: mix(a.precision, b.precision), pull: mix(a.pull, b.pull) };
}
