import { expectShape, type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { columnsNeeded, perColumn, perValue } from "./columns.ts";
import { zeroInputGradient } from "./constant.ts";
import { featurePath } from "./features.ts";
import type { Kernel } from "./kernel.ts";
import type { Parameters } from "./parameters.ts";
import { setUnset } from "./parameters.ts";
import { type StationaryOptions, stationaryParameters } from "./stationary.ts";

/**
 * k(x, x′) = variance · exp(−Σ_c [x_c ≠ x′_c] / lengthscale_c): columns whose values are names, written as numbers
 * (no order, no distance). Two names of one column correlate by e^(−1/lengthscale).
 */
export function categorical(options: StationaryOptions = {}): Kernel {
  return categoricalOf(stationaryParameters(options));
}

function categoricalOf(parameters: Parameters): Kernel {
  const variance = parameters.variance!.value[0]!;
  const lengthscale = parameters.lengthscale!.value;
  const rates = (cols: number) =>
    perColumn("categorical", "lengthscale", lengthscale, cols).map((l) => 1 / l);
  const cross = (x: Matrix, z: Matrix): Matrix => {
    expectShape(z, "z", undefined, x.cols);
    const rate = rates(x.cols);
    const out = matrix(x.rows, z.rows);
    for (let i = 0, k = 0; i < x.rows; i++) {
      for (let j = 0; j < z.rows; j++, k++) {
        let sum = 0;
        for (let c = 0; c < x.cols; c++) {
          if (x.data[i * x.cols + c] !== z.data[j * x.cols + c]) sum += rate[c]!;
        }
        out.data[k] = variance * Math.exp(-sum);
      }
    }
    return out;
  };
  /** Φ(x) = Π_c (1 with probability ρ_c, else a random sign of the name): E[φ φ′] = Π_c (ρ_c + (1 − ρ_c) [same]). */
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const blind = rates(inputs).map((rate) => Math.exp(-rate));
    const picks = Array.from(blind, (rho, c) =>
      uniform(split(split(key, "pick"), c), count).map((u) => +(u < rho)),
    );
    return {
      inputs,
      outputs: 2 * count,
      at(x) {
        const signs = signsOf(split(key, "sign"), count);
        const out = matrix(x.rows, 2 * count);
        for (let i = 0; i < x.rows; i++) {
          const row = out.data.subarray(i * 2 * count, i * 2 * count + count).fill(Math.sqrt(variance));
          for (let c = 0; c < inputs; c++) {
            const ofName = signs(c, x.data[i * inputs + c]!);
            for (let f = 0; f < count; f++) if (!picks[c]![f]) row[f]! *= ofName[f]!;
          }
        }
        return out;
      },
    };
  };
  return {
    outputs: 1,
    inputs: columnsNeeded(lengthscale),
    parameters,
    definition: { kind: "categorical" },
    with: categoricalOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    pullback(x, z, bar) {
      const other = z ?? x;
      const k = cross(x, other);
      const slopes = new Float64Array(x.cols);
      let value = 0;
      for (let i = 0, at = 0; i < x.rows; i++) {
        for (let j = 0; j < other.rows; j++, at++) {
          const w = bar.data[at]! * k.data[at]!;
          value += w;
          for (let c = 0; c < x.cols; c++) {
            if (x.data[i * x.cols + c] !== other.data[j * x.cols + c]) slopes[c]! += w;
          }
        }
      }
      // d(−1/ℓ)/dℓ = 1/ℓ².
      const ofLengths = rates(x.cols).map((rate, c) => slopes[c]! * rate * rate);
      return {
        lengthscale: perValue(ofLengths, lengthscale.length),
        variance: Float64Array.of(value / variance),
      };
    },
    pullbackInputs: zeroInputGradient,
    features,
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (_x, target) => categoricalOf(setUnset(parameters, { variance: () => [target] })),
  };
}

/** Random signs, one a feature, for each name of each column; remembered over one call. */
function signsOf(key: Key, count: number): (column: number, name: number) => Float64Array {
  const known = new Map<string, Float64Array>();
  return (column, name) => {
    const id = `${column}:${name}`;
    const signs = known.get(id) ?? normal(split(key, id), count).map(Math.sign);
    known.set(id, signs);
    return signs;
  };
}
