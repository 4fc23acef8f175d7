import type { Kernel, LearnableFn } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import type { Latents } from "./latents.ts";

/** A sparse Gaussian process from latent values to what lies below them: one kernel, independent outputs. */
export interface Mapping {
  /** `rbf` or `linear`, with one lengthscale or variance a latent dimension. */
  readonly kernel: Kernel;
  /** Inducing inputs, m × latent dimensions. */
  readonly inducing: Matrix;
  readonly noiseVariance: number;
  /**
   * Added to the diagonal of the inducing inputs' kernel matrix, as a share of the kernel's (average) variance: their
   * values are seen with so much noise, which keeps the bound a bound and smooth where inducing inputs meet.
   */
  readonly jitter: number;
}

/**
 * Gaussian processes below latent variables. One level and one view: the Bayesian GP-LVM (Titsias & Lawrence 2010).
 * Several views: manifold relevance determination (Damianou et al. 2012). Several levels: the deep GP-LVM (Damianou &
 * Lawrence 2013).
 */
export interface LatentModel {
  /** q of the latent values, the level next to the data first; the last one has standard normal priors. */
  readonly levels: readonly Latents[];
  /** From the first level to each view. */
  readonly views: readonly Mapping[];
  /** Link k goes from level k + 1 to level k. */
  readonly links: readonly Mapping[];
  /** Where the first level is a function of the data: from all views' values to means and log variances. */
  readonly encoder?: LearnableFn;
}
