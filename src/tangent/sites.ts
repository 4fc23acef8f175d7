import { floats, type Matrix, type Tensor, toTensor } from "../linalg/index.ts";
import {
  backward,
  forward,
  type Layer,
  type Network,
  type TangentSide,
  weightCount,
} from "../networks/index.ts";

/** One layer's place in the tangent kernel of a batch of points: its tape and the cotangents that reach it. */
export interface TangentSite {
  /** The layer's position in the network. */
  readonly index: number;
  readonly layer: Layer;
  readonly side: TangentSide<unknown>;
  /** How many parameters the layer has. */
  readonly parameters: number;
}

/** Positions of the layers that have weights. */
export function weightedLayers(net: Network): readonly number[] {
  return net.weights.flatMap((record, i) => (Object.keys(record).length > 0 ? [i] : []));
}

/** The sites of all layers with weights, in order: one forward pass, and one backward pass for each output. */
export function tangentSites(net: Network, x: Matrix): readonly TangentSite[] {
  const { y, tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
  const cotangents: Tensor[][] = net.layers.map(() => []);
  for (let output = 0; output < net.outputs; output++) {
    const unit: Tensor = { shape: y.shape, data: floats(net.precision, y.data.length) };
    for (let i = 0; i < x.rows; i++) unit.data[i * net.outputs + output] = 1;
    backward(net, tapes, unit, (i, cotangent) => cotangents[i]!.push(cotangent));
  }
  return weightedLayers(net).map((index) => ({
    index,
    layer: net.layers[index]!,
    side: { tape: tapes[index], cotangents: cotangents[index]! },
    parameters: weightCount(net.weights[index]!),
  }));
}
