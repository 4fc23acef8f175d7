import { engine } from "../../engine/index.ts";
import { type Gradient, type Kernel, sumGradients } from "../../kernels/index.ts";
import {
  block,
  type Cholesky,
  cholesky,
  congruent,
  dot,
  halfSolveInPlace,
  halfSolveTransposedInPlace,
  identity,
  inverse,
  type LowerFactor,
  logDeterminant,
  type Matrix,
  matrix,
  mirror,
  multiply,
  operand,
  rowRange,
  solve,
} from "../../linalg/index.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import type { Mean } from "../means.ts";
import { diagonalSlopes, kernelSlopes } from "./kernel-slopes.ts";
import { inChunks } from "./statistics.ts";

/** q(v) = N(Λ⁻¹ b, Λ⁻¹) of the white inducing values of one latent function, in its natural parameters. */
export interface WhiteGaussian {
  /** Λ, m × m. */
  readonly precision: Matrix;
  /** b, m × 1. */
  readonly pull: Matrix;
  /** Of Λ, where it is known already. */
  readonly factor?: LowerFactor;
}

/** q before any data: the prior's, N(0, I). */
export function whitePrior(size: number): WhiteGaussian {
  return { precision: identity(size), pull: matrix(size, 1) };
}

/** Latent functions of one kernel, each with a q of its own, and what is seen of them. */
export interface VariationalModel {
  readonly kernel: Kernel;
  /** Of as many outputs as the likelihood has latents. */
  readonly mean: Mean;
  readonly likelihood: Likelihood;
  /** Z, m × inputs. */
  readonly inducing: Matrix;
  /** Of k(Z, Z). */
  readonly factor: Cholesky;
  readonly latents: readonly WhiteGaussian[];
}

/** q with what is made of it once. */
interface Moments {
  /** m × 1. */
  readonly mean: Matrix;
  /** m × m. */
  readonly covariance: Matrix;
  /** KL(q ‖ N(0, I)), in nats. */
  readonly divergence: number;
}

export function momentsOf(q: WhiteGaussian): Moments {
  const { pull } = q;
  const factor = factorOf(q);
  const mean = solve(factor, pull);
  const covariance = inverse(factor);
  const m = pull.rows;
  let trace = 0;
  for (let i = 0; i < m; i++) trace += covariance.data[i * (m + 1)]!;
  const divergence = 0.5 * (trace + dot(mean.data, mean.data) - m + logDeterminant(factor));
  return { mean, covariance, divergence };
}

function factorOf({ precision, factor }: WhiteGaussian): LowerFactor {
  return factor ?? cholesky(precision);
}

/** Means and variances of the latents at points, n × latents each, and what they were made of. */
function latentMoments(
  { kernel, mean, inducing, factor, latents }: VariationalModel,
  q: readonly Moments[],
  x: Matrix,
) {
  const white = halfSolveInPlace(factor, kernel.cross(inducing, x));
  const [n, count] = [x.rows, latents.length];
  const means = mean.at(x);
  const values = matrix(n, count, means.data.slice());
  const variances = matrix(n, count);
  const own = kernel.diagonal(x);
  for (let a = 0, k = 0; a < white.rows; a++) {
    for (let i = 0; i < n; i++, k++) own[i]! -= white.data[k]! ** 2;
  }
  const spreads = q.map(({ mean: mu, covariance }, l) => {
    const moved = multiply(white, mu, { a: true });
    const spread = multiply(covariance, white);
    const added = own.slice();
    for (let a = 0, k = 0; a < white.rows; a++) {
      for (let i = 0; i < n; i++, k++) added[i]! += white.data[k]! * spread.data[k]!;
    }
    for (let i = 0; i < n; i++) {
      values.data[i * count + l]! += moved.data[i]!;
      // Rounding may leave a variance of −1e−17 where the inducing points tell all.
      variances.data[i * count + l] = Math.max(0, added[i]!);
    }
    return spread;
  });
  return { white, spreads, values, variances };
}

/** The bound with its derivatives; those in q by the expected log density alone (natural steps add the divergence's). */
export interface VariationalSlopes {
  /** In nats. */
  readonly value: number;
  readonly kernel: Gradient;
  readonly mean: Gradient;
  readonly likelihood: Gradient;
  /** m × inputs; absent unless asked for. */
  readonly inducing: Matrix | undefined;
  /** Of each latent: ∂E/∂ its mean (m × 1), and ∂E/∂ its covariance (m × m). */
  readonly latents: readonly { readonly mean: Matrix; readonly covariance: Matrix }[];
}

/**
 * scale · Σ_i E_q log p(y_i | f_i) − Σ KL(q ‖ prior) over some of the rows, scale the number of all rows over theirs
 * (Hensman, Matthews & Ghahramani 2015, equation 8, with white inducing values), in O(n m²).
 */
export function variationalSlopes(
  model: VariationalModel,
  x: Matrix,
  y: Matrix,
  scale: number,
  inPoints: boolean,
): VariationalSlopes {
  const { kernel, mean, likelihood, inducing, factor } = model;
  const q = model.latents.map(momentsOf);
  const own = { ...x };
  const { white, spreads, values, variances } = latentMoments(model, q, own);
  const expected = likelihood.expected(values, variances, y);
  const [n, m, count] = [x.rows, inducing.rows, q.length];
  const onWhite = matrix(m, n);
  const onDiagonal = new Float64Array(n);
  // Ā Aᵀ, Ā the derivative in the white columns A: of each latent μ (A s)ᵀ + 2 (Σ − I) A V Aᵀ, s and V the slopes in its means
  // and variances, so that no more products of m × n matrices are needed than those for q.
  const onFactor = matrix(m, m);
  const latents = q.map(({ mean: mu, covariance: sigma }, l) => {
    const [slopes, bends] = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0; i < n; i++) {
      slopes[i] = scale * expected.mean.data[i * count + l]!;
      bends[i] = scale * expected.variance.data[i * count + l]!;
      onDiagonal[i]! += bends[i]!;
    }
    addPull(onWhite.data, mu.data, slopes, bends, spreads[l]!.data, white.data);
    const mean = multiply(white, matrix(n, 1, slopes));
    const covariance = weightedGram(white, bends);
    const spreadOf = multiply(sigma, covariance);
    for (let a = 0, k = 0; a < m; a++) {
      for (let b = 0; b < m; b++, k++) {
        onFactor.data[k]! += mu.data[a]! * mean.data[b]! + 2 * (spreadOf.data[k]! - covariance.data[k]!);
      }
    }
    return { mean, covariance };
  });
  const onCross = halfSolveTransposedInPlace(factor, onWhite);
  // ∂/∂k(Z, Z) = −½ L⁻ᵀ M L⁻¹, M the lower triangle of Ā Aᵀ and its mirror image: the factor's pull-back (Murray 2016).
  mirror(onFactor);
  const onGram = congruent(factor, onFactor);
  for (let k = 0; k < onGram.data.length; k++) onGram.data[k]! *= -0.5;
  const ofGram = kernelSlopes(kernel, inducing, undefined, onGram, inPoints);
  const ofCross = kernelSlopes(kernel, inducing, own, onCross, inPoints);
  const onMean = matrix(
    n,
    count,
    expected.mean.data.map((v) => scale * v),
  );
  return {
    value:
      scale * expected.value.reduce((a, b) => a + b, 0) -
      q.reduce((sum, { divergence }) => sum + divergence, 0),
    kernel: sumGradients(
      sumGradients(ofGram.parameters, ofCross.parameters),
      diagonalSlopes(kernel, own, onDiagonal),
    ),
    mean: Object.keys(mean.parameters).length > 0 ? mean.pullback(own, onMean).parameters : {},
    likelihood: Object.fromEntries(
      Object.entries(expected.parameters).map(([name, v]) => [name, v.map((s) => scale * s)]),
    ),
    inducing:
      ofGram.points && ofCross.points
        ? matrix(
            m,
            x.cols,
            ofGram.points.data.map((v, k) => v + ofCross.points!.data[k]!),
          )
        : undefined,
    latents,
  };
}

/** out += μ slopesᵀ + 2 (Σ A − A) diag(bends), in one pass. */
function addPull(
  out: Float64Array,
  mu: Float64Array,
  slopes: Float64Array,
  bends: Float64Array,
  spread: Float64Array,
  white: Float64Array,
): void {
  const n = slopes.length;
  for (let a = 0, k = 0; a < mu.length; a++) {
    const pulled = mu[a]!;
    for (let i = 0; i < n; i++, k++) {
      out[k] = out[k]! + pulled * slopes[i]! + 2 * bends[i]! * (spread[k]! - white[k]!);
    }
  }
}

/** A diag(weights) Aᵀ: half the work where the weights have one sign, as under a concave likelihood they have. */
function weightedGram(a: Matrix, weights: Float64Array): Matrix {
  const [m, n] = [a.rows, a.cols];
  const sign = weights.every((w) => w <= 0) ? -1 : weights.every((w) => w >= 0) ? 1 : 0;
  const factors = sign === 0 ? weights : weights.map((w) => Math.sqrt(Math.abs(w)));
  const weighted = matrix(m, n);
  const [from, to] = [a.data, weighted.data];
  for (let r = 0, k = 0; r < m; r++) for (let i = 0; i < n; i++, k++) to[k] = factors[i]! * from[k]!;
  if (sign === 0) return multiply(weighted, a, { b: true });
  const out = matrix(m, m);
  engine().syrk(m, n, sign, operand(weighted), 0, block(out));
  mirror(out);
  return out;
}

/** The bound alone, over all rows, a few thousand at a time. */
export function variationalBound(model: VariationalModel, x: Matrix, y: Matrix): number {
  const q = model.latents.map(momentsOf);
  let sum = -q.reduce((total, { divergence }) => total + divergence, 0);
  inChunks(x, (part, from, to) => {
    const { values, variances } = latentMoments(model, q, { ...part });
    const seen = rowRange(y, from, to);
    sum += model.likelihood.expected(values, variances, seen).value.reduce((a, b) => a + b, 0);
  });
  return sum;
}

// A step that leaves a precision that is none is halved so often before it is left out.
const halvings = 6;

/**
 * One step along the natural gradient (Salimbeni, Eleftheriadis & Hensman 2018): Λ ← (1 − γ) Λ + γ (I − 2 ∂E/∂Σ) and
 * b ← (1 − γ) b + γ (∂E/∂μ − 2 ∂E/∂Σ μ). Under a Gaussian likelihood and all rows γ = 1 lands on the optimum.
 */
export function naturalStep(
  q: WhiteGaussian,
  { mean, covariance }: VariationalSlopes["latents"][number],
  rate: number,
): WhiteGaussian {
  const m = mean.rows;
  const bent = multiply(covariance, solve(factorOf(q), q.pull));
  let step = rate;
  for (let halving = 0; halving <= halvings; halving++, step /= 2) {
    const precision = identity(m, step);
    const pull = matrix(m, 1);
    for (let i = 0, k = 0; i < m; i++) {
      pull.data[i] = (1 - step) * q.pull.data[i]! + step * (mean.data[i]! - 2 * bent.data[i]!);
      for (let j = 0; j < m; j++, k++) {
        precision.data[k]! += (1 - step) * q.precision.data[k]! - 2 * step * covariance.data[k]!;
      }
    }
    const lower = matrix(m, m);
    for (let i = 0; i < m; i++) lower.data.set(precision.data.subarray(i * m, i * m + i + 1), i * m);
    if (engine().potrf(m, block(lower)) < 0) return { precision, pull, factor: { size: m, lower } };
  }
  return q;
}
