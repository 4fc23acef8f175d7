import { UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { type Cholesky, cholesky, type Matrix, pivotedCholesky, takeRows } from "../../linalg/index.ts";
import { type Key, permutation } from "../../random/index.ts";
import { kernelColumn } from "../iterative/preconditioner.ts";
import { columnMeans } from "../means.ts";

// Rows that inducing points are chosen among, at most, and so many for each of them.
const mostRows = 20_000;
const rowsEach = 20;

/**
 * `count` rows of x (fewer where they repeat each other), each that of the largest variance given those before it
 * (Burt, Rasmussen & van der Wilk 2020, section 4.2: greedy conditional variance): chosen among at most 20,000 rows drawn
 * by the key. Throws UsageError for kernels of several outputs.
 */
export function greedyInducing(kernel: Kernel, x: Matrix, count: number, key: Key): Matrix {
  expectSingle(kernel);
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new UsageError(`the number of inducing points is a whole number from 1, got ${count}`);
  }
  if (count >= x.rows) return { ...x };
  const rows = Math.min(x.rows, mostRows, Math.max(1000, rowsEach * count));
  const points = rows < x.rows ? takeRows(x, permutation(key, x.rows).subarray(0, rows)) : x;
  const diagonal = kernel.diagonal(points);
  const { pivots } = pivotedCholesky(
    diagonal,
    (i) => kernelColumn(kernel, points, i, diagonal[i]!),
    count,
    // What is left below this share is rounding: such a point repeats the others.
    1e-10,
  );
  return takeRows(points, pivots);
}

/** Throws UsageError for a kernel of several outputs. */
export function expectSingle(kernel: Kernel): void {
  if (kernel.outputs !== 1) {
    throw new UsageError(
      `sparse methods take kernels of one output, got ${kernel.outputs}: give each output a process of its own, or condition exactly`,
    );
  }
}

/**
 * The factor of k(Z, Z) + jitter, the jitter a share of the average variance. What is built on it stays a bound: these
 * are inducing values seen with a little noise.
 */
export function inducingFactor(kernel: Kernel, z: Matrix, jitter: number): Cholesky {
  const gram = kernel.gram(z);
  const m = gram.rows;
  let mean = 0;
  for (let i = 0; i < m; i++) mean += gram.data[i * (m + 1)]! / m;
  if (jitter > 0) for (let i = 0; i < m; i++) gram.data[i * (m + 1)]! += jitter * mean;
  const factor = cholesky(gram);
  return { ...factor, report: { ...factor.report, jitter: factor.report.jitter + jitter * mean } };
}

/** The jitter of searches: their gradients keep about eight digits. */
export const searchJitter = 1e-8;

/** For every coordinate of the points the standard deviation of its column (1 for a column of one value): how far is far. */
export function columnSpreads(points: Matrix): Float64Array {
  const centre = columnMeans(points);
  const squares = new Float64Array(points.cols);
  points.data.forEach((v, k) => {
    squares[k % points.cols]! += (v - centre[k % points.cols]!) ** 2 / points.rows;
  });
  return points.data.map((_, k) => Math.sqrt(squares[k % points.cols]!) || 1);
}
