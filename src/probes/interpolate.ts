import { ShapeError } from "../errors/index.ts";
import { type Fn, floatsLike, type Matrix, matrix } from "../linalg/index.ts";
import { flatten, type Network, networkOf, unflatten } from "../networks/index.ts";
import { tangentFn } from "../tangent/index.ts";

/** The network at a + t (b − a) on the line between the weights of two networks of one structure. */
export function onLine(a: Network, b: Network, t: number): Network {
  const [from, to] = [flatten(a.weights), flatten(b.weights)];
  if (from.length !== to.length) {
    throw new ShapeError(`the networks have ${from.length} and ${to.length} weights: no line joins them`);
  }
  const weights = from.map((w, i) => w + t * (to[i]! - w));
  const mixed = a.buffers.map((record, i) =>
    Object.fromEntries(
      Object.entries(record).map(([name, { shape, data }]) => {
        const other = b.buffers[i]![name]!.data;
        const out = floatsLike(data, data.length);
        for (let k = 0; k < out.length; k++) out[k] = data[k]! + t * (other[k]! - data[k]!);
        return [name, { shape, data: out }];
      }),
    ),
  );
  return networkOf({ ...a, buffers: mixed }, unflatten(weights, a.weights, a.precision));
}

/** √Σ (w_a − w_b)²: how far apart two networks of one structure are as weights. */
export function weightDistance(a: Network, b: Network): number {
  const [from, to] = [flatten(a.weights), flatten(b.weights)];
  if (from.length !== to.length) {
    throw new ShapeError(`the networks have ${from.length} and ${to.length} weights`);
  }
  return Math.sqrt(from.reduce((s, w, i) => s + (w - to[i]!) ** 2, 0));
}

/**
 * The function of `moved` as the linearisation of `net` sees it: f(x; w) + J(x; w)(w′ − w). Where the two agree the
 * network is a kernel machine with the tangent kernel at w.
 */
export function linearisation(net: Network, moved: Network): Fn {
  const to = flatten(moved.weights);
  const step = tangentFn(
    net,
    flatten(net.weights).map((w, i) => to[i]! - w),
  );
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at(x: Matrix) {
      const base = net.at(x);
      const change = step.at(x);
      return matrix(
        base.rows,
        base.cols,
        base.data.map((v, k) => v + change.data[k]!),
      );
    },
  };
}
