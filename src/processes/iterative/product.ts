import { type Gradient, type Kernel, sumGradients } from "../../kernels/index.ts";
import { type Matrix, matrix, multiply, rowRange } from "../../linalg/index.ts";
import { besides } from "./columns.ts";

// Numbers of a block of the matrix held at a time: 8 MB.
const blockSize = 2 ** 20;

/** k(X, X) v without ever holding k(X, X): by the kernel's fused product, or block by block where it has none. */
export function gramTimes(kernel: Kernel, x: Matrix, v: Matrix): Matrix {
  if (kernel.multiply) return kernel.multiply(x, undefined, v);
  const out = matrix(v.rows, v.cols);
  for (const { a, b, rows, cols, diagonal } of lowerBlocks(kernel, x)) {
    const k = diagonal ? kernel.gram(a) : kernel.cross(a, b);
    addRows(out, rows.from, multiply(k, rowRange(v, cols.from, cols.to)));
    if (!diagonal) addRows(out, cols.from, multiply(k, rowRange(v, rows.from, rows.to), { a: true }));
  }
  return out;
}

/** k(X, Z) v, for other points Z. */
export function crossTimes(kernel: Kernel, x: Matrix, z: Matrix, v: Matrix): Matrix {
  if (kernel.multiply) return kernel.multiply({ ...x }, z, v);
  const out = matrix(x.rows * kernel.outputs, v.cols);
  kernelRows(kernel, x, z, (cross, from) => {
    out.data.set(multiply(cross, v).data, from * kernel.outputs * v.cols);
  });
  return out;
}

/** Visits k(X, Z) some rows at a time, with the first point of each lot. */
export function kernelRows(
  kernel: Kernel,
  x: Matrix,
  z: Matrix,
  visit: (cross: Matrix, from: number) => void,
): void {
  // A matrix of its own: given one matrix twice, kernels take points for themselves (white noise).
  const points = { ...x };
  const step = Math.max(1, Math.floor(blockSize / (z.rows * kernel.outputs ** 2)));
  for (let from = 0; from < x.rows; from += step) {
    visit(kernel.cross(rowRange(points, from, Math.min(x.rows, from + step)), z), from);
  }
}

/**
 * The pull-back of Σ_c ½ (u_c w_cᵀ + w_c u_cᵀ), a derivative in k(X, X) given by its factors U and W (n·o × r each), to
 * the kernel's parameters: block by block, each once for both triangles.
 */
export function pullBackFactors(kernel: Kernel, x: Matrix, u: Matrix, w: Matrix): Gradient {
  let total: Gradient = {};
  // [U W] [W U]ᵀ is the sum of both products, made in one.
  const [left, right] = [besides(u, w), besides(w, u)];
  for (const { a, b, rows, cols, diagonal } of lowerBlocks(kernel, x)) {
    const bar = multiply(rowRange(left, rows.from, rows.to), rowRange(right, cols.from, cols.to), {
      b: true,
    });
    // Off the diagonal a block stands for its mirror image too.
    if (diagonal) for (let k = 0; k < bar.data.length; k++) bar.data[k]! *= 0.5;
    total = sumGradients(total, kernel.pullback(a, diagonal ? undefined : b, bar));
  }
  return total;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

interface LowerBlock {
  readonly a: Matrix;
  readonly b: Matrix;
  /** Of the matrix. */
  readonly rows: Range;
  readonly cols: Range;
  readonly diagonal: boolean;
}

/** The blocks of k(X, X) on and below its diagonal. */
function* lowerBlocks({ outputs }: Kernel, x: Matrix): Generator<LowerBlock> {
  const step = Math.max(1, Math.floor(Math.sqrt(blockSize) / outputs));
  const range = (from: number): Range => ({
    from: from * outputs,
    to: Math.min(x.rows, from + step) * outputs,
  });
  for (let i = 0; i < x.rows; i += step) {
    for (let j = 0; j <= i; j += step) {
      const part = (from: number) => rowRange(x, from, Math.min(x.rows, from + step));
      yield { a: part(i), b: part(j), rows: range(i), cols: range(j), diagonal: i === j };
    }
  }
}

function addRows(out: Matrix, from: number, part: Matrix): void {
  const start = from * out.cols;
  for (let k = 0; k < part.data.length; k++) out.data[start + k]! += part.data[k]!;
}
