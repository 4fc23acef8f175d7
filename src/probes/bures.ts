import { eigh, type Matrix, multiply } from "../linalg/index.ts";

/** tr (K^½ L K^½)^½ of two symmetric positive semi-definite matrices: their fidelity. */
export function fidelity(k: Matrix, l: Matrix): number {
  const root = squareRoot(k);
  const { values } = eigh(multiply(multiply(root, l), root));
  return values.reduce((s, v) => s + Math.sqrt(Math.max(0, v)), 0);
}

export function trace(a: Matrix): number {
  let sum = 0;
  for (let i = 0; i < a.rows; i++) sum += a.data[i * a.cols + i]!;
  return sum;
}

function squareRoot(a: Matrix): Matrix {
  const { values, vectors } = eigh(a);
  const data = vectors.data.map((v, k) => v * Math.sqrt(Math.max(0, values[k % a.cols]!)));
  return multiply({ ...vectors, data }, vectors, { b: true });
}
