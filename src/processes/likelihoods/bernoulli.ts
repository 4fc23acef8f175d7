import { UsageError } from "../../errors/index.ts";
import { matrix } from "../../linalg/index.ts";
import { expectTargets } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { logNormalBelow, normalBelow, normalHazard } from "./normal-tail.ts";
import { type Local, oneLatent } from "./one-latent.ts";
import { normalRule } from "./quadrature.ts";
import { stepSite } from "./site.ts";

export type BernoulliLink = "logit" | "probit";

/** Two classes, 0 and 1: p(1 | f) = σ(f) (logit) or Φ(f) (probit). "logit" unless given. */
export function bernoulli(link: BernoulliLink = "logit"): Likelihood {
  if (link !== "logit" && link !== "probit") {
    throw new UsageError(`the link of a Bernoulli likelihood is logit or probit, got "${link}"`);
  }
  const local = link === "logit" ? logit : probit;
  const probability = link === "logit" ? logitProbability : probitProbability;
  const likelihood: Likelihood = oneLatent({
    name: link === "logit" ? "bernoulli" : "bernoulli-probit",
    parameters: {},
    with: () => likelihood,
    // Where a class has the probability 0.8 or so.
    guess: (y) => (y === 1 ? 1.5 : -1.5),
    check: (y) => expectTargets(y, 1, (v) => v === 0 || v === 1, "a label of two classes is 0 or 1"),
    at: (f, y) => local(f, y === 1 ? 1 : -1),
    ...(link === "probit" && { site: (y: number) => stepSite(y === 1 ? 1 : -1) }),
    predictive(mean, variance) {
      const probabilities = matrix(mean.rows, 2);
      mean.data.forEach((m, i) => {
        probabilities.data[2 * i] = probability(-m, variance.data[i]!);
        probabilities.data[2 * i + 1] = probability(m, variance.data[i]!);
      });
      return { kind: "classes", probabilities };
    },
    logPredictive(mean, variance, y) {
      const m = y === 1 ? mean : -mean;
      return link === "probit"
        ? logNormalBelow(m / Math.sqrt(1 + variance))
        : Math.log(logitProbability(m, variance));
    },
  });
  return likelihood;
}

function logit(f: number, sign: number): Local {
  const towards = sign * f;
  const p = sigmoid(f);
  const curvature = p * sigmoid(-f);
  return {
    value: -(Math.max(0, -towards) + Math.log1p(Math.exp(-Math.abs(towards)))),
    slope: sign * sigmoid(-towards),
    curvature,
    curvatureSlope: curvature * (1 - 2 * p),
  };
}

/** With h = φ(z)/Φ(z): (log Φ)′ = h, h′ = −h (z + h) (Rasmussen & Williams 2006, equation 3.16). */
function probit(f: number, sign: number): Local {
  const z = sign * f;
  const h = normalHazard(z);
  const curvature = h * (z + h);
  return {
    value: logNormalBelow(z),
    slope: sign * h,
    curvature,
    curvatureSlope: sign * (h - (z + 2 * h) * curvature),
  };
}

function sigmoid(v: number): number {
  return v >= 0 ? 1 / (1 + Math.exp(-v)) : Math.exp(v) / (1 + Math.exp(v));
}

function probitProbability(mean: number, variance: number): number {
  return normalBelow(mean / Math.sqrt(1 + variance));
}

/** E[σ(f)] by Gauss–Hermite quadrature, to 1e-9 up to variances of a few. */
function logitProbability(mean: number, variance: number): number {
  const { nodes, weights } = normalRule(64);
  const deviation = Math.sqrt(variance);
  let sum = 0;
  for (let k = 0; k < nodes.length; k++) sum += weights[k]! * sigmoid(mean + deviation * nodes[k]!);
  return sum;
}
