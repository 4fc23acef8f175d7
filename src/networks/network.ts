import { ShapeError, UsageError } from "../errors/index.ts";
import {
  expectFinite,
  type Fn,
  floats,
  type Matrix,
  matrix,
  type Precision,
  rowRange,
  sizeOf,
  type Tensor,
  toTensor,
} from "../linalg/index.ts";
import { key, split } from "../random/index.ts";
import type { Layer, Shape, Weights } from "./layer.ts";

/** A function f(x; w): layers applied in turn, with their weights. As an `Fn` it takes one row a point. */
export interface Network extends Fn {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly precision: Precision;
  readonly layers: readonly Layer[];
  /** One record a layer. */
  readonly weights: readonly Weights[];
}

export interface NetworkOptions {
  /** Sizes of one example: [11] for a table with 11 columns. */
  readonly inputShape: Shape;
  readonly layers: readonly Layer[];
  /** Seed of the initial weights. */
  readonly seed?: number;
  /** Precision of weights and activations; f32 unless said otherwise. */
  readonly precision?: Precision;
}

/** A network with freshly drawn weights. Throws ShapeError when a layer cannot take what the one before gives. */
export function network(options: NetworkOptions): Network {
  const { inputShape, layers, seed = 0, precision = "f32" } = options;
  if (layers.length === 0) throw new UsageError("network: at least one layer is needed");
  let shape = inputShape;
  const weights = layers.map((layer, i) => {
    const drawn = layer.init(split(split(key(seed), "layer"), i), shape, precision);
    shape = layer.outputShape(shape);
    return drawn;
  });
  return networkOf({ inputShape, layers, precision }, weights);
}

// Rows evaluated at a time by `at`: keeps activations small whatever the number of points.
const chunk = 4096;

/** The network of given weights. Throws ShapeError when they do not fit the layers. */
export function networkOf(
  { inputShape, layers, precision }: Pick<Network, "inputShape" | "layers" | "precision">,
  weights: readonly Weights[],
): Network {
  let outputShape = inputShape;
  layers.forEach((layer, i) => {
    const next = layer.outputShape(outputShape);
    expectWeights(i, layer.weightShapes(outputShape), weights[i] ?? {});
    outputShape = next;
  });
  const inputs = sizeOf(inputShape);
  const outputs = sizeOf(outputShape);
  const net: Network = {
    inputs,
    outputs,
    inputShape,
    outputShape,
    precision,
    layers,
    weights,
    at(x: Matrix): Matrix {
      expectFinite(x, "x");
      const out = matrix(x.rows, outputs);
      for (let from = 0; from < x.rows; from += chunk) {
        const part = rowRange(x, from, Math.min(x.rows, from + chunk));
        const { y } = forward(net, toTensor(part, inputShape, precision));
        out.data.set(y.data, from * outputs);
      }
      return out;
    },
  };
  return net;
}

function expectWeights(index: number, expected: Readonly<Record<string, Shape>>, given: Weights): void {
  const names = Object.keys(expected);
  const extra = Object.keys(given).filter((name) => !names.includes(name));
  if (extra.length > 0) throw new ShapeError(`layer ${index} has no parameter "${extra[0]}"`);
  for (const name of names) {
    const want = expected[name]!.join(" × ");
    const got = given[name]?.shape.join(" × ") ?? "nothing";
    if (want !== got) throw new ShapeError(`layer ${index}: "${name}" should be ${want}, got ${got}`);
  }
}

/** The forward pass of a batch, with each layer's tape. */
export function forward(net: Network, x: Tensor): { readonly y: Tensor; readonly tapes: readonly unknown[] } {
  const tapes: unknown[] = [];
  let y = x;
  net.layers.forEach((layer, i) => {
    const step = layer.forward(net.weights[i]!, y);
    y = step.y;
    tapes.push(step.tape);
  });
  return { y, tapes };
}

/**
 * The backward pass of one cotangent of the output: visits the layers from last to first with the cotangent that
 * reaches each one's output. The cotangent of the network's input is never formed.
 */
export function backward(
  net: Network,
  tapes: readonly unknown[],
  dy: Tensor,
  visit: (index: number, cotangent: Tensor) => void,
): void {
  let cotangent = dy;
  for (let i = net.layers.length - 1; i >= 0; i--) {
    visit(i, cotangent);
    if (i > 0) cotangent = net.layers[i]!.vjp(net.weights[i]!, tapes[i], cotangent).dx();
  }
}

/** The gradient of ⟨dy, y⟩ with respect to every weight, one record a layer. */
export function gradient(net: Network, tapes: readonly unknown[], dy: Tensor): Weights[] {
  const out: Weights[] = net.layers.map(() => ({}));
  backward(net, tapes, dy, (i, cotangent) => {
    out[i] = net.layers[i]!.vjp(net.weights[i]!, tapes[i], cotangent).dweights();
  });
  return out;
}

/** The tangent of the output when the weights move along `dweights`: J(x) dw, by forward accumulation. */
export function pushforward(net: Network, x: Tensor, dweights: readonly Weights[]): Tensor {
  let y = x;
  let dy: Tensor | undefined;
  net.layers.forEach((layer, i) => {
    const step = layer.forward(net.weights[i]!, y);
    const moved = Object.keys(dweights[i]!).length > 0 ? dweights[i] : undefined;
    // Before the first layer with weights nothing moves yet.
    if (dy || moved) dy = layer.jvp(net.weights[i]!, step.tape, dy, moved);
    y = step.y;
  });
  return dy ?? { shape: y.shape, data: floats(net.precision, y.data.length) };
}

/** The number of parameters. */
export function parameterCount(net: Network): number {
  return net.weights.reduce((sum, record) => sum + weightCount(record), 0);
}

/** The number of parameters of one layer. */
export function weightCount(record: Weights): number {
  return Object.values(record).reduce((sum, { data }) => sum + data.length, 0);
}

/** Every parameter tensor with its name ("0.weight"), layers in order. */
export function parameters(
  weights: readonly Weights[],
): { readonly name: string; readonly tensor: Tensor }[] {
  return weights.flatMap((record, i) =>
    Object.entries(record).map(([name, tensor]) => ({ name: `${i}.${name}`, tensor })),
  );
}

/** All weights as one f64 vector, in the order of `parameters`. */
export function flatten(weights: readonly Weights[]): Float64Array {
  const out = new Float64Array(weights.reduce((sum, record) => sum + weightCount(record), 0));
  let at = 0;
  for (const { tensor } of parameters(weights)) {
    out.set(tensor.data, at);
    at += tensor.data.length;
  }
  return out;
}

/** Weights of the shapes of `like` from one vector, in the order of `parameters`. */
export function unflatten(vector: Float64Array, like: readonly Weights[], precision: Precision): Weights[] {
  let at = 0;
  const out = like.map((record) =>
    Object.fromEntries(
      Object.entries(record).map(([name, { shape }]) => {
        const data = floats(precision, sizeOf(shape));
        data.set(vector.subarray(at, at + data.length));
        at += data.length;
        return [name, { shape, data }];
      }),
    ),
  );
  if (at !== vector.length) throw new ShapeError(`expected ${at} weights, got ${vector.length}`);
  return out;
}

/** The same function with its weights in another precision. */
export function withPrecision(net: Network, precision: Precision): Network {
  if (net.precision === precision) return net;
  return networkOf({ ...net, precision }, unflatten(flatten(net.weights), net.weights, precision));
}
