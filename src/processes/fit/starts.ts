import {
  defaultsFromData,
  freeParameters,
  fromVector,
  type Kernel,
  type Parameters,
  type Prior,
  toVector,
} from "../../kernels/index.ts";
import { type Matrix, subtract } from "../../linalg/index.ts";
import { type Key, normal, split, uniform } from "../../random/index.ts";
import type { Mean } from "../means.ts";
import { meanSquare, targetVariance } from "../target-variance.ts";
import { type Model, modelParameters, modelWith, noiseParameter } from "./model.ts";

export { targetVariance };

/** How the noise variance is treated; see `FitOptions`. */
export interface NoiseOptions {
  /** Where the first search starts, in squared units of y. A tenth of the targets' variance unless given. */
  readonly start?: number;
  readonly prior?: Prior;
  /** The noise stays above this. 1e-8 of the targets' variance unless given: there the algebra keeps its digits. */
  readonly floor?: number;
}

/** The first start: parameters that nobody chose are scaled to the data. */
export function startModel(
  kernel: Kernel,
  mean: Mean,
  x: Matrix,
  y: Matrix,
  noise: number | NoiseOptions,
): Model {
  const placed = mean.startAt?.(x, y) ?? mean;
  const residual = subtract(y, placed.at(x));
  const ownSpread = meanSquare(residual) > 1e-12 * targetVariance(y);
  return {
    kernel: defaultsFromData(kernel, x, ownSpread ? residual : y),
    mean: placed,
    noise: startNoise(targetVariance(y), ownSpread ? meanSquare(residual) : targetVariance(y), noise),
  };
}

function startNoise(variance: number, residual: number, noise: number | NoiseOptions) {
  if (typeof noise === "number") {
    // A fixed noise may be 0, which no fitted one can be.
    return { value: Float64Array.of(noise), support: "positive", fixed: true } as const;
  }
  const floor = noise.floor ?? 1e-8 * variance;
  const parameter = noiseParameter(noise.start ?? Math.max(0.1 * residual, 10 * floor), floor);
  return noise.prior ? { ...parameter, prior: noise.prior } : parameter;
}

/** The kernel as if nobody had chosen any value, scaled to the data: what "large" and "small" are measured by. */
export function typical(start: Model, x: Matrix, y: Matrix): Model {
  const { kernel, mean } = start;
  const unset: Parameters = Object.fromEntries(
    Object.entries(kernel.parameters).map(([path, p]) => [path, p.fixed ? p : { ...p, unset: true }]),
  );
  const residual = subtract(y, mean.at(x));
  const scaled = defaultsFromData(kernel.with(unset), x, meanSquare(residual) > 0 ? residual : y);
  // Ties and bounds of a person's may refuse the data's scale: then their own values are the scale.
  const inside = Object.entries(scaled.parameters).every(([, { value, support }]) =>
    typeof support === "string"
      ? true
      : value.every((v) => v > support.lower && v < (support.upper ?? Infinity)),
  );
  return inside ? { ...start, kernel: scaled } : start;
}

/**
 * The other starts: the second at the data's own scales with little noise, the rest drawn around those: logarithms with
 * a standard deviation of 1.2 (a factor of 3.3), other coordinates with half their reach.
 */
export function otherStart(around: Model, reach: Float64Array, index: number, key: Key): Model {
  const like = modelParameters(around);
  const vector = toVector(like);
  const real = freeParameters(like).flatMap(([, { value, support }]) =>
    Array.from(value, () => support === "real"),
  );
  if (index > 1) {
    const shifts = normal(split(key, index), vector.length);
    // One draw shared by all logarithms moves the whole picture's scale; their own ones tell columns apart.
    const shared = normal(split(split(key, index), "shared"), 1)[0]!;
    for (let i = 0; i < vector.length; i++) {
      vector[i]! += real[i] ? 0.5 * reach[i]! * shifts[i]! : 0.8 * shifts[i]! + 0.9 * shared;
    }
  }
  const model = modelWith(around, fromVector(vector, like));
  if (model.noise.fixed) return model;
  const lower = typeof model.noise.support === "object" ? model.noise.support.lower : 0;
  const base = around.noise.value[0]!;
  // Much noise and little are the two stories that evidence tells most often: starts tell both.
  const share = index === 1 ? 0.01 : 10 ** (-3 * uniform(split(split(key, index), "noise"), 1)[0]!);
  const value = Math.max(10 * base * 0.5 * share, 2 * lower);
  return { ...model, noise: { ...model.noise, value: Float64Array.of(value) } };
}
