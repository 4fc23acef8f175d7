import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Parameters } from "./parameters.ts";
import {
  type StationaryOptions,
  scaling,
  startStationary,
  stationary,
  stationaryParameters,
} from "./stationary.ts";

// Below, r² = Σ_c ((x_c − x′_c) / lengthscale_c)² (Rasmussen & Williams 2006, section 4.2.1).

/** k = variance · e^(−r): the Ornstein–Uhlenbeck process, continuous and nowhere smooth. */
export function matern12(options: StationaryOptions = {}): Kernel {
  return maternOf("matern12", stationaryParameters(options));
}

/** k = variance · (1 + √3 r) e^(−√3 r): functions with one derivative. */
export function matern32(options: StationaryOptions = {}): Kernel {
  return maternOf("matern32", stationaryParameters(options));
}

/** k = variance · (1 + √5 r + 5r²/3) e^(−√5 r): functions with two derivatives. */
export function matern52(options: StationaryOptions = {}): Kernel {
  return maternOf("matern52", stationaryParameters(options));
}

// 2ν, the degrees of freedom of the spectral density.
const freedom = { matern12: 1, matern32: 3, matern52: 5 } as const;

function maternOf(name: keyof typeof freedom, parameters: Parameters): Kernel {
  return stationary({
    kind: name,
    parameters,
    with: (next) => maternOf(name, next),
    map: { name },
    rough: name === "matern12",
    placement: scaling(name, parameters.lengthscale!.value),
    frequencies: (key, count, dims) => studentT(key, count, dims, freedom[name]),
    startAt: (x, variance) => maternOf(name, startStationary(parameters, x, variance)),
  });
}

/** Rows of a multivariate t distribution: normal ones over √(χ²/degrees), the spectral density of a Matérn kernel. */
function studentT(key: Key, count: number, dims: number, degrees: number): Matrix {
  const out = matrix(count, dims, normal(split(key, "direction"), count * dims));
  const squares = normal(split(key, "length"), count * degrees);
  for (let f = 0; f < count; f++) {
    let chi = 0;
    for (let s = 0; s < degrees; s++) chi += squares[f * degrees + s]! ** 2;
    const stretch = Math.sqrt(degrees / chi);
    for (let c = 0; c < dims; c++) out.data[f * dims + c]! *= stretch;
  }
  return out;
}
