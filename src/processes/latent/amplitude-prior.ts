import { UsageError } from "../../errors/index.ts";
import type { Gradient, Kernel } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import { diagonalSlopes } from "../sparse/kernel-slopes.ts";

/**
 * What is known of how far latents move before any data: the logarithm of their prior variance, on average over the
 * points, is normal about log `variance` with this standard deviation.
 */
export interface AmplitudePrior {
  readonly variance: number;
  readonly logDeviation: number;
}

/** log p of the kernel's variance at x, up to a constant, with its derivatives in the kernel's parameters. */
export function logAmplitudePrior(
  kernel: Kernel,
  x: Matrix,
  { variance, logDeviation }: AmplitudePrior,
): { readonly value: number; readonly gradient: Gradient } {
  const own = kernel.diagonal(x);
  const average = own.reduce((sum, v) => sum + v / own.length, 0);
  const z = Math.log(average / variance) / logDeviation;
  const slope = -z / (logDeviation * average);
  return {
    value: -0.5 * z * z,
    gradient: diagonalSlopes(kernel, x, new Float64Array(own.length).fill(slope / own.length)),
  };
}

/** Throws UsageError for numbers that are no prior. */
export function expectAmplitude({ variance, logDeviation }: AmplitudePrior): void {
  if (!(variance > 0 && variance < Infinity && logDeviation > 0 && logDeviation < Infinity)) {
    throw new UsageError(
      `an amplitude is a variance and a logDeviation above 0, got ${variance} and ${logDeviation}`,
    );
  }
}
