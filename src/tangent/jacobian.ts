import {
  expectShape,
  type Fn,
  type LinearOperator,
  type Matrix,
  matrix,
  toMatrix,
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
      const { y, tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
      const out = matrix(cols, u.cols);
      for (let c = 0; c < u.cols; c++) {
        const data = y.data.slice();
        data.set(column(u, c));
        writeColumn(out, c, flatten(gradient(net, tapes, { shape: y.shape, data })));
      }
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
    at: (x) => toMatrix(pushforward(net, toTensor(x, net.inputShape, net.precision), dweights)),
  };
}

function column(a: Matrix, c: number): Float64Array {
  return Float64Array.from({ length: a.rows }, (_, i) => a.data[i * a.cols + c]!);
}

function writeColumn(a: Matrix, c: number, values: ArrayLike<number>): void {
  for (let i = 0; i < a.rows; i++) a.data[i * a.cols + c] = values[i]!;
}
