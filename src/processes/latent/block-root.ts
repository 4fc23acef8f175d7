import { type Matrix, matrix, mirror, transpose } from "../../linalg/index.ts";

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
  return blocksTimes(blocks.data, blocks.cols, outputs, 1, blocks.cols, a);
}

/** R A for A of n·r × k: n·o × k. */
export function rootTimes({ blocks, outputs }: BlockRoot, a: Matrix): Matrix {
  return blocksTimes(blocks.data, outputs, blocks.cols, blocks.cols, 1, a);
}

/**
 * Each block (rows × terms) of a block-diagonal matrix times its rows of A: entry (b, p) of block i is
 * blocks[i · rows · terms + b · down + p · across]. With `lower`, only columns up to the block's own, of a result whose
 * columns come in blocks as its rows do.
 */
function blocksTimes(
  blocks: Float64Array,
  rows: number,
  terms: number,
  down: number,
  across: number,
  a: Matrix,
  lower = false,
): Matrix {
  const { cols, data } = a;
  const examples = a.rows / terms;
  const out = matrix(examples * rows, cols);
  for (let i = 0; i < examples; i++) {
    const width = lower ? (i + 1) * rows : cols;
    for (let b = 0; b < rows; b++) {
      const to = (i * rows + b) * cols;
      const entry = i * rows * terms + b * down;
      // Two terms at a time: half the passes over the row of the result.
      for (let p = 0; p < terms; p += 2) {
        const first = blocks[entry + p * across]!;
        const second = p + 1 < terms ? blocks[entry + (p + 1) * across]! : 0;
        if (first === 0 && second === 0) continue;
        const from = (i * terms + p) * cols;
        const next = p + 1 < terms ? from + cols : from;
        for (let c = 0; c < width; c++) {
          out.data[to + c]! += first * data[from + c]! + second * data[next + c]!;
        }
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
export function identityPlus(gram: Matrix, root: BlockRoot): Matrix {
  const { blocks, outputs } = root;
  const half = transpose(rootTransposedTimes(root, gram));
  const out = blocksTimes(blocks.data, blocks.cols, outputs, 1, blocks.cols, half, true);
  mirror(out);
  for (let i = 0; i < out.rows; i++) out.data[i * out.cols + i]! += 1;
  return out;
}

/** R P Rᵀ for a symmetric P, n·o square. */
export function spreadOut(p: Matrix, root: BlockRoot): Matrix {
  const { blocks, outputs } = root;
  const half = transpose(rootTimes(root, p));
  const out = blocksTimes(blocks.data, outputs, blocks.cols, blocks.cols, 1, half, true);
  mirror(out);
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
