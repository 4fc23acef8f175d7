import { type Matrix, type Tensor, toTensor } from "../linalg/index.ts";
import {
  type Examples,
  flatten,
  forward,
  gradient,
  type Loss,
  type Network,
  networkOf,
  unflatten,
} from "../networks/index.ts";

/** A loss over all examples with what descends it. */
export interface Slope {
  readonly loss: number;
  /** The network's outputs at the examples. */
  readonly outputs: Tensor;
  /** ∂L/∂f at the examples. */
  readonly cotangents: Tensor;
  /** ∂L/∂w, in the order of `flatten`. */
  readonly weights: Float64Array;
}

/** The slope of a full-batch loss. */
export function slopeAt(net: Network, { x, y }: Examples, loss: Loss): Slope {
  const { y: outputs, tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
  const { value, dy } = loss.evaluate(outputs, y);
  return { loss: value, outputs, cotangents: dy, weights: flatten(gradient(net, tapes, dy)) };
}

/** The network with its weights moved along a direction. */
export function movedAlong(net: Network, direction: Float64Array, by: number): Network {
  const weights = flatten(net.weights).map((w, i) => w + by * direction[i]!);
  return networkOf(net, unflatten(weights, net.weights, net.precision));
}

/** A tensor of outputs, one row an example. */
export function outputRows({ shape, data }: Tensor): Matrix {
  return { rows: shape[0]!, cols: data.length / shape[0]!, data: Float64Array.from(data) };
}
