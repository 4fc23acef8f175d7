import { type Block, engine, type Operand } from "../engine/index.ts";
import { ShapeError } from "../errors/index.ts";
import { type Matrix, matrix } from "./matrix.ts";

/** A whole matrix as the engine's block. */
export function block(a: Matrix): Block {
  return { data: a.data, offset: 0, stride: a.cols };
}

/** A whole matrix as the engine's operand. */
export function operand(a: Matrix, transposed = false): Operand {
  return { data: a.data, offset: 0, stride: a.cols, transposed };
}

/** op(A) op(B), each transposed on request. */
export function multiply(a: Matrix, b: Matrix, transposed: { a?: boolean; b?: boolean } = {}): Matrix {
  const { a: ta = false, b: tb = false } = transposed;
  const [m, k] = ta ? [a.cols, a.rows] : [a.rows, a.cols];
  const [inner, n] = tb ? [b.cols, b.rows] : [b.rows, b.cols];
  if (k !== inner)
    throw new ShapeError(`cannot multiply ${m} × ${k} by ${inner} × ${n}: the inner sizes differ`);
  const out = matrix(m, n);
  engine().gemm(m, n, k, 1, operand(a, ta), operand(b, tb), 0, block(out));
  return out;
}

/** A Aᵀ, or Aᵀ A when `transposed`; both triangles are filled. */
export function gramOf(a: Matrix, transposed = false): Matrix {
  const [n, k] = transposed ? [a.cols, a.rows] : [a.rows, a.cols];
  const out = matrix(n, n);
  engine().syrk(n, k, 1, operand(a, transposed), 0, block(out));
  mirror(out);
  return out;
}

/** Copies the lower triangle onto the upper one, in place. For the owner of a fresh matrix only. */
export function mirror(a: Matrix): void {
  const n = a.rows;
  const tile = 32; // both triangles stay in cache
  for (let i0 = 0; i0 < n; i0 += tile) {
    for (let j0 = 0; j0 <= i0; j0 += tile) {
      for (let i = i0; i < Math.min(n, i0 + tile); i++) {
        for (let j = j0; j < Math.min(i, j0 + tile); j++) a.data[j * n + i] = a.data[i * n + j]!;
      }
    }
  }
}
