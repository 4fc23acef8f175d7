import { ShapeError } from "../errors/index.ts";
import { floats, type Precision, sizeOf, type Tensor } from "../linalg/index.ts";
import type { Weights } from "./layer.ts";
import type { Network } from "./network.ts";

/** The number of parameters. */
export function parameterCount(net: Network): number {
  return net.weights.reduce((sum, record) => sum + weightCount(record), 0);
}

/** The number of parameters of one layer. */
export function weightCount(record: Weights): number {
  return Object.values(record).reduce((sum, { data }) => sum + data.length, 0);
}

/** Positions of the layers that have parameters. */
export function weightedLayers(net: Network): readonly number[] {
  return net.weights.flatMap((record, i) => (Object.keys(record).length > 0 ? [i] : []));
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
