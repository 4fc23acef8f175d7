import type { Gradient } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";

/** Independent Gaussians, one a row and a latent dimension: q(X) = Π N(x_nq; mean_nq, variance_nq). Both are n × Q. */
export interface Latents {
  readonly mean: Matrix;
  readonly variance: Matrix;
}

/** Derivatives in the three expectations; in psi2 those of the triangle's own numbers (`triangleBar`). */
export interface ExpectationBars {
  readonly psi0: Float64Array;
  readonly psi1: Matrix;
  readonly psi2: Matrix;
}

/**
 * Expectations of a kernel under q(X), for m inducing inputs Z (Titsias & Lawrence 2010, section 3.1: their ψ₀ and Ψ₂
 * are sums of these over the rows).
 */
export interface Expectations {
  /** E[k(x_n, x_n)], n long. */
  readonly psi0: Float64Array;
  /** E[k(x_n, z_i)], n × m. */
  readonly psi1: Matrix;
  /** E[k(z_i, x_n) k(x_n, z_j)], a row the lower triangle of one m × m matrix. */
  readonly psi2: Matrix;
  /** Derivatives in q(X) alone, for rows that are fitted to a model as it is. */
  pullLatents(bars: ExpectationBars): Latents;
  /** Derivatives in everything. */
  pullback(bars: ExpectationBars): {
    readonly parameters: Gradient;
    readonly latents: Latents;
    readonly inducing: Matrix;
  };
}
