import { logGamma } from "../../kernels/special.ts";
import { expectTargets } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { oneLatent } from "./one-latent.ts";

/** Counts with the rate eᶠ. Expectations in closed form. */
export function poisson(): Likelihood {
  const likelihood: Likelihood = oneLatent({
    name: "poisson",
    parameters: {},
    with: () => likelihood,
    guess: (y) => Math.log(y + 0.5),
    check: (y) =>
      expectTargets(y, 1, (v) => Number.isInteger(v) && v >= 0, "a count is a whole number from 0"),
    at(f, y) {
      const rate = Math.exp(f);
      return {
        value: y * f - rate - logGamma(y + 1),
        slope: y - rate,
        curvature: rate,
        curvatureSlope: rate,
      };
    },
    expected(mean, variance, y) {
      const rate = Math.exp(mean + variance / 2);
      return { value: y * mean - rate - logGamma(y + 1), mean: y - rate, variance: -rate / 2 };
    },
    predictive(mean, variance) {
      const rate = mean.data.map((m, i) => Math.exp(m + variance.data[i]! / 2));
      return {
        kind: "number",
        mean: { ...mean, data: rate },
        variance: { ...mean, data: rate.map((r, i) => r + Math.expm1(variance.data[i]!) * r * r) },
      };
    },
  });
  return likelihood;
}
