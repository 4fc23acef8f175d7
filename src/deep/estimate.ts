import { rowRange } from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import { type Batch, deepBound } from "./bound.ts";
import type { DeepModel } from "./deep-model.ts";

export interface EstimateOptions {
  readonly key: Key;
  /** Independent estimates averaged. 20 unless given. */
  readonly rounds?: number;
}

export interface BoundEstimate {
  /** In nats. */
  readonly value: number;
  /** Standard error of the value over its draws. */
  readonly error: number;
}

// Rows at a time: bounds the memory of an evaluation.
const chunk = 2000;

/** The evidence lower bound of all data, averaged over draws of the hidden layers' values. */
export function estimateBound(
  model: DeepModel,
  { x, y }: Pick<Batch, "x" | "y">,
  { key, rounds = 20 }: EstimateOptions,
): BoundEstimate {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let fit = 0;
    let loss = 0;
    for (let from = 0; from < x.rows; from += chunk) {
      const to = Math.min(x.rows, from + chunk);
      const part = { x: rowRange(x, from, to), y: rowRange(y, from, to), total: to - from };
      const draws = split(split(key, round), from);
      const found = deepBound(model, part, { samples: 1, key: draws, slopes: false });
      fit += found.fit;
      loss = found.divergences.reduce((sum, v) => sum + v, 0);
    }
    values.push(fit - loss);
  }
  return summarised(values);
}

/** The average of independent estimates, with its standard error. */
export function summarised(values: readonly number[]): BoundEstimate {
  const count = values.length;
  const value = values.reduce((sum, v) => sum + v / count, 0);
  const variance = values.reduce((sum, v) => sum + (v - value) ** 2 / Math.max(1, count - 1), 0);
  return { value, error: Math.sqrt(variance / count) };
}
