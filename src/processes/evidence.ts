import { fromVector, gradientVector, type Kernel, positive, toVector } from "../kernels/index.ts";
import {
  cholesky,
  dot,
  type Fn,
  inverse,
  lbfgs,
  logDeterminant,
  type Matrix,
  type Minimum,
  reshape,
  solve,
  subtract,
} from "../linalg/index.ts";

/** A kernel and a noise variance fitted to data. */
export interface Fit {
  readonly kernel: Kernel;
  readonly noiseVariance: number;
  /** log p(y), in nats. */
  readonly logEvidence: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * The log marginal likelihood of y (n × outputs) less its mean, in nats, with its gradient in the logarithms of
 * the kernel's positive parameters (the others as they are) and, last, of the noise variance
 * (Rasmussen & Williams 2006, equations 5.8 and 5.9).
 */
export function logEvidence(
  kernel: Kernel,
  noiseVariance: number,
  x: Matrix,
  residual: Matrix,
): { readonly value: number; readonly gradient: Float64Array } {
  const size = residual.data.length;
  const covariance = kernel.gram(x);
  for (let i = 0; i < size; i++) covariance.data[i * size + i]! += noiseVariance;
  const factor = cholesky(covariance);
  const r = reshape(residual, size, 1);
  const alpha = solve(factor, r);
  const value = -0.5 * (dot(r.data, alpha.data) + logDeterminant(factor) + size * Math.log(2 * Math.PI));
  // ∂/∂K = ½ (α αᵀ − K⁻¹)
  const bar = inverse(factor);
  let trace = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const k = i * size + j;
      bar.data[k] = 0.5 * (alpha.data[i]! * alpha.data[j]! - bar.data[k]!);
    }
    trace += bar.data[i * size + i]!;
  }
  const inKernel = gradientVector(kernel.parameters, kernel.pullback(x, undefined, bar));
  return { value, gradient: Float64Array.of(...inKernel, noiseVariance * trace) };
}

export interface FitOptions {
  /** Starting noise variance. */
  readonly noiseVariance: number;
  readonly mean?: Fn;
  readonly maxIterations?: number;
}

/** The kernel's parameters and the noise variance that make the marginal likelihood largest, by L-BFGS from here. */
export function fitEvidence(kernel: Kernel, data: { x: Matrix; y: Matrix }, options: FitOptions): Fit {
  const residual = options.mean ? subtract(data.y, options.mean.at(data.x)) : data.y;
  const start = {
    ...kernel.parameters,
    noiseVariance: positive("noiseVariance", options.noiseVariance),
  };
  const best: Minimum = lbfgs(
    (vector) => {
      const at = fromVector(vector, start);
      const noise = at.noiseVariance!.value[0]!;
      // A line search may leap to where e^v over- or underflows: such points are outside the domain.
      if (!vector.every((v) => Math.abs(v) < 40))
        return { value: Infinity, gradient: new Float64Array(vector.length) };
      const { value, gradient } = logEvidence(kernel.with(without(at)), noise, data.x, residual);
      return { value: -value, gradient: gradient.map((g) => -g) };
    },
    toVector(start),
    { maxIterations: options.maxIterations ?? 100, gradientTolerance: 1e-4, valueTolerance: 1e-9 },
  );
  const at = fromVector(best.x, start);
  return {
    kernel: kernel.with(without(at)),
    noiseVariance: at.noiseVariance!.value[0]!,
    logEvidence: -best.value,
    iterations: best.iterations,
    converged: best.converged,
  };
}

function without<T extends object>(parameters: T & { noiseVariance?: unknown }): Omit<T, "noiseVariance"> {
  const { noiseVariance: _, ...rest } = parameters;
  return rest;
}
