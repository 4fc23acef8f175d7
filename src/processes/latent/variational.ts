import { NotConvergedError } from "../../errors/index.ts";
import {
  add,
  type Cholesky,
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
import { blockOf, latentBlocks, putBlock, wholeFactor, wholeOf } from "./latent-blocks.ts";
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
  const size = gram.rows;
  const { count, factors } = latentBlocks(kernel, x);
  const prior = mean.at(x);
  const { latents } = likelihood;
  const at = (sites: Sites) => {
    const moved = new Float64Array(size);
    const variance = matrix(prior.rows, latents);
    const blocks: { factor: Cholesky; white: Matrix }[] = [];
    let divergence = 0;
    // The sites are diagonal, so that blocks of the prior are blocks of the posterior.
    for (let b = 0; b < count; b++) {
      const { lower, size: n } = factors[b]!;
      const precision = blockOf(sites.precision, b, count).data;
      const scaled = { ...lower, data: lower.data.map((v, k) => precision[Math.floor(k / n)]! * v) };
      const factor = plainCholesky(add(identity(n), multiply(transpose(lower), scaled)));
      // Likelihoods that are not log-concave have sites that take precision away: too long a step leaves none.
      if (!factor) return undefined;
      const white = solve(factor, multiply(lower, blockOf(sites.pull, b, count), { a: true }));
      putBlock(moved, multiply(lower, white).data, b, count);
      // Rows of (L_A⁻¹ Lᵀ)ᵀ have the variances as their squares.
      const half = halfSolve(factor, transpose(lower));
      const own = new Float64Array(n);
      for (let k = 0; k < half.data.length; k++) own[k % n]! += half.data[k]! ** 2;
      putBlock(variance.data, own, b, count);
      const spread = inverse(factor);
      let trace = 0;
      for (let i = 0; i < n; i++) trace += spread.data[i * (n + 1)]!;
      divergence += 0.5 * (trace + dot(white.data, white.data) - n + logDeterminant(factor));
      blocks.push({ factor, white });
    }
    const shifted = matrix(size, 1, moved);
    const expectation = likelihood.expected(add(prior, reshape(shifted, prior.rows, latents)), variance, y);
    const value = expectation.value.reduce((sum, v) => sum + v, 0) - divergence;
    return { sites, blocks, moved: shifted, expectation, value };
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
  const { blocks, expectation, value } = here;
  const pulls = new Float64Array(size);
  blocks.forEach(({ white }, b) => {
    putBlock(pulls, halfSolveTransposed(factors[b]!, white).data, b, count);
  });
  const alpha = matrix(size, 1, pulls);
  return {
    logEvidence: value,
    alpha,
    /** By the envelope theorem: q is optimal, so only what stands explicitly moves. */
    gradient() {
      const bars = blocks.map(({ factor }, b) => {
        // K⁻¹ (S − K) K⁻¹ = L⁻ᵀ (A⁻¹ − I) L⁻¹
        const n = factor.size;
        const inner = subtract(inverse(factor), identity(n));
        const half = transpose(halfSolveTransposed(factors[b]!, inner));
        const outer = halfSolveTransposed(factors[b]!, half).data;
        const own = blockOf(pulls, b, count).data;
        return matrix(
          n,
          n,
          outer.map((v, k) => 0.5 * (v + own[Math.floor(k / n)]! * own[k % n]!)),
        );
      });
      return {
        kernel: kernel.pullback(x, undefined, wholeOf(bars)),
        mean: mean.pullback(x, reshape(alpha, prior.rows, latents)).parameters,
        likelihood: expectation.parameters,
      };
    },
    process() {
      const white = new Float64Array(size);
      blocks.forEach((block, b) => {
        putBlock(white, block.white.data, b, count);
      });
      return whitenedPosterior(kernel, mean, x, {
        prior: wholeFactor(factors),
        white: matrix(size, 1, white),
        precision: wholeFactor(blocks.map(({ factor }) => factor)),
      });
    },
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
