import type { Kernel } from "../kernels/index.ts";
import {
  cholesky,
  expectShape,
  type Fn,
  identity,
  type Matrix,
  matrix,
  multiply,
  reshape,
  solve,
  subtract,
} from "../linalg/index.ts";

/** What each training example contributes to an adapted model's predictions, outputs of a point side by side. */
export interface Attribution {
  /** α = (K + σ²I)⁻¹ (y − mean), n × outputs: the prediction is mean(x) + Σ_i k(x, x_i) α_i. */
  readonly weights: Matrix;
  /** k(x, x_i) α_i, points·outputs × n: the terms of that sum (Yeh et al. 2018). They add up to the correction. */
  readonly contributions: Matrix;
  /** Prediction with all examples less prediction without example i, points·outputs × n, exact and without a refit. */
  readonly leaveOneOut: Matrix;
  /** −∂prediction/∂ε when example i's likelihood counts 1 − ε times: the first-order effect (Koh & Liang 2017). */
  readonly influence: Matrix;
}

/** What a Gaussian process regression is made of; an adapted network has the tangent kernel and itself as mean. */
export interface Regression {
  readonly kernel: Kernel;
  readonly mean: Fn;
  /** In squared units of y. */
  readonly noiseVariance: number;
}

/**
 * Which training examples made these predictions, in closed form: for an adapted network, through its own tangent
 * kernel. `data` (n × inputs, n × outputs) are the examples, `points` where predictions are explained. Mean, scales and
 * noise are held as they are.
 */
export function attribute(
  { kernel, mean, noiseVariance }: Regression,
  data: { readonly x: Matrix; readonly y: Matrix },
  points: Matrix,
): Attribution {
  const { outputs } = mean;
  expectShape(data.y, "y", data.x.rows, outputs);
  const n = data.x.rows;
  const size = n * outputs;
  const noisy = kernel.gram(data.x);
  for (let k = 0; k < size; k++) noisy.data[k * size + k]! += noiseVariance;
  const factor = cholesky(noisy);
  const residual = reshape(subtract(data.y, mean.at(data.x)), size, 1);
  const alpha = solve(factor, residual);
  const inverse = solve(factor, identity(size));
  const cross = kernel.cross(points, data.x);
  const pull = multiply(cross, inverse); // k(x, X) (K + σ²I)⁻¹
  const rows = cross.rows;
  const contributions = matrix(rows, n);
  const leaveOneOut = matrix(rows, n);
  const influence = matrix(rows, n);
  for (let i = 0; i < n; i++) {
    const at = i * outputs;
    // Without the block of example i the prediction falls by pull_i (A⁻¹)_ii⁻¹ α_i (Sundararajan & Keerthi 2001).
    const block = matrix(outputs, outputs);
    const own = matrix(outputs, 1, alpha.data.slice(at, at + outputs));
    for (let a = 0; a < outputs; a++) {
      for (let b = 0; b < outputs; b++) block.data[a * outputs + b] = inverse.data[(at + a) * size + at + b]!;
    }
    const jump = solve(cholesky(block), own);
    for (let r = 0; r < rows; r++) {
      let [term, gone, slope] = [0, 0, 0];
      for (let a = 0; a < outputs; a++) {
        term += cross.data[r * size + at + a]! * own.data[a]!;
        gone += pull.data[r * size + at + a]! * jump.data[a]!;
        slope += pull.data[r * size + at + a]! * own.data[a]!;
      }
      contributions.data[r * n + i] = term;
      leaveOneOut.data[r * n + i] = gone;
      // Counting 1 − ε times is noise σ²/(1 − ε): the derivative of the prediction is −σ² pull_i α_i.
      influence.data[r * n + i] = noiseVariance * slope;
    }
  }
  return { weights: reshape(alpha, n, outputs), contributions, leaveOneOut, influence };
}
