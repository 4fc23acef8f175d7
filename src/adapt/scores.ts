import { expectShape, type Matrix } from "../linalg/index.ts";
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

/** Predictions of noisy observations, each n × outputs: a Gaussian, say. */
export interface Predicted {
  readonly mean: Matrix;
  readonly variance: Matrix;
}

/** Scores of predictions, each value on its own. Throws ShapeError when y has another shape. */
export function scores(predicted: Predicted, y: Matrix): Scores {
  // The variance first: a Gaussian finds its mean on the way.
  const { variance, mean } = predicted;
  const width = normalQuantile(0.975);
  let inside = 0;
  let density = 0;
  y.data.forEach((v, i) => {
    const square = (v - mean.data[i]!) ** 2 / variance.data[i]!;
    if (square <= width * width) inside++;
    density -= 0.5 * (Math.log(2 * Math.PI * variance.data[i]!) + square);
  });
  const n = y.data.length;
  return { rmse: rmse(mean, y), nlpd: -density / n, coverage95: inside / n };
}
