import { NotConvergedError, UsageError } from "../../errors/index.ts";
import {
  add,
  cholesky,
  gramOf,
  halfSolve,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  solve,
  subtract,
  takeRows,
} from "../../linalg/index.ts";
import type { Site } from "../likelihoods/site.ts";
import type { LatentApproximation, LikelihoodModel } from "./approximation.ts";
import { functionPosterior } from "./function-posterior.ts";

const mostSweeps = 200;
// Of what moves a marginal, in its standard deviations: evidence and gradient are then within its square.
const tolerance = 1e-9;
// A tilted variance keeps so much of the cavity's at least: where more is taken away the digits are.
const least = 1e-10;

/**
 * Expectation propagation (Minka 2001; Rasmussen & Williams 2006, section 3.6): each p(y_i | f) is replaced by the
 * Gaussian factor under which the marginal of f_i has the mean and variance that the likelihood itself gives it beside
 * the other factors. For soft steps, as constraints are, where a mode sits on the edge and Laplace's approximation fails.
 * Gaussian observations are conditioned on exactly, once; sweeps cost O(a³) for the a other ones. `logEvidence` is EP's
 * approximation of log p(y). Throws UsageError for likelihoods without `sites`, NotConvergedError.
 */
export function expectationPropagation(
  { kernel, mean, likelihood }: LikelihoodModel,
  x: Matrix,
  y: Matrix,
): LatentApproximation {
  if (!likelihood.sites) {
    throw new UsageError(
      `expectation propagation knows gaussian and bernoulli-probit observations, not ${likelihood.name}: take laplace or variational`,
    );
  }
  const sites = likelihood.sites(y);
  const gram = kernel.gram(x);
  const prior = mean.at(x).data;
  const n = gram.rows;
  const of = (known: boolean) =>
    Array.from({ length: n }, (_, i) => i).filter((i) => (sites[i]!.known !== undefined) === known);
  const [knownRows, otherRows] = [of(true), of(false)];
  const precision = new Float64Array(n);
  // Of known sites y − mean; of the others precision times that, which alone has a value where the precision is 0.
  const gap = new Float64Array(n);
  let logFactors = 0;
  for (const i of knownRows) {
    const { logPeak, centre, precision: own } = sites[i]!.known!;
    precision[i] = own;
    gap[i] = centre - prior[i]!;
    logFactors += logPeak;
  }
  const found = sweep(
    Array.from(otherRows, (i) => sites[i]!),
    Float64Array.from(otherRows, (i) => prior[i]!),
    beside(gram, knownRows, otherRows, precision, gap),
  );
  otherRows.forEach((i, k) => {
    precision[i] = found.precision[k]!;
    gap[i] = found.pull[k]!;
  });
  const root = precision.map(Math.sqrt);
  const factor = cholesky(identityPlusScaled(gram, root));
  const alpha = solvedFor(gram, factor, root, gap, sites);
  const moved = multiply(gram, alpha);
  let logEvidence = logFactors + found.logFactors - 0.5 * logDeterminant(factor);
  // ½ Σ pull · moved, with −½ precision gap² of the known sites, whose sum that way keeps its digits.
  for (const i of knownRows) logEvidence -= 0.5 * gap[i]! * alpha.data[i]!;
  for (const i of otherRows) logEvidence += 0.5 * gap[i]! * moved.data[i]!;
  return {
    logEvidence,
    alpha,
    /** Explicit in the parameters alone: at the fixed point the factors stand still (Seeger 2005). */
    gradient() {
      const explained = explainedBy(inverse(factor), root);
      const bar = matrix(n, n);
      for (let i = 0, k = 0; i < n; i++) {
        for (let j = 0; j < n; j++, k++) {
          bar.data[k] = 0.5 * (alpha.data[i]! * alpha.data[j]! - explained.data[k]!);
        }
      }
      const centre = matrix(
        knownRows.length,
        1,
        Float64Array.from(knownRows, (i) => prior[i]! + moved.data[i]!),
      );
      // Σ_ii = (1 − (precision Σ)_ii …): of a known site, Σ = T⁻¹ − T⁻¹ P T⁻¹ with P what is explained.
      const spread = matrix(
        knownRows.length,
        1,
        Float64Array.from(knownRows, (i) =>
          Math.max(0, (1 - explained.data[i * (n + 1)]! / precision[i]!) / precision[i]!),
        ),
      );
      return {
        kernel: kernel.pullback(x, undefined, bar),
        mean: mean.pullback(x, reshape(alpha, n, 1)).parameters,
        likelihood: likelihood.expected(centre, spread, takeRows(y, knownRows)).parameters,
      };
    },
    process: () =>
      functionPosterior(kernel, mean, x, {
        alpha,
        root: { blocks: matrix(n, 1, root), outputs: 1 },
        factor,
      }),
  };
}

/** The prior of some values, away from their mean. */
interface Beside {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

/** Values at `others` given the Gaussian observations at `known`, whose values less the mean are in `gap`. */
function beside(
  gram: Matrix,
  known: readonly number[],
  others: readonly number[],
  precision: Float64Array,
  gap: Float64Array,
): Beside {
  const covariance = part(gram, others, others);
  if (known.length === 0 || others.length === 0) {
    return { mean: new Float64Array(others.length), covariance };
  }
  const root = Float64Array.from(known, (i) => Math.sqrt(precision[i]!));
  const factor = cholesky(identityPlusScaled(part(gram, known, known), root));
  const cross = part(gram, known, others);
  const scaled = { ...cross, data: cross.data.map((v, k) => v * root[Math.floor(k / cross.cols)]!) };
  const half = halfSolve(factor, scaled);
  const residual = matrix(
    known.length,
    1,
    Float64Array.from(known, (i, k) => gap[i]! * root[k]!),
  );
  return {
    mean: multiply(half, halfSolve(factor, residual), { a: true }).data,
    covariance: subtract(covariance, gramOf(half, true)),
  };
}

interface Swept {
  /** Of each factor exp(pull g − ½ precision g²), g = f − prior mean. */
  readonly precision: Float64Array;
  readonly pull: Float64Array;
  /** Σ of their logarithms' constants. */
  readonly logFactors: number;
}

/** Goes round the factors until none moves, one after the other, with the marginals kept up to date. */
function sweep(sites: readonly Site[], prior: Float64Array, { mean, covariance }: Beside): Swept {
  const a = sites.length;
  const precision = new Float64Array(a);
  const pull = new Float64Array(a);
  const constants = new Float64Array(a);
  let sigma: Float64Array = covariance.data.slice();
  let mu: Float64Array = mean.slice();
  const column = new Float64Array(a);
  for (let round = 0; a > 0; round++) {
    let moved = 0;
    // Factors that chase each other settle in smaller steps.
    const step = round < 20 ? 1 : 0.5;
    for (let i = 0; i < a; i++) {
      const own = sigma[i * (a + 1)]!;
      const left = 1 / own - precision[i]!;
      // Rounding left nothing of the others: this factor waits for the next round.
      if (!(left > 0 && left < Infinity)) continue;
      const variance = 1 / left;
      const centre = (mu[i]! / own - pull[i]!) * variance;
      const { value, slope, curvature } = sites[i]!.tilted(centre + prior[i]!, variance);
      const keeps = Math.max(least, 1 - variance * curvature);
      const byPrecision = step * (curvature / keeps - precision[i]!);
      const byPull = step * ((slope + curvature * centre) / keeps - pull[i]!);
      precision[i]! += byPrecision;
      pull[i]! += byPull;
      constants[i] =
        value +
        0.5 * Math.log1p(precision[i]! * variance) -
        0.5 * ((pull[i]! + centre * left) ** 2 / (precision[i]! + left) - centre * centre * left);
      const scale = 1 / (1 + byPrecision * own);
      const shift = (byPull - byPrecision * mu[i]!) * scale;
      const shrink = byPrecision * scale;
      moved = Math.max(moved, Math.abs(shrink * own), Math.abs(shift) * Math.sqrt(own));
      for (let j = 0; j < a; j++) column[j] = sigma[j * a + i]!;
      for (let j = 0; j < a; j++) {
        const factor = shrink * column[j]!;
        mu[j]! += shift * column[j]!;
        for (let k = 0; k < a; k++) sigma[j * a + k]! -= factor * column[k]!;
      }
    }
    if (moved <= tolerance) break;
    if (round === mostSweeps) {
      throw new NotConvergedError(
        `expectation propagation did not settle in ${mostSweeps} rounds (${moved.toExponential(1)} standard deviations a round): take fewer or wider constraints`,
      );
    }
    ({ sigma, mu } = marginals(mean, covariance, precision, pull));
  }
  return { precision, pull, logFactors: constants.reduce((sum, v) => sum + v, 0) };
}

/** Covariance and mean of the values under their factors, afresh: updates gather rounding. */
function marginals(mean: Float64Array, covariance: Matrix, precision: Float64Array, pull: Float64Array) {
  const a = mean.length;
  const root = precision.map(Math.sqrt);
  const factor = cholesky(identityPlusScaled(covariance, root));
  const scaled = { ...covariance, data: covariance.data.map((v, k) => v * root[Math.floor(k / a)]!) };
  const sigma = subtract(covariance, gramOf(halfSolve(factor, scaled), true));
  const pulled = matrix(
    a,
    1,
    pull.map((v, i) => v - precision[i]! * mean[i]!),
  );
  return { sigma: sigma.data, mu: add(matrix(a, 1, mean), multiply(sigma, pulled)).data };
}

/** K⁻¹ E g = S B⁻¹ S T⁻¹ pull for the known sites, pull − S B⁻¹ S K pull for the others: each as it keeps its digits. */
function solvedFor(
  gram: Matrix,
  factor: ReturnType<typeof cholesky>,
  root: Float64Array,
  gap: Float64Array,
  sites: readonly Site[],
): Matrix {
  const n = gram.rows;
  const known = (i: number) => sites[i]!.known !== undefined;
  const pull = matrix(
    n,
    1,
    gap.map((v, i) => (known(i) ? 0 : v)),
  );
  const pulled = multiply(gram, pull).data;
  const inner = matrix(
    n,
    1,
    gap.map((v, i) => root[i]! * ((known(i) ? v : 0) - pulled[i]!)),
  );
  const solved = solve(factor, inner).data;
  return matrix(
    n,
    1,
    pull.data.map((v, i) => v + root[i]! * solved[i]!),
  );
}

/** I + S K S. */
function identityPlusScaled(gram: Matrix, root: Float64Array): Matrix {
  const n = gram.rows;
  const out = matrix(n, n);
  for (let i = 0, k = 0; i < n; i++) {
    for (let j = 0; j < n; j++, k++) out.data[k] = root[i]! * gram.data[k]! * root[j]!;
    out.data[i * (n + 1)]! += 1;
  }
  return out;
}

/** S B⁻¹ S. */
function explainedBy(inverted: Matrix, root: Float64Array): Matrix {
  const n = inverted.rows;
  return { ...inverted, data: inverted.data.map((v, k) => root[Math.floor(k / n)]! * v * root[k % n]!) };
}

function part(a: Matrix, rows: readonly number[], cols: readonly number[]): Matrix {
  const out = matrix(rows.length, cols.length);
  rows.forEach((i, r) => {
    cols.forEach((j, c) => {
      out.data[r * cols.length + c] = a.data[i * a.cols + j]!;
    });
  });
  return out;
}
