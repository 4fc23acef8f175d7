import type { Matrix } from "../linalg/index.ts";
import { key } from "../random/index.ts";
import { diagonalCovariance } from "./diagonal-covariance.ts";
import type { Features } from "./features.ts";
import type { Approximate } from "./iterative-mode.ts";
import { kroneckerCovariance } from "./kronecker-covariance.ts";
import { lowRankCovariance } from "./low-rank-covariance.ts";

/**
 * How the posterior is represented: exactly ("full", or "last-layer" for the last layer's weights alone), or around
 * the exact mode, found by conjugate gradients, with a cheaper covariance: a variance for each weight, Kronecker factors
 * for each layer, or the directions about which the data say most.
 */
export type Approximation = "full" | "last-layer" | "diagonal" | "kronecker" | "low-rank";

/** The approximations whose algebra never sees n × n or p × p. */
export type CheapApproximation = Exclude<Approximation, "full" | "last-layer">;

export function isCheap(approximation: Approximation): approximation is CheapApproximation {
  return approximation !== "full" && approximation !== "last-layer";
}

/** The covariance of that kind for examples x, as a function of the curvature there. */
export function approximateBy(
  approximation: CheapApproximation,
  features: Features,
  x: Matrix,
  rank: number,
): Approximate {
  if (approximation === "diagonal") return (root) => diagonalCovariance(features, x, root);
  if (approximation === "kronecker") return (root) => kroneckerCovariance(features, x, root);
  return (root) => lowRankCovariance(features, x, root, rank, key(0));
}
