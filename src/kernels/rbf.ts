import { matrix } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Parameters } from "./parameters.ts";
import {
  type StationaryOptions,
  scaling,
  startStationary,
  stationary,
  stationaryParameters,
} from "./stationary.ts";

/**
 * k(x, x′) = variance · exp(−½ Σ_c ((x_c − x′_c) / lengthscale_c)²), the squared exponential (Rasmussen & Williams
 * 2006, equation 4.9): functions with derivatives of every order.
 */
export function rbf(options: StationaryOptions = {}): Kernel {
  return rbfOf(stationaryParameters(options));
}

function rbfOf(parameters: Parameters): Kernel {
  return stationary({
    kind: "rbf",
    parameters,
    with: rbfOf,
    map: { name: "rbf" },
    placement: scaling("rbf", parameters.lengthscale!.value),
    frequencies: (key, count, dims) => matrix(count, dims, normal(key, count * dims)),
    startAt: (x, variance) => rbfOf(startStationary(parameters, x, variance)),
  });
}
