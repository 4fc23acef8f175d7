import { type Matrix, matrix } from "../linalg/index.ts";

// Plain loops: `map` of a typed array takes several times as long, and these run over n² numbers.

/** a ∘ b · factor. */
export function hadamard(a: Matrix, b: Matrix, factor = 1): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let k = 0; k < out.data.length; k++) out.data[k] = factor * a.data[k]! * b.data[k]!;
  return out;
}

/** factor · a. */
export function times(a: Matrix, factor: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let k = 0; k < out.data.length; k++) out.data[k] = factor * a.data[k]!;
  return out;
}

/** Each entry to a whole power of at least 0. */
export function raised(a: Matrix, exponent: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let k = 0; k < out.data.length; k++) {
    const base = a.data[k]!;
    let value = 1;
    for (let t = 0; t < exponent; t++) value *= base;
    out.data[k] = value;
  }
  return out;
}

/** target ← target + factor · a, in place. For the owner of a fresh matrix only. */
export function addTo(target: Matrix, a: Matrix, factor = 1): void {
  for (let k = 0; k < target.data.length; k++) target.data[k]! += factor * a.data[k]!;
}
