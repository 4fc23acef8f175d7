import type { Floats } from "../../engine/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import type { Normalised } from "./normalisation.ts";

/** Rows of numbers with mean 0 and variance 1 each, and what made them so. */
export interface Standardised {
  readonly values: Floats;
  readonly means: Float64Array;
  /** Mean squared deviations, without ε. */
  readonly variances: Float64Array;
  slope(d: Floats): Floats;
}

/** (x − mean) / √(variance + ε) over each run of `length` numbers, statistics in f64. */
export function standardise(x: Floats, length: number, epsilon: number): Standardised {
  const rows = x.length / length;
  const values = floatsLike(x, x.length);
  const means = new Float64Array(rows);
  const variances = new Float64Array(rows);
  const inverse = new Float64Array(rows);
  for (let r = 0, from = 0; r < rows; r++, from += length) {
    let sum = 0;
    for (let k = from; k < from + length; k++) sum += x[k]!;
    const mean = sum / length;
    let squares = 0;
    for (let k = from; k < from + length; k++) squares += (x[k]! - mean) ** 2;
    means[r] = mean;
    variances[r] = squares / length;
    inverse[r] = 1 / Math.sqrt(squares / length + epsilon);
    for (let k = from; k < from + length; k++) values[k] = (x[k]! - mean) * inverse[r]!;
  }
  return {
    values,
    means,
    variances,
    // The Jacobian of a row is (I − 1 1ᵀ/m − x̂ x̂ᵀ/m) / √(variance + ε): symmetric.
    slope(d) {
      const out = floatsLike(d, d.length);
      for (let r = 0, from = 0; r < rows; r++, from += length) {
        let sum = 0;
        let along = 0;
        for (let k = from; k < from + length; k++) {
          sum += d[k]!;
          along += d[k]! * values[k]!;
        }
        const [mean, slope] = [sum / length, along / length];
        for (let k = from; k < from + length; k++) out[k] = inverse[r]! * (d[k]! - mean - slope * values[k]!);
      }
      return out;
    },
  };
}

/** Standardises each run of `length` numbers of a tensor. */
export function standardiseRuns(x: Tensor, length: number, epsilon: number): Normalised {
  const { values, slope } = standardise(x.data, length, epsilon);
  return {
    values: { shape: x.shape, data: values },
    slope: (d) => ({ shape: d.shape, data: slope(d.data) }),
  };
}
