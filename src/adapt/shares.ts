import { type Matrix, matrix } from "../linalg/index.ts";

/** Σ_l s_l K_l of matrices of one shape. */
export function weightedSum(shares: readonly Matrix[], scales: ArrayLike<number>): Matrix {
  const { rows, cols } = shares[0]!;
  const out = matrix(rows, cols);
  shares.forEach((share, l) => {
    const s = scales[l]!;
    for (let i = 0; i < out.data.length; i++) out.data[i]! += s * share.data[i]!;
  });
  return out;
}
