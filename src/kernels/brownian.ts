import { ShapeError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { columnOf } from "./columns.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";

export interface BrownianOptions {
  /** Of the step over one unit of the input, in squared units of the outputs. 1 unless given. */
  readonly variance?: number;
}

/**
 * k(x, x′) = variance · min(|x|, |x′|) where x and x′ have one sign, else 0: Brownian motion (the Wiener process)
 * from 0 at x = 0, in both directions. One column; `on` picks it, `additive` takes each of several.
 */
export function brownian({ variance }: BrownianOptions = {}): Kernel {
  return brownianOf({ variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)) });
}

function brownianOf(parameters: Parameters): Kernel {
  const variance = parameters.variance!.value[0]!;
  const cross = (x: Matrix, z: Matrix): Matrix => {
    expectOneColumn(x);
    expectOneColumn(z);
    const out = matrix(x.rows, z.rows);
    for (let i = 0, k = 0; i < x.rows; i++) {
      for (let j = 0; j < z.rows; j++, k++) out.data[k] = variance * overlap(x.data[i]!, z.data[j]!);
    }
    return out;
  };
  return {
    outputs: 1,
    inputs: 1,
    parameters,
    definition: { kind: "brownian" },
    with: brownianOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal(x) {
      expectOneColumn(x);
      return x.data.map((v) => variance * Math.abs(v));
    },
    pullback(x, z, bar) {
      const other = z ?? x;
      let sum = 0;
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let j = 0; j < other.rows; j++, k++) sum += bar.data[k]! * overlap(x.data[i]!, other.data[j]!);
      }
      return { variance: Float64Array.of(sum) };
    },
    /** Of the nearer to 0 of each pair; where both are equal, half of each. */
    pullbackInputs(x, z, bar) {
      const other = z ?? x;
      const ofX = matrix(x.rows, 1);
      const ofZ = z ? matrix(z.rows, 1) : ofX;
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let j = 0; j < other.rows; j++, k++) {
          const a = x.data[i]!;
          const b = other.data[j]!;
          if (!(a * b > 0)) continue;
          const share = Math.abs(a) < Math.abs(b) ? 1 : Math.abs(a) > Math.abs(b) ? 0 : 0.5;
          const slope = variance * bar.data[k]! * Math.sign(a);
          ofX.data[i]! += slope * share;
          ofZ.data[j]! += slope * (1 - share);
        }
      }
      return z ? { x: ofX, z: ofZ } : { x: ofX };
    },
    /** Steps at random places: E[1(u < |x|) 1(u < |x′|) / density(u)] = min; log-uniform over 2^±24 of the unit. */
    features(key, inputs, count) {
      const places = uniform(split(key, "places"), count).map((u, f) => 2 ** (48 * ((f + u) / count) - 24));
      const signs = normal(split(key, "sides"), count).map(Math.sign);
      return {
        inputs,
        outputs: 2 * count,
        at(x) {
          expectOneColumn(x);
          const out = matrix(x.rows, 2 * count);
          for (let i = 0; i < x.rows; i++) {
            const v = x.data[i]!;
            for (let f = 0; f < count; f++) {
              if (places[f]! >= Math.abs(v)) continue;
              // The two directions are independent: random signs on one of them.
              const side = v > 0 ? 1 : signs[f]!;
              out.data[i * 2 * count + f] = side * Math.sqrt(variance * places[f]! * 48 * Math.LN2);
            }
          }
          return out;
        },
      };
    },
    /** Exact and pure: bridges halved until they reach the point, each with the key of its interval (Lévy). */
    path(key, inputs) {
      const size = Math.sqrt(variance);
      return {
        inputs,
        outputs: 1,
        at(x) {
          expectOneColumn(x);
          return {
            ...x,
            data: x.data.map((v) => size * wiener(split(key, v < 0 ? "below" : "above"), Math.abs(v))),
          };
        },
      };
    },
    startAt(x, target) {
      const mean = columnOf(x, 0).reduce((sum, v) => sum + Math.abs(v) / x.rows, 0);
      return brownianOf(setUnset(parameters, { variance: () => [mean > 0 ? target / mean : target] }));
    },
  };
}

function overlap(a: number, b: number): number {
  return a * b > 0 ? Math.min(Math.abs(a), Math.abs(b)) : 0;
}

function expectOneColumn(x: Matrix): void {
  if (x.cols !== 1) {
    throw new ShapeError(`brownian takes one column, got ${x.cols}: choose with on(brownian(), [column])`);
  }
}

/** W(t) of the Wiener process of a key, for t ≥ 0; exact to the last digit of t. */
function wiener(key: Key, t: number): number {
  if (t === 0) return 0;
  // Out from W(1) by doubling, or in by halving towards W(0) = 0, until [low, high] holds t.
  let high = 1;
  let atHigh = normal(split(key, "one"), 1)[0]!;
  let low = 0;
  let atLow = 0;
  while (t > high) {
    low = high;
    atLow = atHigh;
    high *= 2;
    atHigh += Math.sqrt(low) * normal(split(key, `to ${high}`), 1)[0]!;
  }
  while (low === 0 && t <= high / 2) {
    high /= 2;
    atHigh = atHigh / 2 + Math.sqrt(high / 2) * normal(split(key, `to ${high}`), 1)[0]!;
  }
  if (low === 0 && t < high) {
    low = high / 2;
    atLow = atHigh / 2 + Math.sqrt(low / 2) * normal(split(key, `to ${low}`), 1)[0]!;
  }
  let at = split(key, `from ${low}`);
  while (low < t && t < high) {
    const middle = low + (high - low) / 2;
    if (middle === low || middle === high) break;
    const atMiddle = (atLow + atHigh) / 2 + (Math.sqrt(high - low) / 2) * normal(at, 1)[0]!;
    const below = t <= middle;
    if (below) {
      high = middle;
      atHigh = atMiddle;
    } else {
      low = middle;
      atLow = atMiddle;
    }
    at = split(at, below ? 0 : 1);
  }
  return t === low ? atLow : atHigh;
}
