import { type Matrix, matrix } from "../linalg/index.ts";
import { type BlockRoot, rootTransposedTimes } from "../processes/latent/index.ts";
import { type Features, featureParts } from "./features.ts";
import { rootPart, type WeightCovariance } from "./weight-covariance.ts";

/** The covariance in which no two weights vary together: C = diag(1 / (1 + Σ_i (φ_iᵀ W_i φ_i)_jj)). */
export function diagonalCovariance(features: Features, x: Matrix, root: BlockRoot): WeightCovariance {
  const precision = new Float64Array(features.count).fill(1);
  for (const { x: part, from, to } of featureParts(features, x)) {
    const seen = rootTransposedTimes(rootPart(root, from, to), features.rows(part));
    for (let r = 0, k = 0; r < seen.rows; r++) {
      for (let j = 0; j < seen.cols; j++, k++) precision[j]! += seen.data[k]! ** 2;
    }
  }
  return diagonalFrom(precision);
}

/** The same from the diagonal of C⁻¹. */
export function diagonalFrom(precision: Float64Array): WeightCovariance {
  const deviations = precision.map((v) => 1 / Math.sqrt(v));
  return {
    logDeterminant: precision.reduce((sum, v) => sum + Math.log(v), 0),
    timesRoot(rows) {
      const out = matrix(rows.rows, rows.cols);
      for (let k = 0; k < out.data.length; k++) out.data[k] = rows.data[k]! * deviations[k % rows.cols]!;
      return out;
    },
    rootTimes: (z) => z.map((v, j) => v * deviations[j]!),
    apply: (v) => ({ ...v, data: v.data.map((q, k) => q / precision[Math.floor(k / v.cols)]!) }),
  };
}
