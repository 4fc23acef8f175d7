import type { Matrix } from "./matrix.ts";

/**
 * The derivative in a symmetric matrix, of which one triangle is there: scale · (A − v vᵀ), A the lower triangle of
 * `matrix` (n × n, the rest of it is anything), v left out for 0.
 */
export interface LowerBar {
  readonly matrix: Matrix;
  readonly scale: number;
  readonly vector: Float64Array | undefined;
}

/** It whole, in the matrix's own array. */
export function wholeBar({ matrix, scale, vector }: LowerBar): Matrix {
  const { rows: n, data } = matrix;
  const tile = 32; // both triangles stay in cache
  for (let i0 = 0; i0 < n; i0 += tile) {
    for (let j0 = 0; j0 <= i0; j0 += tile) {
      for (let i = i0; i < Math.min(n, i0 + tile); i++) {
        const v = vector ? vector[i]! : 0;
        for (let j = j0; j <= Math.min(i, j0 + tile - 1); j++) {
          const value = scale * (data[i * n + j]! - (vector ? v * vector[j]! : 0));
          data[i * n + j] = value;
          data[j * n + i] = value;
        }
      }
    }
  }
  return matrix;
}

/** The sum of its diagonal. */
export function traceOfBar({ matrix, scale, vector }: LowerBar): number {
  let trace = 0;
  for (let i = 0; i < matrix.rows; i++) {
    trace += matrix.data[i * (matrix.rows + 1)]! - (vector ? vector[i]! ** 2 : 0);
  }
  return scale * trace;
}
