import { type Matrix, matrix } from "../linalg/index.ts";

/**
 * A block-diagonal root R of a likelihood's curvature W = R Rᵀ: one o × r block an example, kept one below the other
 * as n·o × r. As a matrix it would be n·o × n·r.
 */
export interface BlockRoot {
  readonly blocks: Matrix;
  readonly outputs: number;
}

/** Rᵀ A for A of n·o × k: n·r × k. */
export function rootTransposedTimes({ blocks, outputs }: BlockRoot, a: Matrix): Matrix {
  const { cols: rank, data: root } = blocks;
  const examples = blocks.rows / outputs;
  const out = matrix(examples * rank, a.cols);
  for (let i = 0; i < examples; i++) {
    for (let p = 0; p < outputs; p++) {
      const from = (i * outputs + p) * a.cols;
      for (let b = 0; b < rank; b++) {
        const factor = root[(i * outputs + p) * rank + b]!;
        if (factor === 0) continue;
        const to = (i * rank + b) * a.cols;
        for (let c = 0; c < a.cols; c++) out.data[to + c]! += factor * a.data[from + c]!;
      }
    }
  }
  return out;
}

/** R A for A of n·r × k: n·o × k. */
export function rootTimes({ blocks, outputs }: BlockRoot, a: Matrix): Matrix {
  const { cols: rank, data: root } = blocks;
  const examples = blocks.rows / outputs;
  const out = matrix(examples * outputs, a.cols);
  for (let i = 0; i < examples; i++) {
    for (let p = 0; p < outputs; p++) {
      const to = (i * outputs + p) * a.cols;
      for (let b = 0; b < rank; b++) {
        const factor = root[(i * outputs + p) * rank + b]!;
        if (factor === 0) continue;
        const from = (i * rank + b) * a.cols;
        for (let c = 0; c < a.cols; c++) out.data[to + c]! += factor * a.data[from + c]!;
      }
    }
  }
  return out;
}

/** A R for A of k × n·o: k × n·r. */
export function timesRoot(a: Matrix, { blocks, outputs }: BlockRoot): Matrix {
  const { cols: rank, data: root } = blocks;
  const examples = blocks.rows / outputs;
  const out = matrix(a.rows, examples * rank);
  for (let k = 0; k < a.rows; k++) {
    for (let i = 0; i < examples; i++) {
      const to = k * out.cols + i * rank;
      for (let p = 0; p < outputs; p++) {
        const v = a.data[k * a.cols + i * outputs + p]!;
        const from = (i * outputs + p) * rank;
        for (let b = 0; b < rank; b++) out.data[to + b]! += v * root[from + b]!;
      }
    }
  }
  return out;
}

/** I + Rᵀ K R, n·r square. */
export function identityPlus(gram: Matrix, root: BlockRoot): Matrix {
  const out = rootTransposedTimes(root, timesRoot(gram, root));
  for (let i = 0; i < out.rows; i++) out.data[i * out.cols + i]! += 1;
  return out;
}

/** The blocks on the diagonal of a square matrix, `size` square each, one below the other. */
export function diagonalBlocks(a: Matrix, size: number): Matrix {
  const out = matrix(a.rows, size);
  for (let i = 0; i < a.rows; i++) {
    const from = i * a.cols + i - (i % size);
    out.data.set(a.data.subarray(from, from + size), i * size);
  }
  return out;
}
