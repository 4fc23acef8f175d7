import type { Gradient, Parameters } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import type { Site } from "./site.ts";

/**
 * p(y | f): what is seen when the latent functions have the values f. Observations are independent given f. A value like
 * a kernel: `with` makes another. Matrices have one row an observation; `latents` is written L.
 */
export interface Likelihood {
  readonly name: string;
  /** Latent functions that one observation depends on: the outputs of the kernel that goes with it. */
  readonly latents: number;
  /** Columns of y. */
  readonly outputs: number;
  /** The latents mean different things: each is given parameters of its own. Else one kernel serves them all. */
  readonly latentsDiffer?: true;
  readonly parameters: Parameters;
  with(parameters: Parameters): Likelihood;
  /** The same, its unset parameters chosen for these observations. */
  startAt?(y: Matrix): Likelihood;
  /** About where the latents lie by each observation alone, n × L: what kernels and means are scaled to at first. */
  guess(y: Matrix): Matrix;
  /** Throws ShapeError or UsageError, with the row, for observations that this likelihood cannot give. */
  check(y: Matrix): void;
  /** log p(y_i | f_i), in nats, one a row. */
  logDensity(f: Matrix, y: Matrix): Float64Array;
  derivatives(f: Matrix, y: Matrix): LatentDerivatives;
  /** Derivatives of Σ_i tr(S_i W_i), W the curvature of `derivatives`, for blocks S_i (n × L²) that are held. */
  curvatureSlopes(
    f: Matrix,
    y: Matrix,
    spread: Matrix,
  ): { readonly f: Matrix; readonly parameters: Gradient };
  /** Derivatives in the parameters of Σ_i log p(y_i | f_i) + Σ_i ⟨d_i, ∂ log p(y_i | f_i)/∂f_i⟩; d (n × L) is held. */
  parameterSlopes(f: Matrix, y: Matrix, direction?: Matrix): Gradient;
  /** E[log p(y_i | f_i)] over independent f_ij ~ N(mean_ij, variance_ij), both n × L: the variational bound's part. */
  expected(mean: Matrix, variance: Matrix, y: Matrix): Expectation;
  /** What will be seen where the latents are N(mean, variance): variance is n × L, or n × L² with joint blocks. */
  predictive(mean: Matrix, variance: Matrix): Predictive;
  /** log ∫ p(y_i | f_i) N(f_i | mean_i, variance_i) df_i, in nats, one a row. */
  logPredictive(mean: Matrix, variance: Matrix, y: Matrix): Float64Array;
  /**
   * Each observation as expectation propagation meets it: on likelihoods of one latent, log-concave in it, whose
   * parameters are those of `known` sites alone.
   */
  sites?(y: Matrix): readonly Site[];
}

export interface LatentDerivatives {
  /** ∂ log p(y_i | f_i)/∂f_i, n × L. */
  readonly gradient: Matrix;
  /**
   * W_i, positive semi-definite, n × L²: −∂² log p(y_i | f_i)/∂f_i² where log p is concave; else its expectation over
   * y_i, the Fisher information (Laplace–Fisher: Hartmann & Vanhatalo 2019).
   */
  readonly curvature: Matrix;
  /** −∂² log p/∂f_i² itself, n × L², where that is not `curvature`. */
  readonly hessian?: Matrix;
}

/** Expected log densities with their derivatives. */
export interface Expectation {
  /** In nats, one a row. */
  readonly value: Float64Array;
  /** ∂ value_i/∂ mean_ij, n × L. */
  readonly mean: Matrix;
  /** ∂ value_i/∂ variance_ij, n × L. */
  readonly variance: Matrix;
  /** Of the sum of all rows. */
  readonly parameters: Gradient;
}

/** The distribution of y at n points: of numbers by their mean and variance (n × outputs), of classes by probability. */
export type Predictive =
  | { readonly kind: "number"; readonly mean: Matrix; readonly variance: Matrix }
  | { readonly kind: "classes"; readonly probabilities: Matrix };
