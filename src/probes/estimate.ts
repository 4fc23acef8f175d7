import { normalQuantile } from "../random/index.ts";

/** A number found from a sample of inputs. */
export interface Estimate {
  readonly value: number;
  /** Standard error from the sampling of inputs: the sample as one of many that could have been drawn. */
  readonly standardError: number;
  /** The central 95 % interval. */
  readonly interval: readonly [low: number, high: number];
}

const width = normalQuantile(0.975);

/** The normal interval around a value, cut off at `low`, below which the quantity cannot lie. */
export function estimate(value: number, standardError: number, low = -Infinity): Estimate {
  const interval = [Math.max(low, value - width * standardError), value + width * standardError] as const;
  return { value, standardError, interval };
}

/** The mean of independent terms. */
export function meanOf(terms: Float64Array, low = -Infinity): Estimate {
  const n = terms.length;
  const mean = terms.reduce((a, b) => a + b, 0) / n;
  const squares = terms.reduce((s, t) => s + (t - mean) ** 2, 0);
  return estimate(mean, Math.sqrt(squares / (Math.max(1, n - 1) * n)), low);
}

/** √ of a mean that is not negative; its interval is that of the mean, carried through. */
export function rootOf({ value, standardError, interval }: Estimate): Estimate {
  const root = Math.sqrt(Math.max(0, value));
  return {
    value: root,
    standardError: root > 0 ? standardError / (2 * root) : 0,
    interval: [Math.sqrt(Math.max(0, interval[0])), Math.sqrt(Math.max(0, interval[1]))],
  };
}
