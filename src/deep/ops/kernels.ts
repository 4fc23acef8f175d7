import { UsageError } from "../../errors/index.ts";
import {
  freeParameters,
  type Gradient,
  type InputGradient,
  type Kernel,
  type LearnableFn,
} from "../../kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../../linalg/index.ts";
import type { Node, Tape } from "../tape.ts";

/** k(Z, Z), m × m. Derivatives in the kernel's parameters are gathered under the kernel. */
export function gramNode(tape: Tape, kernel: Kernel, z: Node): Node {
  return tape.record(
    kernel.gram(z.value),
    [z],
    (bar, [ofZ]) => {
      // Both of an entry and its mirror image are read: kernels ask for symmetric derivatives.
      const { parameters, inputs } = slopes(kernel, z.value, undefined, symmetrised(bar), ofZ === true);
      tape.gather(kernel, parameters);
      return [inputs?.x];
    },
    true,
  );
}

/** k(Z, X), m × n. */
export function crossNode(tape: Tape, kernel: Kernel, z: Node, x: Node): Node {
  return tape.record(
    kernel.cross(z.value, x.value),
    [z, x],
    (bar, [ofZ, ofX]) => {
      const { parameters, inputs } = slopes(kernel, z.value, x.value, bar, ofZ === true || ofX === true);
      tape.gather(kernel, parameters);
      return [inputs?.x, inputs?.z];
    },
    true,
  );
}

/** The diagonal of k(X, X), n × 1. */
export function diagonalNode(tape: Tape, kernel: Kernel, x: Node): Node {
  return tape.record(
    matrix(x.value.rows, 1, kernel.diagonal(x.value)),
    [x],
    (bar, [ofX]) => {
      if (kernel.pullbackDiagonal) {
        const { parameters, x: inX } = kernel.pullbackDiagonal(x.value, bar.data);
        tape.gather(kernel, parameters);
        return [inX];
      }
      return [throughBlocks(tape, kernel, x.value, bar.data, ofX === true)];
    },
    true,
  );
}

/** f(X), n × outputs. Derivatives in the function's parameters are gathered under the function. */
export function valueNode(tape: Tape, fn: LearnableFn, x: Node): Node {
  return tape.record(
    fn.at(x.value),
    [x],
    (bar) => {
      const pulled = fn.pullback(x.value, bar);
      tape.gather(fn, pulled.parameters);
      return [pulled.x];
    },
    freeParameters(fn.parameters).length > 0,
  );
}

function slopes(
  kernel: Kernel,
  x: Matrix,
  z: Matrix | undefined,
  bar: Matrix,
  inInputs: boolean,
): { readonly parameters: Gradient; readonly inputs?: InputGradient } {
  const inParameters = freeParameters(kernel.parameters).length > 0;
  if (!inInputs) return { parameters: inParameters ? kernel.pullback(x, z, bar) : {} };
  if (kernel.pullbackBoth) return kernel.pullbackBoth(x, z, bar);
  if (!kernel.pullbackInputs) {
    throw new UsageError(
      "a kernel that cannot be differentiated in its inputs belongs in the first layer, over inducing points that stay",
    );
  }
  return {
    parameters: inParameters ? kernel.pullback(x, z, bar) : {},
    inputs: kernel.pullbackInputs(x, z, bar),
  };
}

// Points whose Gram matrix is formed for the sake of its diagonal.
const block = 32;

/** The pull-back of a diagonal by that of small Gram matrices. */
function throughBlocks(
  tape: Tape,
  kernel: Kernel,
  x: Matrix,
  bar: Float64Array,
  inInputs: boolean,
): Matrix | undefined {
  const out = inInputs ? matrix(x.rows, x.cols) : undefined;
  for (let from = 0; from < x.rows; from += block) {
    const points = rowRange(x, from, Math.min(x.rows, from + block));
    const onGram = matrix(points.rows, points.rows);
    for (let i = 0; i < points.rows; i++) onGram.data[i * points.rows + i] = bar[from + i]!;
    const { parameters, inputs } = slopes(kernel, points, undefined, onGram, inInputs);
    tape.gather(kernel, parameters);
    if (out && inputs) out.data.set(inputs.x.data, from * x.cols);
  }
  return out;
}

function symmetrised(a: Matrix): Matrix {
  const n = a.rows;
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) out.data[i * n + j] = 0.5 * (a.data[i * n + j]! + a.data[j * n + i]!);
  }
  return out;
}
