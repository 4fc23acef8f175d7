import { UsageError } from "../../errors/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { normalQuantile } from "../../random/index.ts";
import { expectMoments, expectTargets } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { logSumExp } from "./one-latent.ts";
import { semidefiniteRoot } from "./semidefinite-root.ts";

/**
 * Classes 0, …, c − 1 with p(k | f) = e^{f_k}/Σ_j e^{f_j}: one latent a class. Expectations have no closed form: they are
 * averages over 256 fixed quasi-random draws, mirrored and scaled to the normal's own moments, so that values and
 * derivatives are those of one smooth function (errors of about 1e-3 at unit variances).
 */
export function softmax(classes: number): Likelihood {
  if (!(Number.isInteger(classes) && classes >= 2)) {
    throw new UsageError(`softmax takes a whole number of classes from 2, got ${classes}`);
  }
  const c = classes;
  const own = (f: Matrix, i: number) => f.data.subarray(i * c, (i + 1) * c);
  const likelihood: Likelihood = {
    name: "softmax",
    latents: c,
    outputs: 1,
    parameters: {},
    with: () => likelihood,
    guess(y) {
      // Above the others by what gives a class 0.8 of three.
      const out = matrix(y.rows, c);
      y.data.forEach((label, i) => {
        out.data[i * c + label] = 2;
      });
      return out;
    },
    check: (y) =>
      expectTargets(
        y,
        1,
        (v) => Number.isInteger(v) && v >= 0 && v < c,
        `a label of ${c} classes is a whole number from 0 to ${c - 1}`,
      ),
    logDensity: (f, y) => y.data.map((label, i) => f.data[i * c + label]! - logSumExp(own(f, i))),
    derivatives(f, y) {
      const gradient = matrix(f.rows, c);
      const curvature = matrix(f.rows, c * c);
      for (let i = 0; i < f.rows; i++) {
        const p = probabilitiesOf(own(f, i));
        for (let a = 0; a < c; a++) {
          gradient.data[i * c + a] = (y.data[i] === a ? 1 : 0) - p[a]!;
          for (let b = 0; b < c; b++) {
            curvature.data[(i * c + a) * c + b] = p[a]! * ((a === b ? 1 : 0) - p[b]!);
          }
        }
      }
      return { gradient, curvature };
    },
    /** tr(S W) = Σ_a p_a S_aa − pᵀ S p moves with f_j by p_j (u_j − Σ_a p_a u_a), u = diag S − (S + Sᵀ) p. */
    curvatureSlopes(f, _y, spread) {
      const out = matrix(f.rows, c);
      for (let i = 0; i < f.rows; i++) {
        const p = probabilitiesOf(own(f, i));
        const s = spread.data.subarray(i * c * c, (i + 1) * c * c);
        const u = p.map((_, a) => {
          let sum = s[a * (c + 1)]!;
          for (let b = 0; b < c; b++) sum -= (s[a * c + b]! + s[b * c + a]!) * p[b]!;
          return sum;
        });
        const average = u.reduce((sum, v, a) => sum + p[a]! * v, 0);
        for (let j = 0; j < c; j++) out.data[i * c + j] = p[j]! * (u[j]! - average);
      }
      return { f: out, parameters: {} };
    },
    parameterSlopes: () => ({}),
    expected(mean, variance, y) {
      expectMoments(mean, variance, c);
      const z = standardDraws(c);
      const draws = z.rows;
      const n = mean.rows;
      const out = { value: new Float64Array(n), mean: matrix(n, c), variance: matrix(n, c) };
      const f = new Float64Array(c);
      for (let i = 0; i < n; i++) {
        const label = y.data[i]!;
        const deviation = variance.data.subarray(i * c, (i + 1) * c).map(Math.sqrt);
        for (let d = 0; d < draws; d++) {
          for (let a = 0; a < c; a++) f[a] = mean.data[i * c + a]! + deviation[a]! * z.data[d * c + a]!;
          const total = logSumExp(f);
          out.value[i]! += (f[label]! - total) / draws;
          for (let a = 0; a < c; a++) {
            const p = Math.exp(f[a]! - total);
            const slope = (a === label ? 1 : 0) - p;
            out.mean.data[i * c + a]! += slope / draws;
            out.variance.data[i * c + a]! +=
              deviation[a]! > 1e-6
                ? (slope * z.data[d * c + a]!) / (2 * deviation[a]! * draws)
                : (-0.5 * p * (1 - p)) / draws;
          }
        }
      }
      return { ...out, parameters: {} };
    },
    predictive(mean, variance) {
      expectMoments(mean, variance, c);
      const z = standardDraws(c);
      const probabilities = matrix(mean.rows, c);
      const f = new Float64Array(c);
      for (let i = 0; i < mean.rows; i++) {
        const block = variance.data.subarray(i * variance.cols, (i + 1) * variance.cols);
        const root = variance.cols === c ? undefined : semidefiniteRoot(block, c);
        for (let d = 0; d < z.rows; d++) {
          for (let a = 0; a < c; a++) {
            f[a] = mean.data[i * c + a]!;
            if (!root) f[a]! += Math.sqrt(block[a]!) * z.data[d * c + a]!;
            else for (let b = 0; b <= a; b++) f[a]! += root[a * c + b]! * z.data[d * c + b]!;
          }
          const total = logSumExp(f);
          for (let a = 0; a < c; a++) probabilities.data[i * c + a]! += Math.exp(f[a]! - total) / z.rows;
        }
      }
      return { kind: "classes", probabilities };
    },
    logPredictive(mean, variance, y) {
      const found = likelihood.predictive(mean, variance);
      if (found.kind !== "classes") return y.data;
      return y.data.map((label, i) => Math.log(found.probabilities.data[i * c + label]!));
    },
  };
  return likelihood;
}

function probabilitiesOf(f: Float64Array): Float64Array {
  const total = logSumExp(f);
  return f.map((v) => Math.exp(v - total));
}

const kept = new Map<number, Matrix>();

/**
 * 256 points of the standard normal in d dimensions: an additive recurrence by powers of the generalised golden ratio
 * (the root of x^{d+1} = x + 1: Roberts 2018), each with its mirror image, columns scaled to variance 1.
 */
function standardDraws(d: number): Matrix {
  const found = kept.get(d);
  if (found) return found;
  let ratio = 1.5;
  for (let k = 0; k < 60; k++) ratio = (1 + ratio) ** (1 / (d + 1));
  const half = 128;
  const out = matrix(2 * half, d);
  for (let a = 0; a < d; a++) {
    let square = 0;
    for (let k = 0; k < half; k++) {
      const z = normalQuantile((0.5 + (k + 1) * ratio ** -(a + 1)) % 1);
      square += (z * z) / half;
      out.data[k * d + a] = z;
    }
    for (let k = 0; k < half; k++) {
      const z = out.data[k * d + a]! / Math.sqrt(square);
      out.data[k * d + a] = z;
      out.data[(half + k) * d + a] = -z;
    }
  }
  kept.set(d, out);
  return out;
}
