import { adapt } from "../adapt/index.ts";
import type { Matrix } from "../linalg/index.ts";
import {
  drawWeights,
  type Examples,
  type Network,
  type TrainOptions,
  train,
  weightedLayers,
} from "../networks/index.ts";
import { columnMeans } from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { distance } from "./distance.ts";
import { dataMeasure } from "./measure.ts";
import { copyLayers } from "./transfer.ts";

/** What one layer of a trained network is worth on another task, seen in three ways. */
export interface LayerContribution {
  readonly layer: number;
  readonly kind: string;
  /** L2 distance, over the new inputs, from the source's function to that with this layer drawn afresh. */
  readonly functionDistance: number;
  /** Score on the test examples with this layer held at the source's weights, all others trained from fresh ones. */
  readonly scoreTransferred: number;
  /** The same with the layer held at fresh weights: what transferring it is measured against. */
  readonly scoreFresh: number;
  /** The layer's scale in Σ_l s_l J_l J_lᵀ, chosen by the evidence of the new examples. */
  readonly scale: number;
  /** The share of the prior variance at the new inputs that the layer's scaled kernel holds. */
  readonly varianceShare: number;
  /** log p(y) less log p(y) without the layer's kernel, the other scales and the noise chosen anew, in nats. */
  readonly evidence: number;
}

export interface ContributionOptions {
  readonly training?: TrainOptions;
  /** Fresh weights. */
  readonly seed?: number;
  /** Higher is better: the share of right classes, or a negative error. */
  readonly score: (predictions: Matrix, y: Matrix) => number;
  /** The new targets as the network's outputs should be: one-hot for classes. As they are unless given. */
  readonly values?: (y: Matrix) => Matrix;
  /** How many of the new examples the evidence uses; all unless given. */
  readonly evidenceRows?: number;
}

/**
 * What it means to transfer each layer: by function distance, by the score of networks trained with and without it,
 * and by the evidence of its own scale in the tangent kernel (Maddox et al. 2021), in one table.
 */
export function* layerContributions(
  source: Network,
  fresh: Examples,
  test: Examples,
  options: ContributionOptions,
): Task<readonly LayerContribution[]> {
  const { training = {}, seed = 0, score, values = (y) => y, evidenceRows = fresh.x.rows } = options;
  const blank = drawWeights(source, seed);
  const weighted = weightedLayers(source);
  const measure = dataMeasure(test.x);
  const few = firstRows(fresh, evidenceRows);
  const evidence = layerEvidence(source, few.x, values(few.y));
  const rows: LayerContribution[] = [];
  for (const [l, layer] of weighted.entries()) {
    const held = { ...training, frozen: [layer] };
    const transferred = yield* train(copyLayers(source, blank, [layer]), fresh, held);
    const control = yield* train(blank, fresh, held);
    rows.push({
      layer,
      kind: source.layers[layer]!.definition.kind,
      functionDistance: distance(source, copyLayers(blank, source, [layer]), measure).value,
      scoreTransferred: score(transferred.network.at(test.x), test.y),
      scoreFresh: score(control.network.at(test.x), test.y),
      ...evidence[l]!,
    });
  }
  return rows;
}

/**
 * Scale, share of the prior variance and evidence of each layer's part of the tangent kernel, mean constant. Scales and
 * noise are chosen anew without each layer, so that what a layer is worth is a ratio of two maximised marginal
 * likelihoods, and another layer that can stand in for it may do so.
 */
export function layerEvidence(
  network: Network,
  x: Matrix,
  y: Matrix,
): readonly Pick<LayerContribution, "scale" | "varianceShare" | "evidence">[] {
  const options = { scales: "layer", mean: "constant" } as const;
  const whole = adapt(network, { x, y }, options);
  const { kernel } = whole;
  const layers = weightedLayers(network);
  const shares = kernel.shares(x);
  const variances = shares.map((share, l) => {
    let trace = 0;
    for (let k = 0; k < share.rows; k++) trace += share.data[k * share.cols + k]!;
    return kernel.layerScales[l]! * trace;
  });
  const total = variances.reduce((a, b) => a + b, 0);
  const without = layers.map((layer) => {
    const others = layers.filter((other) => other !== layer);
    return others.length > 0
      ? adapt(network, { x, y }, { ...options, layers: others }).logEvidence
      : noiseEvidence(y);
  });
  // Without a layer is within the whole's reach, at scale 0: a search that ended below that is put right.
  const best = Math.max(whole.logEvidence, ...without);
  return layers.map((_, l) => ({
    scale: kernel.layerScales[l]!,
    varianceShare: variances[l]! / total,
    evidence: best - without[l]!,
  }));
}

/** log p(y) of independent noise of the likeliest variance around the columns' means, in nats. */
function noiseEvidence(y: Matrix): number {
  const means = columnMeans(y);
  const squares = y.data.reduce((sum, v, k) => sum + (v - means[k % y.cols]!) ** 2, 0);
  const variance = squares / y.data.length;
  return -0.5 * y.data.length * (Math.log(2 * Math.PI * variance) + 1);
}

function firstRows({ x, y }: Examples, rows: number): Examples {
  const n = Math.min(rows, x.rows);
  return {
    x: { ...x, rows: n, data: x.data.subarray(0, n * x.cols) },
    y: { ...y, rows: n, data: y.data.subarray(0, n * y.cols) },
  };
}
