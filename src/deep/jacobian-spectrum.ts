import { UsageError } from "../errors/index.ts";
import type { PathFn } from "../kernels/index.ts";
import { eigh, gramOf, type Matrix, matrix, rowRange } from "../linalg/index.ts";

/**
 * The singular values of a function's Jacobian at each point, largest first (n × min(inputs, outputs)). In deep
 * compositions of narrow layers all but the first vanish, and values gather: the pathologies of depth that Duvenaud et
 * al. 2014 ("Avoiding pathologies in very deep networks") found. Throws UsageError for a function without derivatives.
 */
export function jacobianSpectrum(fn: PathFn, x: Matrix): Matrix {
  const { inputs, outputs, pullbackInputs } = fn;
  if (!pullbackInputs) {
    throw new UsageError(
      "the function has no derivatives: its kernels should be smooth, such as rbf or matern52",
    );
  }
  // Row p of every point's Jacobian is the pull-back of output p.
  const rows = Array.from({ length: outputs }, (_, p) => {
    const bar = matrix(x.rows, outputs);
    for (let i = 0; i < x.rows; i++) bar.data[i * outputs + p] = 1;
    return pullbackInputs(x, bar);
  });
  const count = Math.min(inputs, outputs);
  const out = matrix(x.rows, count);
  for (let i = 0; i < x.rows; i++) {
    const jacobian = matrix(outputs, inputs);
    rows.forEach((slopes, p) => {
      jacobian.data.set(rowRange(slopes, i, i + 1).data, p * inputs);
    });
    const { values } = eigh(gramOf(jacobian, inputs < outputs));
    for (let c = 0; c < count; c++) {
      out.data[i * count + c] = Math.sqrt(Math.max(0, values[values.length - 1 - c]!));
    }
  }
  return out;
}
