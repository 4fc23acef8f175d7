import { UsageError } from "../errors/index.ts";
import type { PathFn } from "../kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../linalg/index.ts";
import {
  expectPoints,
  Gaussian,
  likelihoods,
  logSumExp,
  type Marginal,
  Mixture,
  type Predictive,
  type Process,
} from "../processes/index.ts";
import { type Key, key, normal, split } from "../random/index.ts";
import { chained, type Link, pathOf, through } from "./chain.ts";
import { inputsOfDeep } from "./compose.ts";
import type { DeepModel } from "./deep-model.ts";
import type { FnLayer } from "./layer.ts";
import { columns, sideBySide } from "./ops/elementwise.ts";
import { type Predictor, predictor } from "./sparse-layer.ts";
import { firstOf, seenWithDrawnNoise, withoutNoiseFunction } from "./varying-noise.ts";

/** p(f | data) of a deep process, as its variational posterior. */
export interface DeepPosterior extends Process<DeepMarginal> {
  readonly model: DeepModel;
  /**
   * The distribution of f at x, from so many draws of the hidden values (100 unless given), always the same ones. A
   * last function that is the log noise (`varyingNoise`) is left out.
   */
  at(x: Matrix, draws?: number): DeepMarginal;
  /** The distribution of noisy observations at x. Throws UsageError for noise that is not Gaussian. */
  observed(x: Matrix, draws?: number): DeepMarginal;
  /** What will be seen at x, whatever the likelihood: averaged over the draws of hidden values. */
  predictive(x: Matrix, draws?: number): Predictive;
  /** log p(y_i | data) of each row alone, in nats: of the same average. */
  logPredictive(x: Matrix, y: Matrix, draws?: number): Float64Array;
  /** Functions drawn from the posterior; with derivatives in their inputs where the kernels' paths have them. */
  sample(key: Key, count: number): readonly PathFn[];
  /** The layers of each such function, one by one. */
  sampleLayers(key: Key, count: number): readonly (readonly Link[])[];
  /**
   * What each layer says of its points when those before hand on their means: its means and variances at x (n × width),
   * the first layer's first.
   */
  layersAt(x: Matrix): readonly { readonly mean: Matrix; readonly variance: Matrix }[];
}

/**
 * Values of a deep process at points: given the hidden values they are Gaussian, so that each value alone follows a
 * mixture of Gaussians.
 */
export class DeepMarginal implements Marginal {
  /** Of each value alone: its components are not joint ones. */
  readonly each: Mixture;
  readonly #joint: () => Mixture;
  #built: Mixture | undefined;

  constructor(each: Mixture, joint: () => Mixture) {
    this.each = each;
    this.#joint = joint;
  }

  /** n × outputs. */
  get mean(): Matrix {
    return this.each.mean;
  }

  /** The mixture's: the average variance and the variance of the means. */
  get variance(): Matrix {
    return this.each.variance;
  }

  get standardDeviation(): Matrix {
    return this.each.standardDeviation;
  }

  quantile(probability: number): Matrix {
    return this.each.quantile(probability);
  }

  /** The central interval that holds each value with the given probability. */
  interval(probability = 0.95): { readonly lower: Matrix; readonly upper: Matrix } {
    return this.each.interval(probability);
  }

  /** The log density of each value alone, n × outputs, in nats. */
  logDensities(y: Matrix): Matrix {
    return this.each.logDensities(y);
  }

  /** The joint mixture: hidden layers drawn as functions, the last layer's values Gaussian given them. */
  get joint(): Mixture {
    this.#built ??= this.#joint();
    return this.#built;
  }

  logDensity(y: Matrix): number {
    return this.joint.logDensity(y);
  }

  sample(k: Key, count: number): readonly Matrix[] {
    return this.joint.sample(k, count);
  }

  /** The same values seen with independent Gaussian noise of this variance. */
  withNoise(noiseVariance: number): DeepMarginal {
    const noisy = (mixture: Mixture) =>
      new Mixture(
        mixture.components.map((c) => c.withNoise(noiseVariance)),
        mixture.weights,
      );
    return new DeepMarginal(noisy(this.each), () => noisy(this.joint));
  }
}

// Points at a time: bounds the memory of moments.
const chunk = 1024;

export function deepPosterior(model: DeepModel): DeepPosterior {
  const { layers, likelihood } = model;
  const inputs = inputsOfDeep(layers[0]!);
  const width = layers.at(-1)!.width;
  const noisy = likelihood.name === "varying noise";
  const outputs = noisy ? 1 : width;
  const ready = layers.map((layer) => (layer.kind === "fn" ? undefined : predictor(layer)));
  const last = ready.at(-1)!;
  const random = layers.slice(0, -1).some(({ kind }) => kind === "gp");
  const root = split(key(0), "deep posterior");

  const links = (k: Key, count: number): readonly Link[] =>
    layers
      .slice(0, count)
      .map((layer, l) =>
        layer.kind === "fn"
          ? { fn: pathOf(layer.fn), skip: false }
          : { fn: ready[l]!.path(split(k, l)), skip: layer.skip },
      );

  /** The last layer's moments at x, one pair a draw. */
  const drawnAt = (x: Matrix, draws: number) => {
    expectPoints(x, inputs);
    const parts = Array.from({ length: random ? draws : 1 }, () => ({
      mean: matrix(x.rows, width),
      variance: matrix(x.rows, width),
    }));
    for (let from = 0; from < x.rows; from += chunk) {
      const points = rowRange(x, from, Math.min(x.rows, from + chunk));
      const found = drawnMoments(model, ready, points, parts.length, split(split(root, "each"), from));
      found.forEach(({ mean, variance }, s) => {
        parts[s]!.mean.data.set(mean.data, from * width);
        parts[s]!.variance.data.set(variance.data, from * width);
      });
    }
    return parts;
  };
  /** Each draw's last layer at x, all points jointly. */
  const jointly = (x: Matrix, count: number, of: (values: Gaussian, s: number) => Gaussian) =>
    Array.from({ length: count }, (_, s) => {
      const hidden = links(split(split(root, "joint"), s), layers.length - 1);
      const h = hidden.length > 0 ? through(hidden, x).at(-1)! : x;
      return of(last.gaussian(last.layer.skip ? sideBySide(h, x) : h), s);
    });

  const posterior: DeepPosterior = {
    inputs,
    outputs,
    model,
    at(x, draws = 100) {
      const parts = drawnAt(x, draws);
      const each = parts.map(({ mean, variance }) =>
        alone(columns(mean, 0, outputs), columns(variance, 0, outputs)),
      );
      return new DeepMarginal(equally(each), () =>
        equally(jointly(x, parts.length, noisy ? withoutNoiseFunction : (values) => values)),
      );
    },
    observed(x, draws = 100) {
      if (noisy) {
        const parts = drawnAt(x, draws);
        const seen = parts.flatMap(({ mean, variance }) =>
          likelihoods.seenThroughVaryingNoise(likelihood, mean, variance),
        );
        const each = new Mixture(
          seen.map(({ mean, variance }) => alone(mean, variance)),
          Float64Array.from(seen, ({ weight }) => weight / parts.length),
        );
        return new DeepMarginal(each, () =>
          equally(
            jointly(x, parts.length, (values, s) =>
              seenWithDrawnNoise(values, likelihood, split(split(root, "noise"), s)),
            ),
          ),
        );
      }
      const noise = likelihood.parameters.noiseVariance;
      if (likelihood.name !== "gaussian" || !noise) {
        throw new UsageError(
          `noisy observations are Gaussian only under that likelihood, this one is ${likelihood.name}: ask predictive or logPredictive`,
        );
      }
      return posterior.at(x, draws).withNoise(noise.value[0]!);
    },
    predictive: (x, draws = 100) =>
      averaged(drawnAt(x, draws).map(({ mean, variance }) => likelihood.predictive(mean, variance))),
    logPredictive(x, y, draws = 100) {
      const each = drawnAt(x, draws).map(({ mean, variance }) => likelihood.logPredictive(mean, variance, y));
      return Float64Array.from(
        { length: x.rows },
        (_, i) => logSumExp(Float64Array.from(each, (v) => v[i]!)) - Math.log(each.length),
      );
    },
    sampleLayers: (k, count) => Array.from({ length: count }, (_, s) => links(split(k, s), layers.length)),
    sample: (k, count) =>
      posterior.sampleLayers(k, count).map((of) => (noisy ? firstOf(chained(of)) : chained(of))),
    layersAt(x) {
      expectPoints(x, inputs);
      let h = x;
      return layers.map((layer, l) => {
        const moments =
          layer.kind === "fn"
            ? { mean: layer.fn.at(h), variance: matrix(x.rows, layer.width) }
            : ready[l]!.moments(layer.skip ? sideBySide(h, x) : h);
        h = moments.mean;
        return moments;
      });
    },
  };
  return posterior;
}

/** The last layer's moments at points, given each of `count` draws of the hidden values, a point at a time. */
function drawnMoments(
  { layers }: DeepModel,
  ready: readonly (Predictor | undefined)[],
  x: Matrix,
  count: number,
  k: Key,
): readonly { readonly mean: Matrix; readonly variance: Matrix }[] {
  // Up to its first Gaussian process all draws are one.
  let start = x;
  let first = 0;
  for (let layer = layers[first]!; layer.kind === "fn"; layer = layers[++first]!) start = layer.fn.at(start);
  const inputOf = (l: number, h: Matrix) => {
    const layer = layers[l]!;
    return layer.kind === "gp" && layer.skip ? sideBySide(h, x) : h;
  };
  const shared = ready[first]!.moments(inputOf(first, start));
  return Array.from({ length: count }, (_, s) => {
    let moments = shared;
    for (let l = first; l < layers.length - 1; ) {
      const { mean, variance } = moments;
      const noise = normal(split(split(k, s), l), mean.data.length);
      let h: Matrix = matrix(mean.rows, mean.cols);
      for (let i = 0; i < noise.length; i++) {
        h.data[i] = mean.data[i]! + Math.sqrt(variance.data[i]!) * noise[i]!;
      }
      for (l++; layers[l]!.kind === "fn"; l++) h = (layers[l] as FnLayer).fn.at(h);
      moments = ready[l]!.moments(inputOf(l, h));
    }
    return moments;
  });
}

function equally(components: readonly Gaussian[]): Mixture {
  return new Mixture(components, new Float64Array(components.length).fill(1 / components.length));
}

/** One prediction from several equally likely ones. */
function averaged(parts: readonly Predictive[]): Predictive {
  const average = (of: (part: Predictive) => Matrix): Matrix => {
    const first = of(parts[0]!);
    const out = matrix(first.rows, first.cols);
    for (const part of parts) {
      const { data } = of(part);
      for (let k = 0; k < data.length; k++) out.data[k]! += data[k]! / parts.length;
    }
    return out;
  };
  if (parts[0]!.kind === "classes") {
    return {
      kind: "classes",
      probabilities: average((part) => (part.kind === "classes" ? part.probabilities : part.mean)),
    };
  }
  const numbers = parts.flatMap((part) => (part.kind === "number" ? [part] : []));
  const mixed = equally(numbers.map(({ mean, variance }) => alone(mean, variance)));
  return { kind: "number", mean: mixed.mean, variance: mixed.variance };
}

/** Values that are looked at one by one: as if they were independent. */
function alone(mean: Matrix, variance: Matrix): Gaussian {
  return new Gaussian({
    rows: mean.rows,
    outputs: mean.cols,
    mean: () => mean,
    moments: () => ({ mean, variance }),
    covariance() {
      const size = variance.data.length;
      const out = matrix(size, size);
      for (let i = 0; i < size; i++) out.data[i * size + i] = variance.data[i]!;
      return out;
    },
  });
}
