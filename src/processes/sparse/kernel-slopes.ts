import { type Gradient, type Kernel, sumGradients } from "../../kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../../linalg/index.ts";

/** Derivatives in a kernel's parameters and, where they were asked for, in the first of its points. */
export interface KernelSlopes {
  readonly parameters: Gradient;
  readonly points: Matrix | undefined;
}

/** ∂⟨bar, k(Z, X)⟩ in the parameters and, with `inPoints`, in Z; x left out for Z itself (bar symmetric). */
export function kernelSlopes(
  kernel: Kernel,
  z: Matrix,
  x: Matrix | undefined,
  bar: Matrix,
  inPoints: boolean,
): KernelSlopes {
  if (inPoints && kernel.pullbackBoth) {
    const { parameters, inputs } = kernel.pullbackBoth(z, x, bar);
    return { parameters, points: inputs.x };
  }
  return {
    parameters: kernel.pullback(z, x, bar),
    points: inPoints ? kernel.pullbackInputs?.(z, x, bar).x : undefined,
  };
}

// Points whose Gram matrix is formed for the sake of its diagonal.
const block = 32;

/** ∂⟨bar, diagonal(X)⟩ in the kernel's parameters; where it has no way of its own, by small Gram matrices. */
export function diagonalSlopes(kernel: Kernel, x: Matrix, bar: Float64Array): Gradient {
  if (kernel.pullbackDiagonal) return kernel.pullbackDiagonal(x, bar).parameters;
  let total: Gradient = {};
  for (let from = 0; from < x.rows; from += block) {
    const part = rowRange(x, from, Math.min(x.rows, from + block));
    const size = part.rows * kernel.outputs;
    const square = matrix(size, size);
    for (let i = 0; i < size; i++) square.data[i * (size + 1)] = bar[from * kernel.outputs + i]!;
    total = sumGradients(total, kernel.pullback(part, undefined, square));
  }
  return total;
}
