import { ShapeError, UsageError } from "../errors/index.ts";
import {
  expectFinite,
  type Fn,
  type Matrix,
  matrix,
  type Precision,
  rowRange,
  sizeOf,
  toTensor,
} from "../linalg/index.ts";
import { key, split } from "../random/index.ts";
import type { Layer, Shape, Weights } from "./layer.ts";
import { forward } from "./passes.ts";
import { flatten, unflatten } from "./weights.ts";
import { inSequence, type NetworkPart, type Wiring, wire } from "./wiring.ts";

/** A function f(x; w): wired layers with their weights. As an `Fn` it takes one row a point. */
export interface Network extends Fn, Wiring {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly precision: Precision;
  /** Parameters, one record a layer. */
  readonly weights: readonly Weights[];
  /** What else the layers hold: running statistics, constants. One record a layer. */
  readonly buffers: readonly Weights[];
}

export interface NetworkOptions {
  /** Sizes of one example: [11] for a table with 11 columns. */
  readonly inputShape: Shape;
  /** Layers in turn; branches by `parallel` and `residual`. */
  readonly layers: readonly NetworkPart[];
  /** Seed of the initial weights. */
  readonly seed?: number;
  /** Precision of weights and activations; f32 unless said otherwise. */
  readonly precision?: Precision;
}

/** A network with freshly drawn weights. Throws ShapeError when a layer cannot take what the one before gives. */
export function network(options: NetworkOptions): Network {
  const { inputShape, seed = 0, precision = "f32" } = options;
  if (options.layers.length === 0) throw new UsageError("network: at least one layer is needed");
  return drawWeights({ inputShape, precision, ...wire(options.layers) }, seed);
}

/** A network of the same structure with freshly drawn weights and first buffers. */
export function drawWeights(
  parts: Pick<Network, "inputShape" | "precision" | "layers" | "sources">,
  seed: number,
): Network {
  const { inputShape, precision, layers, sources } = parts;
  const weights: Weights[] = [];
  eachShape(parts, (layer, i, [first]) => {
    weights.push(layer.init(split(split(key(seed), "layer"), i), first!, precision));
  });
  return networkOf({ inputShape, precision, layers, sources }, weights);
}

/** Visits the layers with the shapes of their inputs; returns the shape of the last one's output. */
function eachShape(
  { inputShape, layers, sources }: Wiring & { readonly inputShape: Shape },
  visit: (layer: Layer, index: number, inputs: readonly Shape[]) => void,
): Shape {
  const shapes: Shape[] = [];
  layers.forEach((layer, i) => {
    const inputs = sources[i]!.map((s) => (s < 0 ? inputShape : shapes[s]!));
    visit(layer, i, inputs);
    shapes.push(layer.outputShape(...(inputs as [Shape])));
  });
  return shapes.at(-1) ?? inputShape;
}

// Rows evaluated at a time by `at`: keeps activations small whatever the number of points.
const chunk = 4096;

/** What a network is besides its weights; layers follow one another, with their first buffers, unless said otherwise. */
export type NetworkParts = Pick<Network, "inputShape" | "layers" | "precision"> &
  Partial<Pick<Network, "sources" | "buffers">>;

/** The network of given weights. Throws ShapeError when they do not fit the layers. */
export function networkOf(parts: NetworkParts, weights: readonly Weights[]): Network {
  const { inputShape, layers, precision, sources = inSequence(layers.length) } = parts;
  const ordered: Weights[] = [];
  const buffers: Weights[] = [];
  const outputShape = eachShape({ inputShape, layers, sources }, (layer, i, inputs) => {
    ordered.push(inOrder(i, layer.weightShapes(...(inputs as [Shape])), weights[i] ?? {}));
    const first = layer.initBuffers?.(inputs[0]!, precision) ?? {};
    const given = parts.buffers?.[i] ?? first;
    const shapes = Object.fromEntries(Object.entries(first).map(([name, { shape }]) => [name, shape]));
    buffers.push(inOrder(i, shapes, given));
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
    sources,
    weights: ordered,
    buffers,
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

/** Whether a function is a network. */
export function isNetwork(fn: Fn): fn is Network {
  return "layers" in fn && "sources" in fn && "weights" in fn;
}

/** The given tensors in the layer's order, whatever that of a file; throws ShapeError when they are not the expected. */
function inOrder(index: number, expected: Readonly<Record<string, Shape>>, given: Weights): Weights {
  const names = Object.keys(expected);
  const extra = Object.keys(given).filter((name) => !names.includes(name));
  if (extra.length > 0) throw new ShapeError(`layer ${index} has no parameter "${extra[0]}"`);
  for (const name of names) {
    const want = expected[name]!.join(" × ");
    const got = given[name]?.shape.join(" × ") ?? "nothing";
    if (want !== got) throw new ShapeError(`layer ${index}: "${name}" should be ${want}, got ${got}`);
  }
  return Object.fromEntries(names.map((name) => [name, given[name]!]));
}

/** The network whose layers hold the given tensors, parameters and buffers together. Throws ShapeError as above. */
export function networkWithTensors(
  parts: Omit<NetworkParts, "buffers"> & Pick<Network, "sources">,
  tensors: readonly Weights[],
): Network {
  const weights: Weights[] = [];
  const buffers: Weights[] = [];
  eachShape(parts, (layer, i, [first]) => {
    const names = Object.keys(layer.initBuffers?.(first!, parts.precision) ?? {});
    const given = Object.entries(tensors[i] ?? {});
    buffers.push(Object.fromEntries(given.filter(([name]) => names.includes(name))));
    weights.push(Object.fromEntries(given.filter(([name]) => !names.includes(name))));
  });
  return networkOf({ ...parts, buffers }, weights);
}

/** The same function with its weights in another precision. */
export function withPrecision(net: Network, precision: Precision): Network {
  if (net.precision === precision) return net;
  const convert = (records: readonly Weights[]) => unflatten(flatten(records), records, precision);
  return networkOf({ ...net, precision, buffers: convert(net.buffers) }, convert(net.weights));
}
