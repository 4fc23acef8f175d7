import { type Parameters, positive, setUnset, unlessGiven, within } from "../../kernels/index.ts";
import { logGamma } from "../../kernels/special.ts";
import type { Matrix } from "../../linalg/index.ts";
import { expectTargets } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { logSumExp, oneLatent } from "./one-latent.ts";

/**
 * y = f + scale · t with so many degrees of freedom: outliers pull less the further they are. `scale` in the units of y;
 * degrees of freedom stay above 2, where y has a variance. Not log-concave: the curvature is the Fisher information.
 */
export function studentT(scale?: number, degreesOfFreedom = 4): Likelihood {
  return studentOf({
    scale: unlessGiven(scale, 0.3, (v) => positive("scale", v, 1)),
    degreesOfFreedom: within("degreesOfFreedom", degreesOfFreedom, { lower: 2 }, 1),
  });
}

function studentOf(parameters: Parameters): Likelihood {
  const s = parameters.scale!.value[0]!;
  const nu = parameters.degreesOfFreedom!.value[0]!;
  const s2 = s * s;
  const constant = logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(Math.PI * nu) - Math.log(s);
  const fisher = (nu + 1) / ((nu + 3) * s2);
  return oneLatent({
    name: "student-t",
    parameters,
    with: studentOf,
    startAt: (y) => studentOf(setUnset(parameters, { scale: () => [0.3 * middleSpread(y)] })),
    guess: (y) => y,
    check: (y) => expectTargets(y, 1, Number.isFinite, "targets are finite numbers"),
    at(f, y) {
      const r = y - f;
      const q = nu * s2 + r * r;
      return {
        value: constant - 0.5 * (nu + 1) * Math.log1p((r * r) / (nu * s2)),
        slope: ((nu + 1) * r) / q,
        curvature: fisher,
        curvatureSlope: 0,
        hessian: ((nu + 1) * (nu * s2 - r * r)) / (q * q),
      };
    },
    byParameter(f, y) {
      const r = y - f;
      const q = nu * s2 + r * r;
      const digammaGap = 0.5 * (digamma((nu + 1) / 2) - digamma(nu / 2));
      return {
        scale: [
          {
            value: -1 / s + ((nu + 1) * r * r) / (s * q),
            slope: (-(nu + 1) * r * 2 * nu * s) / (q * q),
            curvature: (-2 * fisher) / s,
          },
        ],
        degreesOfFreedom: [
          {
            value:
              digammaGap -
              0.5 / nu -
              0.5 * Math.log1p((r * r) / (nu * s2)) +
              (0.5 * (nu + 1) * r * r) / (nu * q),
            slope: r / q - ((nu + 1) * r * s2) / (q * q),
            curvature: 2 / ((nu + 3) ** 2 * s2),
          },
        ],
      };
    },
    predictive: (mean, variance) => ({
      kind: "number",
      mean,
      variance: { ...variance, data: variance.data.map((v) => v + (s2 * nu) / (nu - 2)) },
    }),
    /** As a mixture of normals over precisions λ ~ Gamma(ν/2, ν/2): smooth in log λ, whatever the variance. */
    logPredictive(mean, variance, y) {
      const half = nu / 2;
      const shape = half * Math.log(half) - logGamma(half);
      // log λ spreads by about √(2/ν) around 0, with an exponential tail e^{½ν log λ} below.
      const [low, high, count] = [-80 / nu - 1, 2 + 12 / Math.sqrt(nu), 400];
      const step = (high - low) / (count - 1);
      return (
        logSumExp(
          Float64Array.from({ length: count }, (_, k) => {
            const t = low + k * step;
            const total = variance + s2 * Math.exp(-t);
            return (
              shape +
              half * (t - Math.exp(t)) -
              0.5 * (Math.log(2 * Math.PI * total) + (y - mean) ** 2 / total)
            );
          }),
        ) + Math.log(step)
      );
    },
  });
}

/** ψ(x) = d log Γ/dx for x > 0: its asymptotic series (Abramowitz & Stegun 6.3.18) after shifting x above 10. */
function digamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += 1 / z;
  const r = 1 / (z * z);
  const series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))));
  return Math.log(z) - 0.5 / z - series - shift;
}

/** The standard deviation that a normal with the middle half of these values would have; 1 where they agree. */
function middleSpread(y: Matrix): number {
  const sorted = y.data.slice().sort();
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!;
  return (at(0.75) - at(0.25)) / 1.349 || 1;
}
