import {
  type Eigh,
  eigh,
  gramOf,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  type Tensor,
} from "../linalg/index.ts";
import {
  type Layer,
  type LinearSide,
  linearSizes,
  type Network,
  positionsFirst,
  weightCount,
} from "../networks/index.ts";
import type { BlockRoot } from "../processes/latent/index.ts";
import { type TangentSite, tangentSites } from "../tangent/index.ts";
import type { FeatureLayer, Features } from "./features.ts";
import { blockSum, diagonalSum, type LayerSum, layerwise } from "./layer-covariance.ts";
import { rootPart, type WeightCovariance } from "./weight-covariance.ts";

// A layer that is no linear map gets its exact block up to this many weights, and the diagonal beyond.
const smallLayer = 512;

// Examples whose tapes and cotangents are held at a time.
const chunk = 32;

/**
 * The covariance in which layers do not vary together, and the curvature of a linear map (dense, convolution) is a
 * Kronecker product, H ≈ G ⊗ A / (examples · positions) with A = Σ a aᵀ over its inputs, 1 appended for the bias, and
 * G = Σ Δᵀ W Δ over its cotangents (KFAC; Martens & Grosse 2015, Grosse & Martens 2016). Exact for a single linear
 * layer whose examples all have one W.
 */
export function kroneckerCovariance(features: Features, x: Matrix, root: BlockRoot): WeightCovariance {
  const { network, spans } = features.kernel;
  const sums: LayerSum[] = [];
  for (let from = 0; from < x.rows; from += chunk) {
    const to = Math.min(x.rows, from + chunk);
    tangentSites(network, rowRange(x, from, to), spans).forEach((site, l) => {
      sums[l] ??= sumFor(features.layers[l]!, network, site);
      sums[l].add(site, rootPart(root, from, to));
    });
  }
  return layerwise(
    features,
    sums.map((sum) => sum.covariance()),
  );
}

function sumFor(layer: FeatureLayer, { layers, weights }: Network, { index, side }: TangentSite): LayerSum {
  const whole = layer.size === weightCount(weights[index]!);
  const linearSide = whole ? layers[index]!.linearSide : undefined;
  if (linearSide) return kroneckerSum(layer, linearSide, linearSide(side));
  return layer.size <= smallLayer ? blockSum(layer) : diagonalSum(layer);
}

function kroneckerSum(
  layer: FeatureLayer,
  linearSide: NonNullable<Layer["linearSide"]>,
  first: LinearSide,
): LayerSum {
  const { bias } = first;
  const sizes = linearSizes(first);
  const features = sizes.features + (bias ? 1 : 0);
  const { units } = sizes;
  const a = matrix(features, features);
  const g = matrix(units, units);
  let terms = 0;
  return {
    add(site, root) {
      const side = linearSide(site.side);
      accumulate(a, gramOf(inputRows(side, features), true));
      accumulate(g, gramOf(weightedCotangents(positionsFirst(side), root), true));
      terms += side.inputs.shape[0]! * side.inputs.shape[1]!;
    },
    covariance: () => fromFactors(eigh(g), eigh(a), layer.deviation ** 2 / terms, bias),
  };
}

/** The inputs at all positions as rows, with a 1 behind them where there is a bias. */
function inputRows({ inputs }: LinearSide, width: number): Matrix {
  const [n, positions, features] = inputs.shape as [number, number, number];
  const out = matrix(n * positions, width);
  for (let r = 0; r < out.rows; r++) {
    out.data.set(inputs.data.subarray(r * features, (r + 1) * features), r * width);
    if (width > features) out.data[r * width + features] = 1;
  }
  return out;
}

/** Rᵀ Δ at each position, as rows of `units`. */
function weightedCotangents(cotangents: readonly Tensor[], { blocks }: BlockRoot): Matrix {
  const outputs = cotangents.length;
  const [n, positions, units] = cotangents[0]!.shape as [number, number, number];
  const rank = blocks.cols;
  const out = matrix(n * positions * rank, units);
  cotangents.forEach(({ data }, p) => {
    for (let i = 0; i < n; i++) {
      for (let b = 0; b < rank; b++) {
        const factor = blocks.data[(i * outputs + p) * rank + b]!;
        if (factor === 0) continue;
        for (let t = 0; t < positions; t++) {
          const from = (i * positions + t) * units;
          const to = ((i * positions + t) * rank + b) * units;
          for (let u = 0; u < units; u++) out.data[to + u]! += factor * data[from + u]!;
        }
      }
    }
  });
  return out;
}

function accumulate(sum: Matrix, part: Matrix): void {
  for (let k = 0; k < sum.data.length; k++) sum.data[k]! += part.data[k]!;
}

/** (I + scale · G ⊗ A)⁻¹ from the eigenvectors of both, for weights ordered [units, inputs] and then biases. */
function fromFactors(g: Eigh, a: Eigh, scale: number, bias: boolean): WeightCovariance {
  const units = g.values.length;
  const width = a.values.length;
  const inputs = width - (bias ? 1 : 0);
  const precision = new Float64Array(units * width);
  for (let u = 0; u < units; u++) {
    for (let j = 0; j < width; j++) {
      precision[u * width + j] = 1 + scale * Math.max(0, g.values[u]!) * Math.max(0, a.values[j]!);
    }
  }
  const gather = (w: Float64Array): Matrix => {
    const out = matrix(units, width);
    for (let u = 0; u < units; u++) {
      out.data.set(w.subarray(u * inputs, (u + 1) * inputs), u * width);
      if (bias) out.data[u * width + inputs] = w[units * inputs + u]!;
    }
    return out;
  };
  const scatter = (m: Matrix): Float64Array => {
    const out = new Float64Array(units * width);
    for (let u = 0; u < units; u++) {
      out.set(m.data.subarray(u * width, u * width + inputs), u * inputs);
      if (bias) out[units * inputs + u] = m.data[u * width + inputs]!;
    }
    return out;
  };
  const turn = (w: Float64Array) => multiply(g.vectors, multiply(gather(w), a.vectors), { a: true });
  const turnBack = (m: Matrix) => scatter(multiply(multiply(g.vectors, m), a.vectors, { b: true }));
  const scaled = (m: Matrix, by: (v: number) => number): Matrix => ({
    ...m,
    data: m.data.map((v, k) => v * by(precision[k]!)),
  });
  const deviation = (v: number) => 1 / Math.sqrt(v);
  return {
    logDeterminant: precision.reduce((sum, v) => sum + Math.log(v), 0),
    timesRoot(rows) {
      // All rows at once: two products instead of two a row.
      const m = rows.rows;
      const stacked = matrix(m * units, width);
      for (let r = 0; r < m; r++) {
        const own = gather(rows.data.subarray(r * rows.cols, (r + 1) * rows.cols));
        stacked.data.set(own.data, r * units * width);
      }
      const turned = multiply(stacked, a.vectors);
      const byUnit = matrix(units, m * width);
      for (let r = 0; r < m; r++) {
        for (let u = 0; u < units; u++) {
          const from = (r * units + u) * width;
          byUnit.data.set(turned.data.subarray(from, from + width), (u * m + r) * width);
        }
      }
      const both = multiply(g.vectors, byUnit, { a: true });
      const out = matrix(m, rows.cols);
      for (let r = 0; r < m; r++) {
        for (let u = 0, k = 0; u < units; u++) {
          const from = (u * m + r) * width;
          for (let j = 0; j < width; j++, k++) {
            out.data[r * rows.cols + k] = both.data[from + j]! * deviation(precision[k]!);
          }
        }
      }
      return out;
    },
    rootTimes: (z) => turnBack(scaled(matrix(units, width, z), deviation)),
    apply(v) {
      const out = matrix(v.rows, v.cols);
      for (let c = 0; c < v.cols; c++) {
        const column = Float64Array.from({ length: v.rows }, (_, i) => v.data[i * v.cols + c]!);
        turnBack(scaled(turn(column), (q) => 1 / q)).forEach((w, i) => {
          out.data[i * v.cols + c] = w;
        });
      }
      return out;
    },
  };
}
