import {
  expectShape,
  type Fn,
  floatsLike,
  type LinearOperator,
  type Matrix,
  matrix,
  toTensor,
} from "../linalg/index.ts";
import {
  flatten,
  forward,
  gradient,
  type Network,
  parameterCount,
  pushforward,
  unflatten,
} from "../networks/index.ts";
import { pointBlocks, pointsAtOnce } from "./point-blocks.ts";
import { tangentSites } from "./sites.ts";

/**
 * J(x) as an operator: n·o × p, rows point-major, columns in the order of `flatten(net.weights)`. J v is one pass
 * forward, Jᵀ u one backward, for each column; the matrix is never formed. In the network's own precision.
 */
export function jacobianOperator(net: Network, x: Matrix): LinearOperator {
  const rows = x.rows * net.outputs;
  const cols = parameterCount(net);
  return {
    rows,
    cols,
    apply(v) {
      expectShape(v, "v", cols, undefined);
      const out = matrix(rows, v.cols);
      for (let c = 0; c < v.cols; c++) writeColumn(out, c, tangentFn(net, column(v, c)).at(x).data);
      return out;
    },
    applyTranspose(u) {
      expectShape(u, "u", rows, undefined);
      const sums = Array.from({ length: u.cols }, () => new Float64Array(cols));
      for (const { points, from } of pointBlocks(x, pointsAtOnce(net, 1))) {
        const { y, tapes } = forward(net, toTensor(points, net.inputShape, net.precision));
        sums.forEach((sum, c) => {
          const part = column(u, c, from * net.outputs, (from + points.rows) * net.outputs);
          const data = floatsLike(y.data, part.length);
          data.set(part);
          addTo(sum, flatten(gradient(net, tapes, { shape: y.shape, data })));
        });
      }
      const out = matrix(cols, u.cols);
      sums.forEach((sum, c) => {
        writeColumn(out, c, sum);
      });
      return out;
    },
  };
}

/** J(x) written out, n·o × p: for weight space with few parameters, and for tests. */
export function jacobian(net: Network, x: Matrix): Matrix {
  const out = matrix(x.rows * net.outputs, parameterCount(net));
  let column = 0;
  for (const site of tangentSites(net, x)) {
    site.layer.writeJacobian!(site.side, out, column);
    column += site.parameters;
  }
  return out;
}

/** The function x ↦ J(x) v: what the network's linearisation adds when its weights move by v. */
export function tangentFn(net: Network, v: Float64Array): Fn {
  const dweights = unflatten(v, net.weights, net.precision);
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at(x) {
      const out = matrix(x.rows, net.outputs);
      for (const { points, from } of pointBlocks(x, pointsAtOnce(net, 0))) {
        const moved = pushforward(net, toTensor(points, net.inputShape, net.precision), dweights);
        out.data.set(moved.data, from * net.outputs);
      }
      return out;
    },
  };
}

/** Rows `from` to `to` of column c. */
export function column(a: Matrix, c: number, from = 0, to: number = a.rows): Float64Array {
  const out = new Float64Array(to - from);
  for (let i = from; i < to; i++) out[i - from] = a.data[i * a.cols + c]!;
  return out;
}

export function writeColumn(a: Matrix, c: number, values: ArrayLike<number>): void {
  for (let i = 0; i < a.rows; i++) a.data[i * a.cols + c] = values[i]!;
}

function addTo(sum: Float64Array, part: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
}
