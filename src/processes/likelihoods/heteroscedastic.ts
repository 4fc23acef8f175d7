import { matrix } from "../../linalg/index.ts";
import { targetVariance } from "../target-variance.ts";
import { expectMoments, expectTargets, ownVariances } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { logSumExp } from "./one-latent.ts";
import { normalRule } from "./quadrature.ts";

/**
 * Gaussian noise that is learned as a function too: the latents are the mean m and the log noise variance g,
 * y ~ N(m, e^g) (Goldberg, Williams & Bishop 1998). Expectations in closed form. The curvature is the Fisher
 * information diag(e^{−g}, ½): log p is not concave in both at once.
 */
export function heteroscedastic(): Likelihood {
  return likelihood;
}

const likelihood: Likelihood = {
  name: "heteroscedastic",
  latents: 2,
  outputs: 1,
  parameters: {},
  with: () => likelihood,
  latentsDiffer: true,
  /** The mean, and a log noise variance that is about a tenth of the targets' where they lie near their average. */
  guess(y) {
    const variance = targetVariance(y);
    const centre = y.data.reduce((sum, v) => sum + v / y.rows, 0);
    const out = matrix(y.rows, 2);
    y.data.forEach((v, i) => {
      out.data[2 * i] = v;
      out.data[2 * i + 1] = Math.log(variance * (0.05 + (0.1 * (v - centre) ** 2) / variance));
    });
    return out;
  },
  check: (y) => expectTargets(y, 1, Number.isFinite, "targets are finite numbers"),
  logDensity: (f, y) => y.data.map((v, i) => logNormal(v - f.data[2 * i]!, f.data[2 * i + 1]!)),
  derivatives(f, y) {
    const n = f.rows;
    const out = { gradient: matrix(n, 2), curvature: matrix(n, 4), hessian: matrix(n, 4) };
    for (let i = 0; i < n; i++) {
      const r = y.data[i]! - f.data[2 * i]!;
      const precision = Math.exp(-f.data[2 * i + 1]!);
      out.gradient.data.set([r * precision, 0.5 * (r * r * precision - 1)], 2 * i);
      out.curvature.data.set([precision, 0, 0, 0.5], 4 * i);
      out.hessian.data.set([precision, r * precision, r * precision, 0.5 * r * r * precision], 4 * i);
    }
    return out;
  },
  curvatureSlopes(f, _y, spread) {
    const out = matrix(f.rows, 2);
    for (let i = 0; i < f.rows; i++) {
      out.data[2 * i + 1] = -spread.data[4 * i]! * Math.exp(-f.data[2 * i + 1]!);
    }
    return { f: out, parameters: {} };
  },
  parameterSlopes: () => ({}),
  /** E[e^{−g}] = e^{−μ + v/2}, and m and g are independent. */
  expected(mean, variance, y) {
    expectMoments(mean, variance, 2);
    const n = mean.rows;
    const out = { value: new Float64Array(n), mean: matrix(n, 2), variance: matrix(n, 2) };
    for (let i = 0; i < n; i++) {
      const [g, gv] = [mean.data[2 * i + 1]!, variance.data[2 * i + 1]!];
      const r = y.data[i]! - mean.data[2 * i]!;
      const precision = Math.exp(-g + gv / 2);
      const scaled = (r * r + variance.data[2 * i]!) * precision;
      out.value[i] = -0.5 * (Math.log(2 * Math.PI) + g + scaled);
      out.mean.data.set([r * precision, 0.5 * (scaled - 1)], 2 * i);
      out.variance.data.set([-0.5 * precision, -0.25 * scaled], 2 * i);
    }
    return { ...out, parameters: {} };
  },
  predictive(mean, variance) {
    expectMoments(mean, variance, 2);
    const own = ownVariances(variance, 2).data;
    const column = (of: (i: number) => number) =>
      matrix(
        mean.rows,
        1,
        Float64Array.from({ length: mean.rows }, (_, i) => of(i)),
      );
    return {
      kind: "number",
      mean: column((i) => mean.data[2 * i]!),
      variance: column((i) => own[2 * i]! + Math.exp(mean.data[2 * i + 1]! + own[2 * i + 1]! / 2)),
    };
  },
  /** Over m in closed form, over g by Gauss–Hermite quadrature; the two taken as independent. */
  logPredictive(mean, variance, y) {
    expectMoments(mean, variance, 2);
    const own = ownVariances(variance, 2).data;
    const { nodes, weights } = normalRule(40);
    return y.data.map((v, i) => {
      const deviation = Math.sqrt(own[2 * i + 1]!);
      return logSumExp(
        nodes.map((z, k) => {
          const noise = Math.exp(mean.data[2 * i + 1]! + deviation * z);
          return logNormal(v - mean.data[2 * i]!, Math.log(own[2 * i]! + noise)) + Math.log(weights[k]!);
        }),
      );
    });
  },
};

function logNormal(residual: number, logVariance: number): number {
  return -0.5 * (Math.log(2 * Math.PI) + logVariance + residual * residual * Math.exp(-logVariance));
}
