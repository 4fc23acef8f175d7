import { isIndependent, type Kernel } from "../../kernels/index.ts";
import { type Cholesky, cholesky, type Matrix, matrix } from "../../linalg/index.ts";

/**
 * Latent values that know nothing of each other before the data, as blocks: value i of block b is value i · count + b of
 * all. Of a kernel that does not say so there is one block.
 */
export interface LatentBlocks {
  readonly count: number;
  /** Of each block's own covariance; blocks of one kernel share it. */
  readonly factors: readonly Cholesky[];
}

export function latentBlocks(kernel: Kernel, x: Matrix): LatentBlocks {
  if (!isIndependent(kernel)) return { count: 1, factors: [cholesky(kernel.gram(x))] };
  const known = new Map<Kernel, Cholesky>();
  const factors = kernel.each.map((own) => {
    const found = known.get(own) ?? cholesky(own.gram(x));
    known.set(own, found);
    return found;
  });
  return { count: factors.length, factors };
}

/** The values of one block, as a column. */
export function blockOf(values: Float64Array, b: number, count: number): Matrix {
  return matrix(
    values.length / count,
    1,
    values.filter((_, k) => k % count === b),
  );
}

/** Puts the values of one block where they belong among all. */
export function putBlock(all: Float64Array, values: Float64Array, b: number, count: number): void {
  for (let i = 0; i < values.length; i++) all[i * count + b] = values[i]!;
}

/** The matrix over all values with these blocks, 0 elsewhere. */
export function wholeOf(blocks: readonly Matrix[]): Matrix {
  const count = blocks.length;
  if (count === 1) return blocks[0]!;
  const n = blocks[0]!.rows;
  const size = n * count;
  const out = matrix(size, size);
  blocks.forEach((block, b) => {
    for (let i = 0, k = 0; i < n; i++) {
      for (let j = 0; j < n; j++, k++) out.data[(i * count + b) * size + j * count + b] = block.data[k]!;
    }
  });
  return out;
}

/** The factor of such a matrix from those of its blocks: lower triangles stay so. */
export function wholeFactor(factors: readonly Cholesky[]): Cholesky {
  const lower = wholeOf(factors.map((f) => f.lower));
  const worst = factors.reduce((a, b) => (b.report.jitter > a.report.jitter ? b : a));
  return { lower, size: lower.rows, report: worst.report };
}
