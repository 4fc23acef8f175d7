import type { Matrix } from "../linalg/index.ts";
import { matrix } from "../linalg/index.ts";
import { columnMeans, columnSpreads } from "../processes/index.ts";
import type { DeepModel } from "./deep-model.ts";
import { sideBySide } from "./ops/elementwise.ts";
import { predictor } from "./sparse-layer.ts";

/** How one start's search ended. */
export interface StartRecord {
  /** Whether the noise was one number, or a function of the last layer's features. */
  readonly noise: "constant" | "varying";
  /** The evidence lower bound of all data, in nats, averaged over draws of hidden values. */
  readonly bound: number;
  /** Its standard error. */
  readonly error: number;
  readonly steps: number;
  /** Whether the bound had stopped moving: its last windows rose no more than their noise. */
  readonly stalled: boolean;
  /** Below 1 where steps were taken back and the rates halved. */
  readonly slower: number;
  /** The estimates of the bound, step by step. */
  readonly trace: readonly number[];
}

/** What a layer does with the data. */
export interface LayerReport {
  /** By output: the variance over the data of the layer's mean, beside its own average variance at a point. */
  readonly spread: Float64Array;
  readonly uncertainty: Float64Array;
  /** No output tells the data apart: what came in is lost. */
  readonly collapsed: boolean;
}

export interface DeepReport {
  readonly bound: number;
  readonly error: number;
  readonly starts: readonly StartRecord[];
  /** The search that was kept, from 0. */
  readonly best: number;
  readonly layers: readonly LayerReport[];
  /** What to know before the result is used, in words. */
  readonly warnings: readonly string[];
}

// A layer whose means vary less than this share of their own uncertainty hands on noise; one whose means vary less than
// this share of its input's spread hands on a constant.
const least = 0.01;
const flat = 1e-8;

export function deepReport(
  model: DeepModel,
  x: Matrix,
  starts: readonly StartRecord[],
  best: number,
): DeepReport {
  const kept = starts[best]!;
  const layers = layerReports(model, x);
  const lost = layers.flatMap(({ collapsed }, l) => (collapsed ? [l] : []));
  const warnings = [
    ...lost.map(
      (l) =>
        `layer ${l + 1} has collapsed: its values tell the data no more apart; try other starts, a skip connection or fewer layers`,
    ),
    ...(kept.stalled
      ? []
      : [`the bound was still rising after ${kept.steps} steps: more steps may find a better fit`]),
    ...(kept.slower < 1 ? ["steps had to be taken back: the learning rate is at its limit"] : []),
  ];
  return { bound: kept.bound, error: kept.error, starts, best, layers, warnings };
}

function layerReports(model: DeepModel, x: Matrix): readonly LayerReport[] {
  let h = x;
  return model.layers.map((layer) => {
    const before = columnSpreads(h).reduce((a, b) => Math.max(a, b)) ** 2;
    const { mean, variance } =
      layer.kind === "fn"
        ? { mean: layer.fn.at(h), variance: matrix(h.rows, layer.width) }
        : predictor(layer).moments(layer.skip ? sideBySide(h, x) : h);
    const spread = variances(mean);
    const uncertainty = columnMeans(variance);
    h = mean;
    const collapsed = x.rows > 1 && spread.every((v, d) => v < least * uncertainty[d]! || v < flat * before);
    return { spread, uncertainty, collapsed };
  });
}

/** Of each column about its mean. */
function variances(a: Matrix): Float64Array {
  const centre = columnMeans(a);
  const out = new Float64Array(a.cols);
  for (let k = 0; k < a.data.length; k++) {
    out[k % a.cols]! += (a.data[k]! - centre[k % a.cols]!) ** 2 / a.rows;
  }
  return out;
}
