import { UsageError } from "../errors/index.ts";
import { type Gradient, type Kernel, type Parameters, positive } from "../kernels/index.ts";
import { expectShape, type Matrix, matrix, multiply } from "../linalg/index.ts";
import type { Layer } from "../networks/index.ts";
import { addStates, type LimitState, type LimitStep } from "./limit-state.ts";
import { activationLimit, denseLimit, layerNormLimit, sumLimit } from "./limits.ts";
import { type Architecture, drawnFunction } from "./wide-network.ts";

/** A network of infinite width, as two kernels that share their parameters. */
export interface InfiniteNetwork {
  /** The covariance of the outputs over random weights: the network at initialisation is a GP (Neal 1996; Lee et al. 2018). */
  readonly nngp: Kernel;
  /** The tangent kernel, which stays as it is through training (Jacot et al. 2018). */
  readonly ntk: Kernel;
  /** Both at once: k(X, Z), z left out for X itself. */
  both(x: Matrix, z?: Matrix): { readonly nngp: Matrix; readonly ntk: Matrix };
}

export interface InfiniteOptions {
  /** Variance of each dense layer's weights, times its fan-in; 2 unless given. */
  readonly weightVariance?: number | readonly number[];
  /** Variance of its biases; 0.01 unless given. */
  readonly biasVariance?: number | readonly number[];
}

/**
 * The infinite-width limit of a network's own definition, in the NTK parametrisation: its widths and weights do not
 * matter, its layers and their wiring do. Dense layers, sums of branches, layer normalisation and every activation have
 * limits; of several outputs each has the same kernel. Parameters are the variances "weight.0", "bias.0", "weight.2", …
 * by the layer's position. Throws UsageError for a layer without a limit.
 */
export function infinite(net: Architecture, options: InfiniteOptions = {}): InfiniteNetwork {
  const dense = net.layers.flatMap(({ definition }, i) => (definition.kind === "dense" ? [i] : []));
  if (dense.at(-1) !== net.layers.length - 1) {
    throw new UsageError("infinite: the last layer should be dense: it is what is summed over the width");
  }
  const at = (given: number | readonly number[] | undefined, l: number, usual: number) =>
    (typeof given === "number" ? given : given?.[l]) ?? usual;
  const parameters: Parameters = Object.fromEntries(
    dense.flatMap((i, l) => {
      const weight = [`weight.${i}`, positive(`weight.${i}`, at(options.weightVariance, l, 2))] as const;
      if (net.layers[i]!.definition.bias === false) return [weight];
      return [weight, [`bias.${i}`, positive(`bias.${i}`, at(options.biasVariance, l, 0.01))] as const];
    }),
  );
  return infiniteOf(net, parameters);
}

function infiniteOf(net: Architecture, parameters: Parameters): InfiniteNetwork {
  const variance = (name: string, i: number) => parameters[`${name}.${i}`]?.value[0] ?? 0;
  const step = (layer: Layer, i: number, from: readonly LimitState[]): LimitStep => {
    switch (layer.definition.kind) {
      case "dense":
        return denseLimit(from[0]!, { weight: variance("weight", i), bias: variance("bias", i) });
      case "fanInSum":
        return sumLimit(from);
      case "layerNorm":
        return layerNormLimit(from[0]!);
      case "flatten":
      case "dropout":
        return { state: from[0]!, pullback: (bar) => ({ inputs: [bar], parameters: {} }) };
      default:
        return activationLimit(layer, from[0]!);
    }
  };
  const steps = (x: Matrix, z: Matrix): readonly LimitStep[] => {
    const input = inputState(x, z);
    const done: LimitStep[] = [];
    net.layers.forEach((layer, i) => {
      done.push(
        step(
          layer,
          i,
          net.sources[i]!.map((s) => (s < 0 ? input : done[s]!.state)),
        ),
      );
    });
    return done;
  };
  const both = (x: Matrix, z: Matrix = x) => {
    expectShape(x, "x", undefined, net.inputs);
    expectShape(z, "z", undefined, net.inputs);
    const { nngp, ntk } = steps(x, z).at(-1)!.state;
    return { nngp: matrix(x.rows, z.rows, nngp), ntk: matrix(x.rows, z.rows, ntk) };
  };
  const gradientOf = (which: "nngp" | "ntk", x: Matrix, z: Matrix, bar: Matrix): Gradient => {
    expectShape(bar, "bar", x.rows, z.rows);
    const done = steps(x, z);
    const bars: (LimitState | undefined)[] = net.layers.map(() => undefined);
    const { state } = done.at(-1)!;
    bars[net.layers.length - 1] = {
      nngp: which === "nngp" ? bar.data : new Float64Array(bar.data.length),
      ntk: which === "ntk" ? bar.data : new Float64Array(bar.data.length),
      rows: new Float64Array(state.rows.length),
      cols: new Float64Array(state.cols.length),
    };
    const out: Record<string, Float64Array> = {};
    for (let i = net.layers.length - 1; i >= 0; i--) {
      const own = bars[i];
      if (!own) continue;
      const { inputs, parameters: slopes } = done[i]!.pullback(own);
      for (const [name, slope] of Object.entries(slopes)) {
        if (`${name}.${i}` in parameters) out[`${name}.${i}`] = Float64Array.of(slope);
      }
      net.sources[i]!.forEach((s, input) => {
        if (s >= 0) bars[s] = bars[s] ? addStates(bars[s], inputs[input]!) : inputs[input]!;
      });
    }
    return out;
  };
  const kernel = (which: "nngp" | "ntk"): Kernel => ({
    outputs: 1,
    inputs: net.inputs,
    parameters,
    with: (next) => infiniteOf(net, next)[which],
    gram: (x) => symmetric(both(x)[which]),
    cross: (x, z) => both(x, z)[which],
    diagonal(x) {
      const out = new Float64Array(x.rows);
      for (let i = 0; i < x.rows; i++) {
        const point = { rows: 1, cols: x.cols, data: x.data.subarray(i * x.cols, (i + 1) * x.cols) };
        out[i] = both(point)[which].data[0]!;
      }
      return out;
    },
    pullback: (x, z, bar) => gradientOf(which, x, z ?? x, bar),
    path: (key) => drawnFunction(net, parameters, which, key),
  });
  return { nngp: kernel("nngp"), ntk: kernel("ntk"), both };
}

/** Inputs as the first layer's values: x·z / d, |x|² / d. */
function inputState(x: Matrix, z: Matrix): LimitState {
  const d = x.cols;
  const norms = (a: Matrix) => {
    const out = new Float64Array(a.rows);
    a.data.forEach((v, k) => {
      out[Math.floor(k / d)]! += (v * v) / d;
    });
    return out;
  };
  const { data } = multiply(x, z, { b: true });
  for (let k = 0; k < data.length; k++) data[k]! /= d;
  const rows = norms(x);
  // One array on both sides tells the steps that they need be computed once.
  return { nngp: data, ntk: new Float64Array(data.length), rows, cols: z === x ? rows : norms(z) };
}

function symmetric(a: Matrix): Matrix {
  const out = { ...a, data: a.data.slice() };
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < i; j++) out.data[j * a.rows + i] = out.data[i * a.rows + j]!;
  }
  return out;
}
