import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Profile } from "./pairwise.ts";
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
  return maternOf(half, stationaryParameters(options));
}

/** k = variance · (1 + √3 r) e^(−√3 r): functions with one derivative. */
export function matern32(options: StationaryOptions = {}): Kernel {
  return maternOf(threeHalves, stationaryParameters(options));
}

/** k = variance · (1 + √5 r + 5r²/3) e^(−√5 r): functions with two derivatives. */
export function matern52(options: StationaryOptions = {}): Kernel {
  return maternOf(fiveHalves, stationaryParameters(options));
}

interface Order {
  readonly kind: string;
  /** 2ν, the degrees of freedom of the spectral density. */
  readonly freedom: number;
  readonly profile: Profile;
}

const half: Order = {
  kind: "matern12",
  freedom: 1,
  profile(row, count, slope) {
    for (let j = 0; j < count; j++) {
      const r = Math.sqrt(row[j]!);
      const e = Math.exp(-r);
      row[j] = e;
      if (slope) slope[j] = r > 0 ? -e / (2 * r) : 0;
    }
  },
};

const threeHalves: Order = {
  kind: "matern32",
  freedom: 3,
  profile(row, count, slope) {
    for (let j = 0; j < count; j++) {
      const r = Math.sqrt(3 * row[j]!);
      const e = Math.exp(-r);
      row[j] = (1 + r) * e;
      if (slope) slope[j] = -1.5 * e;
    }
  },
};

const fiveHalves: Order = {
  kind: "matern52",
  freedom: 5,
  profile(row, count, slope) {
    for (let j = 0; j < count; j++) {
      const square = 5 * row[j]!;
      const r = Math.sqrt(square);
      const e = Math.exp(-r);
      row[j] = (1 + r + square / 3) * e;
      if (slope) slope[j] = (-5 / 6) * (1 + r) * e;
    }
  },
};

function maternOf(order: Order, parameters: Parameters): Kernel {
  const { kind, freedom, profile } = order;
  return stationary({
    kind,
    parameters,
    with: (next) => maternOf(order, next),
    profile,
    placement: scaling(kind, parameters.lengthscale!.value),
    frequencies: (key, count, dims) => studentT(key, count, dims, freedom),
    startAt: (x, variance) => maternOf(order, startStationary(parameters, x, variance)),
  });
}

/** Rows of a multivariate t distribution: normal ones over √(χ²/freedom), the spectral density of a Matérn kernel. */
function studentT(key: Key, count: number, dims: number, freedom: number): Matrix {
  const out = matrix(count, dims, normal(split(key, "direction"), count * dims));
  const squares = normal(split(key, "length"), count * freedom);
  for (let f = 0; f < count; f++) {
    let chi = 0;
    for (let s = 0; s < freedom; s++) chi += squares[f * freedom + s]! ** 2;
    const stretch = Math.sqrt(freedom / chi);
    for (let c = 0; c < dims; c++) out.data[f * dims + c]! *= stretch;
  }
  return out;
}
