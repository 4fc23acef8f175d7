import { add, type Matrix, matrix, multiply, scale, topEigenpairs, transpose } from "../linalg/index.ts";
import { type BlockRoot, rootTimes, rootTransposedTimes } from "../processes/latent/index.ts";
import { type Key, normal } from "../random/index.ts";
import type { Features } from "./features.ts";
import type { WeightCovariance } from "./weight-covariance.ts";

/**
 * The covariance that knows the `rank` directions about which the data say most: the largest eigenpairs of
 * H = ΦᵀWΦ = (RᵀΦ)ᵀ(RᵀΦ), by Lanczos on products in the smaller of the two spaces. C = I − U diag(λ / (1 + λ)) Uᵀ is
 * never smaller than the exact covariance: what is left out stays as uncertain as before.
 */
export function lowRankCovariance(
  features: Features,
  x: Matrix,
  root: BlockRoot,
  rank: number,
  key: Key,
): WeightCovariance {
  const products = features.operator(x);
  const values = root.blocks.cols * x.rows;
  const forth = (u: Matrix) => rootTransposedTimes(root, products.apply(u));
  const back = (v: Matrix) => products.applyTranspose(rootTimes(root, v));
  const few = values < features.count;
  const found = few
    ? topEigenpairs((v) => forth(back(v)), normal(key, values), Math.min(rank, values))
    : topEigenpairs((u) => back(forth(u)), normal(key, features.count), Math.min(rank, features.count));
  const top = found.values[0] ?? 0;
  // Directions at rounding level of the largest are none.
  const kept = Array.from(found.values, (_, i) => i).filter((i) => found.values[i]! > 1e-12 * top);
  const eigenvalues = Float64Array.from(kept, (i) => found.values[i]!);
  const directions = matrix(kept.length, features.count);
  kept.forEach((from, i) => {
    const width = found.vectors.cols;
    const v = matrix(width, 1, found.vectors.data.slice(from * width, (from + 1) * width));
    const u = few ? scale(back(v), 1 / Math.sqrt(eigenvalues[i]!)) : v;
    directions.data.set(u.data, i * features.count);
  });
  /** I + U diag(g(λ)) Uᵀ times V. */
  const along = (v: Matrix, g: (value: number) => number): Matrix => {
    const inside = multiply(directions, v);
    for (let k = 0; k < inside.data.length; k++) {
      inside.data[k]! *= g(eigenvalues[Math.floor(k / inside.cols)]!);
    }
    return add(v, multiply(directions, inside, { a: true }));
  };
  const rootOf = (value: number) => 1 / Math.sqrt(1 + value) - 1;
  return {
    logDeterminant: eigenvalues.reduce((sum, v) => sum + Math.log1p(v), 0),
    timesRoot: (rows) => transpose(along(transpose(rows), rootOf)),
    rootTimes: (z) => along(matrix(z.length, 1, z), rootOf).data,
    apply: (v) => along(v, (value) => 1 / (1 + value) - 1),
  };
}
