import { UsageError } from "../errors/index.ts";
import type { PathFn } from "../kernels/index.ts";
import { type Matrix, matrix, reshape } from "../linalg/index.ts";
import { expectPoints, Gaussian, Mixture, type Process } from "../processes/index.ts";
import { type Key, key, split } from "../random/index.ts";
import { chained, type Link, pathOf, through } from "./chain.ts";
import { type DeepLayer, type GpLayer, type LayerPart, layersOf, priorPath } from "./layer.ts";
import { sideBySide } from "./ops/elementwise.ts";

/**
 * A deep Gaussian process before data: the composition of functions drawn layer by layer (Damianou & Lawrence 2013),
 * f(x) = f_L(… f_2(f_1(x))).
 */
export interface DeepProcess extends Process<Mixture> {
  readonly layers: readonly DeepLayer[];
  /**
   * The distribution of f at x: a mixture of Gaussians, one for each of so many draws (200 unless given) of the layers
   * before the last, always the same draws.
   */
  at(x: Matrix, draws?: number): Mixture;
  /** Functions drawn from it; with derivatives in their inputs where the kernels' paths have them. */
  sample(key: Key, count: number): readonly PathFn[];
  /** The layers of each such function: `sample`'s, one by one. */
  sampleLayers(key: Key, count: number): readonly (readonly Link[])[];
}

/**
 * The deep process of these parts, the first nearest to the input: `compose(gp(rbf()), gp(rbf()))` is p(f_2 ∘ f_1), and
 * `compose(net, gp(rbf()))` a Gaussian process of a network's features. Layers wider than one function, means by name
 * and skip connections are written with `gpLayer`. Throws UsageError for parts that do not fit together.
 */
export function compose(...parts: readonly LayerPart[]): DeepProcess {
  return deepProcess(layersOf(parts));
}

/** The process of layers that already fit together. */
export function deepProcess(layers: readonly DeepLayer[]): DeepProcess {
  const [first, last] = [layers[0]!, layers.at(-1)!];
  const inputs = inputsOfDeep(first);
  if (last.kind !== "gp") {
    throw new UsageError("the last layer of a deep process is a Gaussian process, this one is a function");
  }
  const links = (k: Key, of: readonly DeepLayer[]): readonly Link[] =>
    of.map((layer, l) =>
      layer.kind === "fn"
        ? { fn: pathOf(layer.fn), skip: false }
        : { fn: priorPath(layer, split(k, l)), skip: layer.skip },
    );
  const process: DeepProcess = {
    inputs,
    outputs: last.width,
    layers,
    at(x, draws = 200) {
      expectPoints(x, inputs);
      const hidden = layers.slice(0, -1);
      const count = hidden.some(({ kind }) => kind === "gp") ? draws : 1;
      const root = split(key(0), "prior");
      const components = Array.from({ length: count }, (_, s) => {
        const h = hidden.length > 0 ? through(links(split(root, s), hidden), x).at(-1)! : x;
        return priorMarginal(last, last.skip ? sideBySide(h, x) : h);
      });
      return new Mixture(components, new Float64Array(count).fill(1 / count));
    },
    sampleLayers: (k, count) => Array.from({ length: count }, (_, s) => links(split(k, s), layers)),
    sample: (k, count) => process.sampleLayers(k, count).map(chained),
  };
  return process;
}

/** Columns of a deep process's points: its first layer's, less those that a skip connection repeats. */
export function inputsOfDeep(first: DeepLayer): number {
  return first.kind === "gp" && first.skip ? first.inputs / 2 : first.inputs;
}

/** The Gaussian of a layer's values at points. */
function priorMarginal({ kernel, mean, width }: GpLayer, x: Matrix): Gaussian {
  return new Gaussian({
    rows: x.rows,
    outputs: width,
    mean: () => mean.at(x),
    moments() {
      const diagonal = kernel.diagonal(x);
      const variance = matrix(x.rows, width);
      for (let k = 0; k < variance.data.length; k++) variance.data[k] = diagonal[Math.floor(k / width)]!;
      return { mean: mean.at(x), variance };
    },
    covariance: () => independentOutputs(Array.from({ length: width }, () => kernel.gram(x))),
  });
}

/** The covariance of independent outputs (each n × n) as one matrix, point-major. */
export function independentOutputs(covariances: readonly Matrix[]): Matrix {
  const o = covariances.length;
  const n = covariances[0]!.rows;
  if (o === 1) return reshape(covariances[0]!, n, n);
  const out = matrix(n * o, n * o);
  covariances.forEach(({ data }, d) => {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) out.data[(i * o + d) * n * o + j * o + d] = data[i * n + j]!;
    }
  });
  return out;
}
