import { UsageError } from "../errors/index.ts";
import { freeParameters, type Gradient, type Parameters } from "./parameters.ts";
import { logGamma, scaledExponentialIntegral } from "./special.ts";

/** A distribution of one value: plain data, so that it can be stored with the parameter it belongs to. */
export type Prior =
  | { readonly kind: "normal"; readonly mean: number; readonly deviation: number }
  /** log v ~ N(mean, deviation²). */
  | { readonly kind: "log-normal"; readonly mean: number; readonly deviation: number }
  /** Density ∝ v^(shape − 1) e^(−rate v). */
  | { readonly kind: "gamma"; readonly shape: number; readonly rate: number }
  /** v ~ N(0, scale² λ²) with λ half-Cauchy, on the whole line: a pole at 0, and Cauchy's tails. */
  | { readonly kind: "horseshoe"; readonly scale: number };

/** Throws UsageError for a deviation, shape, rate or scale that is not positive. */
export function expectPrior(prior: Prior): void {
  const { kind, ...numbers } = prior;
  for (const [name, value] of Object.entries(numbers)) {
    const anySign = name === "mean";
    if (!(Number.isFinite(value) && (anySign || value > 0))) {
      throw new UsageError(
        `a ${kind} prior's ${name} should be ${anySign ? "finite" : "positive"}, got ${value}`,
      );
    }
  }
}

/** The log density of one value, in nats, and its derivative. */
export function priorDensity(prior: Prior, v: number): { readonly value: number; readonly slope: number } {
  switch (prior.kind) {
    case "normal": {
      const z = (v - prior.mean) / prior.deviation;
      return {
        value: -0.5 * z * z - Math.log(prior.deviation) - 0.5 * Math.log(2 * Math.PI),
        slope: -z / prior.deviation,
      };
    }
    case "log-normal": {
      const z = (Math.log(v) - prior.mean) / prior.deviation;
      return {
        value: -0.5 * z * z - Math.log(prior.deviation * v) - 0.5 * Math.log(2 * Math.PI),
        slope: -(z / prior.deviation + 1) / v,
      };
    }
    case "gamma": {
      const { shape, rate } = prior;
      return {
        value: shape * Math.log(rate) - logGamma(shape) + (shape - 1) * Math.log(v) - rate * v,
        slope: (shape - 1) / v - rate,
      };
    }
    case "horseshoe": {
      // p(v) = e^h E₁(h) / √(2π³) / scale with h = (v/scale)²/2 (Carvalho, Polson & Scott 2010, appendix).
      const h = 0.5 * (v / prior.scale) ** 2;
      const e = scaledExponentialIntegral(h);
      return {
        value: Math.log(e) - 0.5 * Math.log(2 * Math.PI ** 3) - Math.log(prior.scale),
        slope: (1 - 1 / (h * e)) * (v / prior.scale ** 2),
      };
    }
  }
}

/**
 * The log density of all free parameters that have a prior, in nats, and its derivatives in their own values. Of
 * densities over the whole line, not renormalised to a parameter's bounds: a constant that moves no optimum.
 */
export function logPrior(parameters: Parameters): { readonly value: number; readonly gradient: Gradient } {
  let total = 0;
  const gradient = Object.fromEntries(
    freeParameters(parameters).flatMap(([path, { value, prior }]) => {
      if (!prior) return [];
      const slopes = value.map((v) => {
        const density = priorDensity(prior, v);
        total += density.value;
        return density.slope;
      });
      return [[path, slopes] as const];
    }),
  );
  return { value: total, gradient };
}
