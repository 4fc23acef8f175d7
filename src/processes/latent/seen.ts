import { type Matrix, matrix } from "../../linalg/index.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import { semidefiniteRoot } from "../likelihoods/semidefinite-root.ts";

/**
 * p(y | f) of observed examples, each with a likelihood of its own that is log-concave in its outputs:
 * W_i = −∂² log p(y_i | f_i) / ∂f_i² = R_i R_iᵀ with a root R_i of o × r.
 */
export interface SeenLikelihood {
  readonly examples: number;
  readonly outputs: number;
  /** Columns of the roots: o, or fewer where some direction of the outputs never matters. */
  readonly rank: number;
  /** log p(y | f), in nats, for f of n × o. */
  logDensity(f: Matrix): number;
  /** ∂ log p / ∂f, n × o. */
  gradient(f: Matrix): Matrix;
  /** The roots R_i one below the other, n·o × r. */
  root(f: Matrix): Matrix;
}

/** A likelihood with what was seen: the targets y, one row an observation. */
export function seenBy(likelihood: Likelihood, y: Matrix): SeenLikelihood {
  const { latents } = likelihood;
  return {
    examples: y.rows,
    outputs: latents,
    rank: latents,
    logDensity: (f) => likelihood.logDensity(f, y).reduce((sum, v) => sum + v, 0),
    gradient: (f) => likelihood.derivatives(f, y).gradient,
    root(f) {
      const { curvature } = likelihood.derivatives(f, y);
      const out = matrix(y.rows * latents, latents);
      const size = latents * latents;
      for (let i = 0; i < y.rows; i++) {
        const block = curvature.data.subarray(i * size, (i + 1) * size);
        out.data.set(semidefiniteRoot(block, latents), i * size);
      }
      return out;
    },
  };
}
