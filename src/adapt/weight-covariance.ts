import {
  type Cholesky,
  cholesky,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  logDeterminant,
  type Matrix,
  matrix,
  solve,
  transpose,
} from "../linalg/index.ts";
import { type BlockRoot, rootTransposedTimes } from "../processes/latent/index.ts";
import { type Features, featureParts } from "./features.ts";

/**
 * The posterior covariance C of the whitened weights u, u ~ N(0, I) a priori, in the form that an approximation of
 * the curvature H = Σ_i φ_iᵀ W_i φ_i gives it: C = (I + H)⁻¹ = M Mᵀ.
 */
export interface WeightCovariance {
  /** log det C⁻¹: twice what the evidence pays for the precision of the weights, in nats. */
  readonly logDeterminant: number;
  /** Φ M for feature rows Φ (m × p): m × p, whose Gram is the posterior covariance of Φ u. */
  timesRoot(rows: Matrix): Matrix;
  /** M z for white z: a draw of u less its mean. */
  rootTimes(z: Float64Array): Float64Array;
  /** C V, V of p × k. */
  apply(v: Matrix): Matrix;
}

/** The exact covariance, p × p. */
export function fullCovariance(features: Features, x: Matrix, root: BlockRoot): WeightCovariance {
  return factoredCovariance(cholesky(identityPlusCurvature(features, x, root)));
}

/** The same from the factor of C⁻¹. */
export function factoredCovariance(factor: Cholesky): WeightCovariance {
  return {
    logDeterminant: logDeterminant(factor),
    timesRoot: (rows) => transpose(halfSolve(factor, transpose(rows))),
    rootTimes: (z) => halfSolveTransposed(factor, matrix(z.length, 1, z)).data,
    apply: (v) => solve(factor, v),
  };
}

/** I + Σ_i φ_iᵀ W_i φ_i, p × p, streamed over the points. */
export function identityPlusCurvature(features: Features, x: Matrix, root: BlockRoot): Matrix {
  const out = matrix(features.count, features.count);
  for (const { x: part, from, to } of featureParts(features, x)) {
    const seen = rootTransposedTimes(rootPart(root, from, to), features.rows(part));
    const share = gramOf(seen, true);
    for (let k = 0; k < out.data.length; k++) out.data[k]! += share.data[k]!;
  }
  for (let i = 0; i < out.rows; i++) out.data[i * out.cols + i]! += 1;
  return out;
}

/** The roots of the examples from `from` (included) to `to` (excluded). */
export function rootPart({ blocks, outputs }: BlockRoot, from: number, to: number): BlockRoot {
  const width = blocks.cols * outputs;
  const data = blocks.data.subarray(from * width, to * width);
  return { blocks: { rows: (to - from) * outputs, cols: blocks.cols, data }, outputs };
}
