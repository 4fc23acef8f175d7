import { cholesky, gramOf, halfSolve, type Matrix, matrix, multiply, subtract } from "../linalg/index.ts";
import { Gaussian, logSumExp } from "../processes/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Batch } from "./bound.ts";
import { independentOutputs } from "./compose.ts";
import type { DeepModel } from "./deep-model.ts";
import { type BoundEstimate, summarised } from "./estimate.ts";
import { sideBySide } from "./ops/elementwise.ts";
import { stackOf } from "./ops/factors.ts";
import { inducingFactor, type SparseLayer } from "./sparse-layer.ts";

export interface ImportanceOptions {
  readonly key: Key;
  /** Draws of all layers that one estimate weighs together: more, and the bound is tighter. 50 unless given. */
  readonly draws?: number;
  /** Independent estimates averaged. 10 unless given. */
  readonly rounds?: number;
}

/**
 * The importance-weighted bound on the log evidence: the expectation of log (1/K) Σ_k p(y | u_k) p(u_k) / q(u_k) rises
 * with the number K of draws from the posterior to the log evidence itself (Burda, Grosse & Salakhutdinov 2016), so
 * that its distance from `estimateBound` tells how much the variational posterior loses. Hidden values are drawn for all
 * rows together and a last layer seen with Gaussian noise is integrated out whole: n³ a draw, for a few thousand rows.
 */
export function importanceBound(
  model: DeepModel,
  data: Pick<Batch, "x" | "y">,
  { key, draws = 50, rounds = 10 }: ImportanceOptions,
): BoundEstimate {
  const weight = logWeight(model, data);
  return summarised(
    Array.from({ length: rounds }, (_, round) => {
      const own = split(key, round);
      const weights = Float64Array.from({ length: draws }, (_, k) => weight(split(own, k)));
      return logSumExp(weights) - Math.log(draws);
    }),
  );
}

/** log p(y, u) / q(u), in nats, of a draw u from the posterior. */
function logWeight({ layers, likelihood }: DeepModel, { x, y }: Pick<Batch, "x" | "y">) {
  const last = layers.length - 1;
  const integrated = likelihood.name === "gaussian";
  const drawers = layers.map((layer, l) =>
    layer.kind === "gp" && !(integrated && l === last) ? drawer(layer) : undefined,
  );
  return (key: Key): number => {
    let h = x;
    let weight = 0;
    layers.forEach((layer, l) => {
      if (layer.kind === "fn") {
        h = layer.fn.at(h);
        return;
      }
      const points = layer.skip ? sideBySide(h, x) : h;
      const draw = drawers[l];
      if (draw) {
        const drawn = draw(points, split(key, l));
        h = drawn.values;
        weight += drawn.weight;
      } else weight += seen(layer, points, likelihood.parameters.noiseVariance!.value[0]!, y);
    });
    if (integrated) return weight;
    return likelihood.logDensity(h, y).reduce((sum, v) => sum + v, weight);
  };
}

/** log p(y | h) of a layer seen with noise, its functions integrated out. */
function seen({ kernel, mean, width }: SparseLayer, h: Matrix, noiseVariance: number, y: Matrix): number {
  const gram = kernel.gram(h);
  const prior = new Gaussian({
    rows: h.rows,
    outputs: width,
    mean: () => mean.at(h),
    moments: () => ({ mean: mean.at(h), variance: matrix(h.rows, width) }),
    covariance: () => independentOutputs(Array.from({ length: width }, () => gram)),
  });
  return prior.withNoise(noiseVariance).logDensity(y);
}

/** Draws a layer's whitened inducing values from the posterior, and its values at points given them. */
function drawer(layer: SparseLayer) {
  const { kernel, mean, inducing, values, roots, width } = layer;
  const m = inducing.rows;
  const factor = inducingFactor(layer);
  const parts = stackOf(roots, m);
  return (h: Matrix, key: Key): { readonly values: Matrix; readonly weight: number } => {
    const a = halfSolve(factor, kernel.cross(inducing, h));
    // What the inducing values leave open; singular where points meet them, so that the factor may need its jitter.
    const open = cholesky(subtract(kernel.gram(h), gramOf(a, true))).lower;
    const out = matrix(h.rows, width, mean.at(h).data.slice());
    let weight = 0;
    parts.forEach((root, d) => {
      const noise = normal(split(split(key, d), "inducing"), m);
      const u = multiply(root, matrix(m, 1, noise));
      for (let i = 0; i < m; i++) {
        u.data[i]! += values.data[i * width + d]!;
        weight += 0.5 * (noise[i]! ** 2 - u.data[i]! ** 2) + Math.log(Math.abs(root.data[i * m + i]!));
      }
      const held = multiply(a, u, { a: true });
      const left = multiply(open, matrix(h.rows, 1, normal(split(split(key, d), "left"), h.rows)));
      for (let i = 0; i < h.rows; i++) out.data[i * width + d]! += held.data[i]! + left.data[i]!;
    });
    return { values: out, weight };
  };
}
