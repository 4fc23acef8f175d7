import { type Matrix, matrix } from "../../src/linalg/index.ts";
import { key, normal, split } from "../../src/random/index.ts";

/** A matrix of standard normal numbers, the same for the same name. */
export function randomMatrix(rows: number, cols: number, name: string | number): Matrix {
  return matrix(rows, cols, normal(split(key(1), name), rows * cols));
}
