import { engine } from "../../engine/index.ts";
import type { Gradient, Kernel } from "../../kernels/index.ts";
import {
  block,
  cholesky,
  giveBack,
  inverse,
  type LowerBar,
  logDeterminant,
  type Matrix,
  matrix,
  solve,
  wholeBar,
} from "../../linalg/index.ts";

/** C = K + noise I, inverted for one residual r: what an evaluation of an objective starts from. */
export interface Inverted {
  readonly size: number;
  /** The lower triangle of C⁻¹, whatever was there above the diagonal; the objective may overwrite it. */
  readonly inverse: Matrix;
  readonly residual: Float64Array;
  /** C⁻¹ r. */
  readonly alpha: Float64Array;
  readonly logDeterminant: number;
  /** Added to the diagonal by `cholesky`'s policy, 0 when none was needed. */
  readonly jitter: number;
}

/** Throws NotPositiveDefiniteError past the jitter of `cholesky`. */
export function invertGram(
  kernel: Kernel,
  noiseVariance: number,
  x: Matrix,
  residual: Float64Array,
): Inverted {
  const gram = noisyGram(kernel, noiseVariance, x);
  const size = gram.rows;
  const solution = matrix(size, 1, residual.slice());
  const found = engine().solveAndInvert(size, block(gram), 1, block(solution));
  if (found.pivot < 0) {
    const { logDeterminant } = found;
    return { size, inverse: gram, residual, alpha: solution.data, logDeterminant, jitter: 0 };
  }
  // The failed attempt spoiled the array: the rare case pays for the whole again.
  const factor = cholesky(noisyGram(kernel, noiseVariance, x));
  return {
    size,
    inverse: inverse(factor),
    residual,
    alpha: solve(factor, matrix(size, 1, residual)).data,
    logDeterminant: logDeterminant(factor),
    jitter: factor.report.jitter,
  };
}

function noisyGram(kernel: Kernel, noiseVariance: number, x: Matrix): Matrix {
  const gram = kernel.lower?.gram(x) ?? kernel.gram(x);
  for (let i = 0; i < gram.rows; i++) gram.data[i * gram.rows + i]! += noiseVariance;
  return gram;
}

/** The kernel's pull-back of a symmetric derivative; spends it, so that the next evaluation finds memory. */
export function pullBack(kernel: Kernel, x: Matrix, bar: LowerBar): Gradient {
  if (!kernel.lower) return kernel.pullback(x, undefined, wholeBar(bar));
  const gradient = kernel.lower.pullback(x, bar);
  giveBack(bar.matrix.data);
  return gradient;
}
