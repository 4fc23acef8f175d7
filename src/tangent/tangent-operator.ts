import { expectShape, type LinearOperator, type Matrix, matrix, takeRows } from "../linalg/index.ts";
import { column, jacobianOperator, writeColumn } from "./jacobian.ts";
import { type TangentKernel, weightDeviations } from "./tangent-kernel.ts";

/** K(x, z) of a tangent kernel as an operator, with the entries that are asked for. */
export interface TangentOperator extends LinearOperator {
  /** K(x, z) of chosen points alone, by their positions in x and in z: point-major, as the whole would be. */
  block(rows: ArrayLike<number>, cols: ArrayLike<number>): Matrix;
  /** The diagonal of K(x, x). */
  diagonal(): Float64Array;
}

/**
 * K(x, z) v = J(x) S J(z)ᵀ v, S the scales: for each column of v (and each output, unless the kernel is "full") one
 * pass back through the network at z and one forward at x; the matrix is never formed. In the network's own precision.
 */
export function tangentOperator(kernel: TangentKernel, x: Matrix, z: Matrix = x): TangentOperator {
  const { network, outputs } = kernel;
  const variances = weightDeviations(kernel).map((s) => s * s);
  const [atX, atZ] = [jacobianOperator(network, x), jacobianOperator(network, z)];

  /** to S fromᵀ v, both Jacobians' rows restricted to output p where given. */
  const along = (from: LinearOperator, to: LinearOperator, v: Float64Array, p?: number): Float64Array => {
    const o = network.outputs;
    const u =
      p === undefined ? v : new Float64Array(from.rows).map((_, k) => (k % o === p ? pick(v, k, p) : 0));
    const w = from.applyTranspose(matrix(u.length, 1, u)).data.map((g, i) => variances[i]! * g);
    const moved = to.apply(matrix(w.length, 1, w)).data;
    return p === undefined ? moved : moved.map((value, k) => (k % o === p ? value : 0));
  };
  const pick = (v: Float64Array, k: number, p: number): number =>
    v[outputs === 1 ? (k - p) / network.outputs : k]!;

  const product = (from: LinearOperator, to: LinearOperator, rows: number, v: Matrix): Matrix => {
    expectShape(v, "v", (from.rows / network.outputs) * outputs, undefined);
    const out = matrix(rows * outputs, v.cols);
    for (let c = 0; c < v.cols; c++) {
      const values = column(v, c);
      if (kernel.options.outputs === "full") {
        writeColumn(out, c, along(from, to, values));
        continue;
      }
      // Outputs that move with weights of their own.
      for (let p = 0; p < network.outputs; p++) {
        const moved = along(from, to, values, p);
        for (let i = 0; i < rows; i++) {
          out.data[(i * outputs + (outputs === 1 ? 0 : p)) * v.cols + c]! += moved[i * network.outputs + p]!;
        }
      }
    }
    return out;
  };
  return {
    rows: x.rows * outputs,
    cols: z.rows * outputs,
    apply: (v) => product(atZ, atX, x.rows, v),
    applyTranspose: (u) => product(atX, atZ, z.rows, u),
    block: (rows, cols) => kernel.cross(takeRows(x, rows), takeRows(z, cols)),
    diagonal: () => kernel.diagonal(x),
  };
}
