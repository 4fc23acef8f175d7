import { cholesky, gramOf, type Matrix, matrix, transpose } from "../linalg/index.ts";
import { type BlockRoot, rootTransposedTimes } from "../processes/latent/index.ts";
import type { TangentSite } from "../tangent/index.ts";
import { diagonalFrom } from "./diagonal-covariance.ts";
import type { FeatureLayer, Features } from "./features.ts";
import { factoredCovariance, type WeightCovariance } from "./weight-covariance.ts";

/** What is added up over the examples for one layer, and the covariance of its whitened weights in the end. */
export interface LayerSum {
  add(site: TangentSite, root: BlockRoot): void;
  covariance(): WeightCovariance;
}

/** The exact block of a layer with few weights. */
export function blockSum(layer: FeatureLayer): LayerSum {
  const precision = matrix(layer.size, layer.size);
  for (let i = 0; i < layer.size; i++) precision.data[i * layer.size + i] = 1;
  return {
    add(site, root) {
      const share = gramOf(seenRows(layer, site, root), true);
      for (let k = 0; k < share.data.length; k++) precision.data[k]! += share.data[k]!;
    },
    covariance: () => factoredCovariance(cholesky(precision)),
  };
}

/** The diagonal of a layer with many. */
export function diagonalSum(layer: FeatureLayer): LayerSum {
  const precision = new Float64Array(layer.size).fill(1);
  return {
    add(site, root) {
      const { data, cols } = seenRows(layer, site, root);
      for (let k = 0; k < data.length; k++) precision[k % cols]! += data[k]! ** 2;
    },
    covariance: () => diagonalFrom(precision),
  };
}

/** Rᵀ Φ of one layer at some points. */
function seenRows({ size, deviation }: FeatureLayer, site: TangentSite, root: BlockRoot): Matrix {
  const rows = matrix(root.blocks.rows, size);
  site.layer.writeJacobian!(site.side, rows, 0);
  for (let k = 0; k < rows.data.length; k++) rows.data[k]! *= deviation;
  return rootTransposedTimes(root, rows);
}

/** The covariance in which layers do not vary together, from that of each. */
export function layerwise({ layers }: Features, each: readonly WeightCovariance[]): WeightCovariance {
  const bySlice = (v: Float64Array, of: (own: Float64Array, l: number) => Float64Array) => {
    const out = new Float64Array(v.length);
    layers.forEach(({ from, size }, l) => {
      out.set(of(v.slice(from, from + size), l), from);
    });
    return out;
  };
  return {
    logDeterminant: each.reduce((sum, { logDeterminant }) => sum + logDeterminant, 0),
    timesRoot(rows) {
      const out = matrix(rows.rows, rows.cols);
      layers.forEach(({ from, size }, l) => {
        const own = matrix(rows.rows, size);
        for (let r = 0; r < rows.rows; r++) {
          const start = r * rows.cols + from;
          own.data.set(rows.data.subarray(start, start + size), r * size);
        }
        const turned = each[l]!.timesRoot(own);
        for (let r = 0; r < rows.rows; r++) {
          out.data.set(turned.data.subarray(r * size, (r + 1) * size), r * rows.cols + from);
        }
      });
      return out;
    },
    rootTimes: (z) => bySlice(z, (own, l) => each[l]!.rootTimes(own)),
    apply(v) {
      const columns = transpose(v);
      const out = matrix(v.cols, v.rows);
      for (let c = 0; c < v.cols; c++) {
        const column = columns.data.subarray(c * v.rows, (c + 1) * v.rows);
        out.data.set(
          bySlice(column, (own, l) => each[l]!.apply(matrix(own.length, 1, own)).data),
          c * v.rows,
        );
      }
      return transpose(out);
    },
  };
}
