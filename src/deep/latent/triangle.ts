import { type Matrix, matrix } from "../../linalg/index.ts";

// The lower triangle of a symmetric m × m matrix, row by row: entry (i, j ≤ i) is at i (i + 1) / 2 + j.

/** How many numbers the triangle holds. */
export function triangleSize(m: number): number {
  return (m * (m + 1)) / 2;
}

/** The symmetric matrix of a triangle. */
export function fromTriangle(triangle: Float64Array, m: number): Matrix {
  const out = matrix(m, m);
  for (let i = 0, k = 0; i < m; i++) {
    for (let j = 0; j <= i; j++, k++) {
      out.data[i * m + j] = triangle[k]!;
      out.data[j * m + i] = triangle[k]!;
    }
  }
  return out;
}

/**
 * The derivative in a triangle's numbers, from that in the symmetric matrix (itself symmetric): a number off the
 * diagonal stands for two entries. Its dot product with a triangle is the trace of the product of the matrices.
 */
export function triangleBar(
  { rows: m, data }: Matrix,
  out: Float64Array = new Float64Array(triangleSize(m)),
): Float64Array {
  for (let i = 0, k = 0; i < m; i++) {
    for (let j = 0; j < i; j++, k++) out[k] = data[i * m + j]! + data[j * m + i]!;
    out[k++] = data[i * m + i]!;
  }
  return out;
}
