import erf from "@stdlib/math-base-special-erf";
import { UsageError } from "../errors/index.ts";
import { expectShape, type Fn, type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normalQuantile, split, uniform } from "../random/index.ts";
import type { Gaussian, Marginal } from "./gaussian.ts";
import type { Observations, Posterior, Process } from "./process.ts";

/** Values at n points that follow one of several Gaussians, each with its weight. */
export class Mixture implements Marginal {
  readonly components: readonly Gaussian[];
  /** One a component, adding to 1. */
  readonly weights: Float64Array;

  constructor(components: readonly Gaussian[], weights: Float64Array) {
    this.components = components;
    this.weights = weights;
  }

  get mean(): Matrix {
    return this.#average((component, i) => component.mean.data[i]!);
  }

  /** The average variance and, besides, the variance of the means. */
  get variance(): Matrix {
    const { mean } = this;
    return this.#average(
      (component, i) => component.variance.data[i]! + (component.mean.data[i]! - mean.data[i]!) ** 2,
    );
  }

  get standardDeviation(): Matrix {
    const { variance } = this;
    return { ...variance, data: variance.data.map(Math.sqrt) };
  }

  /** The value that each value alone lies below with this probability, n × outputs. */
  quantile(probability: number): Matrix {
    if (!(probability > 0 && probability < 1)) {
      throw new UsageError(`a probability lies between 0 and 1, got ${probability}`);
    }
    const z = normalQuantile(probability);
    const parts = this.components.map((c) => ({ mean: c.mean.data, deviation: c.standardDeviation.data }));
    return this.#average((_, i) => {
      // The mixture's quantile lies between the least and the greatest of its components'.
      const ends = parts.map((p) => p.mean[i]! + z * p.deviation[i]!);
      let [low, high] = [Math.min(...ends), Math.max(...ends)];
      for (let step = 0; step < 80 && high - low > 1e-13 * Math.max(Math.abs(low), Math.abs(high)); step++) {
        const middle = 0.5 * (low + high);
        let below = 0;
        parts.forEach((p, c) => {
          const gap = middle - p.mean[i]!;
          // Without any spread a component is a step at its mean.
          below +=
            this.weights[c]! * (gap === 0 ? 0.5 : 0.5 * (1 + erf(gap / (Math.SQRT2 * p.deviation[i]!))));
        });
        if (below < probability) low = middle;
        else high = middle;
      }
      return 0.5 * (low + high);
    }, "once");
  }

  /** The central interval that holds each value with the given probability. */
  interval(probability = 0.95): { readonly lower: Matrix; readonly upper: Matrix } {
    return { lower: this.quantile((1 - probability) / 2), upper: this.quantile((1 + probability) / 2) };
  }

  logDensity(y: Matrix): number {
    return logSum(this.components.map((c, i) => Math.log(this.weights[i]!) + c.logDensity(y)));
  }

  /** The log density of each value alone, n × outputs, in nats. */
  logDensities(y: Matrix): Matrix {
    const each = this.components.map((c) => c.logDensities(y).data);
    return {
      ...y,
      data: y.data.map((_, i) => logSum(each.map((d, c) => Math.log(this.weights[c]!) + d[i]!))),
    };
  }

  sample(key: Key, count: number): readonly Matrix[] {
    return picks(this.weights, key, count).map((c, i) => this.components[c]!.sample(split(key, i), 1)[0]!);
  }

  #average(of: (component: Gaussian, i: number) => number, times: "weighted" | "once" = "weighted"): Matrix {
    const [first] = this.components;
    const { rows, cols } = first!.mean;
    const out = matrix(rows, cols);
    for (let i = 0; i < out.data.length; i++) {
      if (times === "once") out.data[i] = of(first!, i);
      else
        this.components.forEach((component, c) => {
          out.data[i]! += this.weights[c]! * of(component, i);
        });
    }
    return out;
  }
}

/** A process that is one of several posteriors, each with its weight: what is left when parameters are not known. */
export interface MixtureProcess extends Process<Mixture> {
  readonly components: readonly Posterior[];
  /** One a component, adding to 1. */
  readonly weights: Float64Array;
  /** The distribution of noisy observations at x, each component with its own noise. */
  observed(x: Matrix): Mixture;
  /** Every component conditioned, its weight multiplied by the density it gave the new observations. */
  condition(more: Observations): MixtureProcess;
}

/** Weights are equal unless given, and need not add to 1. Throws UsageError for components of different sizes. */
export function mixture(
  components: readonly Posterior[],
  weights: ArrayLike<number> = new Float64Array(components.length).fill(1),
): MixtureProcess {
  const [first] = components;
  if (!first || weights.length !== components.length) {
    throw new UsageError(
      `a mixture has one weight a component and at least one component, got ${components.length} and ${weights.length}`,
    );
  }
  const { inputs, outputs } = first;
  for (const c of components) {
    if (c.inputs !== inputs || c.outputs !== outputs) {
      throw new UsageError(
        `a mixture's components map ${inputs} inputs to ${outputs} outputs, one of them ${c.inputs} to ${c.outputs}`,
      );
    }
  }
  const total = Array.from(weights).reduce((sum, w) => sum + w, 0);
  const shares = Float64Array.from(weights, (w) => w / total);
  if (!shares.every((w) => w >= 0)) throw new UsageError("a mixture's weights are at least 0, one above it");
  return {
    inputs,
    outputs,
    components,
    weights: shares,
    at: (x) =>
      new Mixture(
        components.map((c) => c.at(x)),
        shares,
      ),
    observed: (x) =>
      new Mixture(
        components.map((c) => c.observed(x)),
        shares,
      ),
    sample: (key, count): readonly Fn[] =>
      picks(shares, key, count).map((c, i) => components[c]!.sample(split(key, i), 1)[0]!),
    condition(more) {
      expectShape(more.x, "x", more.y.rows, inputs);
      const next = components.map((c) => c.condition(more));
      const gains = next.map((c, i) => Math.log(shares[i]!) + c.logEvidence - components[i]!.logEvidence);
      const top = logSum(gains);
      return mixture(
        next,
        gains.map((g) => Math.exp(g - top)),
      );
    },
  };
}

/** `count` components drawn by their weights. */
function picks(weights: Float64Array, key: Key, count: number): number[] {
  return Array.from(uniform(split(key, "component"), count), (u) => {
    let at = 0;
    for (let sum = weights[0]!; sum < u && at < weights.length - 1; sum += weights[at]!) at++;
    return at;
  });
}

/** log Σ e^v without overflow. */
function logSum(values: readonly number[]): number {
  const top = Math.max(...values);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}
