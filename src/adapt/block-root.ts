import { type Matrix, matrix, mirror } from "../linalg/index.ts";

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

/** I + Rᵀ K R for a symmetric K, n·r square. */
export function identityPlus(gram: Matrix, { blocks, outputs }: BlockRoot): Matrix {
  const out = betweenBlocks(gram, blocks.data, outputs, blocks.cols, false);
  for (let i = 0; i < out.rows; i++) out.data[i * out.cols + i]! += 1;
  return out;
}

/** R P Rᵀ for a symmetric P, n·o square. */
export function spreadOut(p: Matrix, { blocks, outputs }: BlockRoot): Matrix {
  return betweenBlocks(p, blocks.data, outputs, blocks.cols, true);
}

/** Rᵀ A R, or R A Rᵀ when `out`, block by block below the diagonal and mirrored. */
function betweenBlocks(a: Matrix, root: Float64Array, outputs: number, rank: number, out: boolean): Matrix {
  const [from, to] = out ? [rank, outputs] : [outputs, rank];
  // Entry (p, b) of a block R_i, seen as from × to.
  const [down, across] = out ? [1, rank] : [rank, 1];
  const examples = a.rows / from;
  const result = matrix(examples * to, examples * to);
  const half = new Float64Array(from * to);
  const size = outputs * rank;
  for (let i = 0; i < examples; i++) {
    for (let j = 0; j <= i; j++) {
      for (let p = 0; p < from; p++) {
        const row = (i * from + p) * a.cols + j * from;
        for (let b = 0; b < to; b++) {
          let sum = 0;
          let k = j * size + b * across;
          for (let q = 0; q < from; q++, k += down) sum += a.data[row + q]! * root[k]!;
          half[p * to + b] = sum;
        }
      }
      for (let c = 0; c < to; c++) {
        const row = (i * to + c) * result.cols + j * to;
        for (let b = 0; b < to; b++) {
          let sum = 0;
          let k = i * size + c * across;
          for (let p = 0; p < from; p++, k += down) sum += root[k]! * half[p * to + b]!;
          result.data[row + b] = sum;
        }
      }
    }
  }
  mirror(result);
  return result;
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
