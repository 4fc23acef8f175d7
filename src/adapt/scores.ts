import { expectShape, type Matrix } from "../linalg/index.ts";
import type { Gaussian } from "../processes/index.ts";
import { normalQuantile } from "../random/index.ts";

/** How good predictions are, against the truth. */
export interface Scores {
  /** Root mean squared error, in units of y. */
  readonly rmse: number;
  /** Mean negative log predictive density of y, in nats (for y in its units). */
  readonly nlpd: number;
  /** Share of the truths inside the central 95 % interval of y. */
  readonly coverage95: number;
}

/** Root mean squared error of predicted means. */
export function rmse(mean: Matrix, y: Matrix): number {
  expectShape(mean, "the predictions", y.rows, y.cols);
  const sum = y.data.reduce((total, v, i) => total + (v - mean.data[i]!) ** 2, 0);
  return Math.sqrt(sum / y.data.length);
}

/** Scores of predictions of noisy observations. */
export function scores(predicted: Gaussian, y: Matrix): Scores {
  const { mean, standardDeviation } = predicted;
  const width = normalQuantile(0.975);
  const inside = y.data.filter((v, i) => Math.abs(v - mean.data[i]!) <= width * standardDeviation.data[i]!);
  return {
    rmse: rmse(mean, y),
    nlpd: -predicted.logDensities(y).data.reduce((sum, v) => sum + v, 0) / y.data.length,
    coverage95: inside.length / y.data.length,
  };
}
