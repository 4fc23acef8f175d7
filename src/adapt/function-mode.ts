import { dot, inverse, type Matrix, multiply, reshape, scale, solve, subtract } from "../linalg/index.ts";
import {
  type BlockRoot,
  diagonalBlocks,
  functionMode,
  newtonTolerance,
  rootTimes,
  rootTransposedTimes,
  spreadOut,
} from "../processes/latent/index.ts";
import type { Likelihood } from "./likelihoods.ts";
import type { ScaleEvidence } from "./scale-search.ts";
import { weightedSum } from "./shares.ts";

/**
 * Laplace's log evidence with its derivatives in the scales, K = Σ_l s_l K_l (Rasmussen & Williams 2006, equations
 * 5.22–5.24): the mode moves with the scales, and W with the mode. Each search starts from the mode before.
 */
export function evidenceOfMode(
  shares: readonly Matrix[],
  mean: Matrix,
  likelihood: Likelihood,
  tolerance: number = newtonTolerance,
): ScaleEvidence {
  let before: Matrix | undefined;
  return (scales) => {
    const gram = weightedSum(shares, scales);
    const mode = functionMode(gram, mean, likelihood, before, tolerance);
    before = mode.alpha;
    const { alpha, root, factor, f } = mode;
    const precision = inverse(factor);
    const traces = curvatureTraces(shares, scales, precision, root);
    let drift: Matrix | undefined;
    if (likelihood.traceSlope) {
      // Rᵀ Σ R = I − B⁻¹
      const seen = scale(diagonalBlocks(precision, likelihood.rank), -1);
      for (let i = 0; i < seen.rows; i++) seen.data[i * seen.cols + (i % seen.cols)]! += 1;
      const slope = scale(likelihood.traceSlope(f, seen), -0.5);
      const column = reshape(slope, slope.data.length, 1);
      // (I + W K)⁻¹ slope
      const inner = solve(factor, rootTransposedTimes(root, multiply(gram, column)));
      drift = subtract(column, rootTimes(root, inner));
    }
    return {
      value: mode.logEvidence,
      scaleGradient: Float64Array.from(shares, (share, l) => {
        const image = multiply(share, alpha);
        const explicit = 0.5 * (dot(alpha.data, image.data) - traces[l]!);
        return explicit + (drift ? dot(drift.data, image.data) : 0);
      }),
      noiseGradient: 0,
    };
  };
}

/** tr((K + W⁻¹)⁻¹ K_l) = tr(R B⁻¹ Rᵀ K_l); for a single share tr(B⁻¹ (B − I)) / s. */
function curvatureTraces(
  shares: readonly Matrix[],
  scales: Float64Array,
  precision: Matrix,
  root: BlockRoot,
): number[] {
  if (shares.length === 1) {
    let left = 0;
    for (let i = 0; i < precision.rows; i++) left += 1 - precision.data[i * precision.cols + i]!;
    return [left / scales[0]!];
  }
  const spread = spreadOut(precision, root);
  return shares.map((share) => dot(spread.data, share.data));
}
