import { matrix } from "../linalg/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, unlessGiven } from "./parameters.ts";
import {
  type StationaryOptions,
  scaling,
  startStationary,
  stationary,
  stationaryParameters,
} from "./stationary.ts";

export interface RationalQuadraticOptions extends StationaryOptions {
  /** How alike the lengthscales mixed are; the limit of large alpha is the RBF. 1 unless given. */
  readonly alpha?: number;
}

/**
 * k = variance · (1 + r²/(2 alpha))^(−alpha), r² = Σ_c ((x_c − x′_c) / lengthscale_c)²: a gamma mixture of RBFs of
 * many lengthscales (Rasmussen & Williams 2006, equation 4.19).
 */
export function rationalQuadratic({ alpha, ...options }: RationalQuadraticOptions = {}): Kernel {
  return rationalQuadraticOf({
    ...stationaryParameters(options),
    alpha: unlessGiven(alpha, 1, (v) => positive("alpha", v, 1)),
  });
}

function rationalQuadraticOf(parameters: Parameters): Kernel {
  const alpha = parameters.alpha!.value[0]!;
  return stationary({
    kind: "rationalQuadratic",
    parameters,
    with: rationalQuadraticOf,
    map: { name: "rationalQuadratic", alpha },
    placement: scaling("rationalQuadratic", parameters.lengthscale!.value),
    frequencies(key, count, dims) {
      // e^(−τr²/2) mixed over τ ~ Gamma(alpha, rate alpha).
      const out = matrix(count, dims, normal(split(key, "direction"), count * dims));
      const precisions = gammaDraws(split(key, "precision"), count, alpha);
      for (let f = 0; f < count; f++) {
        const stretch = Math.sqrt(precisions[f]! / alpha);
        for (let c = 0; c < dims; c++) out.data[f * dims + c]! *= stretch;
      }
      return out;
    },
    startAt: (x, variance) => rationalQuadraticOf(startStationary(parameters, x, variance)),
  });
}

/** Draws of Gamma(shape, 1) by rejection, all that still miss in one round (Marsaglia & Tsang 2000). */
function gammaDraws(key: Key, count: number, shape: number): Float64Array {
  if (shape < 1) {
    const boost = uniform(split(key, "boost"), count);
    return gammaDraws(split(key, "boosted"), count, shape + 1).map((v, f) => v * boost[f]! ** (1 / shape));
  }
  const d = shape - 1 / 3;
  const out = new Float64Array(count);
  for (let round = 0, missing = count; missing > 0; round++) {
    const z = normal(split(split(key, "normal"), round), count);
    const u = uniform(split(split(key, "uniform"), round), count);
    for (let f = 0; f < count; f++) {
      if (out[f]! > 0) continue;
      const v = (1 + z[f]! / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(u[f]!) < 0.5 * z[f]! ** 2 + d - d * v + d * Math.log(v)) {
        out[f] = d * v;
        missing--;
      }
    }
  }
  return out;
}
