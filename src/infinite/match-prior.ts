import { fromVector, gradientVector, type Kernel, type Parameters, toVector } from "../kernels/index.ts";
import {
  cholesky,
  expectShape,
  inverse,
  lbfgs,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
} from "../linalg/index.ts";

export interface MatchedPrior {
  /** The network's kernel with the variances that were found. */
  readonly kernel: Kernel;
  /** KL(target ‖ network) of the values at the points, in nats, before and after. */
  readonly divergence: { readonly before: number; readonly after: number };
}

/**
 * The weight variances whose functional prior is nearest to a target Gaussian process at points: they minimise KL(target
 * ‖ network) of the joint values (as Flam-Shepherd et al. 2017 of finite networks), which is the expected loss of log
 * evidence on functions drawn from the target. `target` is its covariance at the points; both are taken with noise of
 * `noiseVariance`, 1e-6 of the target's mean variance unless given.
 */
export function matchPrior(
  kernel: Kernel,
  target: Matrix,
  points: Matrix,
  options: { readonly noiseVariance?: number; readonly maxIterations?: number } = {},
): MatchedPrior {
  const n = points.rows;
  expectShape(target, "target", n, n);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += target.data[i * n + i]! / n;
  const { noiseVariance = 1e-6 * mean, maxIterations = 200 } = options;
  const noisy = (k: Matrix): Matrix => {
    const out = { ...k, data: k.data.slice() };
    for (let i = 0; i < n; i++) out.data[i * n + i]! += noiseVariance;
    return out;
  };
  const wanted = noisy(target);
  const entropy = logDeterminant(cholesky(wanted));
  const objective = (parameters: Parameters) => {
    const at = kernel.with(parameters);
    const factor = cholesky(noisy(at.gram(points)));
    const precision = inverse(factor);
    const seen = multiply(precision, wanted);
    let trace = 0;
    for (let i = 0; i < n; i++) trace += seen.data[i * n + i]!;
    const value = 0.5 * (trace - n + logDeterminant(factor) - entropy);
    // ½ (K⁻¹ − K⁻¹ T K⁻¹).
    const around = multiply(seen, precision);
    const bar = matrix(n, n);
    for (let k = 0; k < bar.data.length; k++) bar.data[k] = 0.5 * (precision.data[k]! - around.data[k]!);
    return { value, gradient: gradientVector(parameters, at.pullback(points, undefined, bar)) };
  };
  const start = toVector(kernel.parameters);
  const before = objective(kernel.parameters).value;
  const found = lbfgs((w) => objective(fromVector(w, kernel.parameters)), start, { maxIterations });
  return {
    kernel: kernel.with(fromVector(found.x, kernel.parameters)),
    divergence: { before, after: found.value },
  };
}
