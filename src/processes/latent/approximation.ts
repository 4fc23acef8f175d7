import type { Gradient, Kernel } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import type { Mean } from "../means.ts";
import type { LatentProcess } from "./function-posterior.ts";

/** A prior over latent functions and what they make seen. The kernel and the mean have one output a latent. */
export interface LikelihoodModel {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly likelihood: Likelihood;
}

/** A Gaussian in the place of p(f | y), which has no closed form. */
export interface LatentApproximation {
  /** log p(y) as the method has it, in nats: Laplace's approximation of it, or a lower bound. */
  readonly logEvidence: number;
  /** K⁻¹ (E f − mean) at the data, n·L × 1: where the next search may start. */
  readonly alpha: Matrix;
  /** The derivatives of `logEvidence` in all parameters of the model, computed when called. */
  gradient(): { readonly kernel: Gradient; readonly mean: Gradient; readonly likelihood: Gradient };
  /** The approximate posterior as a process. */
  process(): LatentProcess;
}

/** How p(f | y) is approximated, from a start of `alpha` where one is at hand. Throws NotConvergedError. */
export type LatentMethod = (
  model: LikelihoodModel,
  x: Matrix,
  y: Matrix,
  start?: Matrix,
) => LatentApproximation;
