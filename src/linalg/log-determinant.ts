import { NotPositiveDefiniteError, UsageError } from "../errors/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { eigh } from "./eigh.ts";
import { lanczos, type Tridiagonal, tridiagonal } from "./lanczos.ts";
import type { Matrix } from "./matrix.ts";

/** A number known by averaging, and the standard error of that average. */
export interface Averaged {
  readonly value: number;
  readonly standardError: number;
}

export interface LogDeterminantOptions {
  /** Random vectors averaged over. 10 unless given. */
  readonly probes?: number;
  /** Lanczos steps, a product with A each, from each probe. 50 unless given. */
  readonly steps?: number;
  readonly key: Key;
}

/**
 * log det A of a symmetric positive definite A (n × n) known by its products, in nats: n times the average of uᵀ log(A) u
 * over random directions u, each by the quadrature of Lanczos' T (Ubaru, Chen & Saad 2017). Throws
 * NotPositiveDefiniteError where an eigenvalue of T is not above 0.
 */
export function stochasticLogDeterminant(
  apply: (v: Matrix) => Matrix,
  size: number,
  { probes = 10, steps = 50, key }: LogDeterminantOptions,
): Averaged {
  if (!(Number.isInteger(probes) && probes >= 1 && Number.isInteger(steps) && steps >= 1)) {
    throw new UsageError(`probes and steps are whole numbers from 1, got ${probes} and ${steps}`);
  }
  return averaged(
    Array.from({ length: probes }, (_, p) =>
      logQuadrature(lanczos(apply, normal(split(key, p), size), steps)),
    ),
    size,
  );
}

/** e₁ᵀ log(T) e₁. Throws NotPositiveDefiniteError where T is not positive definite. */
export function logQuadrature(t: Tridiagonal): number {
  const { values, vectors } = eigh(tridiagonal(t));
  let sum = 0;
  values.forEach((value, k) => {
    if (!(value > 0)) {
      throw new NotPositiveDefiniteError(
        `a Lanczos eigenvalue is ${value}: the matrix is not positive definite to rounding; raise the noise`,
        { pivot: k, jitterTried: 0 },
      );
    }
    sum += vectors.data[k]! ** 2 * Math.log(value);
  });
  return sum;
}

/** `size` times the average of the samples; an infinite standard error where there is only one. */
export function averaged(samples: readonly number[], size: number): Averaged {
  const count = samples.length;
  const mean = samples.reduce((a, b) => a + b, 0) / count;
  const square = samples.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return {
    value: size * mean,
    standardError: count > 1 ? size * Math.sqrt(square / (count - 1) / count) : Infinity,
  };
}
