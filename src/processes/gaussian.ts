import { NonFiniteError, UsageError } from "../errors/index.ts";
import {
  cholesky,
  expectShape,
  halfSolve,
  identity,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
} from "../linalg/index.ts";
import { type Key, normal, normalQuantile, split } from "../random/index.ts";

/** The distribution of a process's values at finitely many points. */
export interface Marginal {
  /** n × outputs. */
  readonly mean: Matrix;
  /** n × outputs, of each value alone. */
  readonly variance: Matrix;
  /** The joint log density of values y (n × outputs), in nats. */
  logDensity(y: Matrix): number;
  /** `count` joint draws, each n × outputs. */
  sample(key: Key, count: number): readonly Matrix[];
}

/** How a Gaussian's parts are found; each is asked for at most once, and only when read. */
export interface GaussianParts {
  readonly rows: number;
  readonly outputs: number;
  mean(): Matrix;
  /** Mean and variance found together, when that is cheaper than one after the other. */
  moments(): { readonly mean: Matrix; readonly variance: Matrix };
  /** n·outputs square, point-major. */
  covariance(): Matrix;
}

/** A finite-dimensional Gaussian: values of a process at n points. Its parts are computed when first read. */
export class Gaussian implements Marginal {
  readonly #parts: GaussianParts;
  #mean: Matrix | undefined;
  #variance: Matrix | undefined;
  #covariance: Matrix | undefined;

  constructor(parts: GaussianParts) {
    this.#parts = parts;
  }

  get mean(): Matrix {
    this.#mean ??= this.#parts.mean();
    return this.#mean;
  }

  get variance(): Matrix {
    if (!this.#variance) {
      const { mean, variance } = this.#parts.moments();
      this.#mean ??= mean;
      this.#variance = variance;
    }
    return this.#variance;
  }

  /** Both of the above, found together: cheaper than reading the mean first. */
  get moments(): { readonly mean: Matrix; readonly variance: Matrix } {
    const { variance } = this;
    return { mean: this.mean, variance };
  }

  /** n·outputs square, point-major: row i·outputs + p is output p at point i. */
  get covariance(): Matrix {
    this.#covariance ??= this.#parts.covariance();
    return this.#covariance;
  }

  /** Square roots of the variances, n × outputs. */
  get standardDeviation(): Matrix {
    return { ...this.variance, data: this.variance.data.map(Math.sqrt) };
  }

  /** The central interval that holds each value with the given probability. */
  interval(probability = 0.95): { readonly lower: Matrix; readonly upper: Matrix } {
    if (!(probability > 0 && probability < 1)) {
      throw new UsageError(`a probability lies between 0 and 1, got ${probability}`);
    }
    const width = normalQuantile((1 + probability) / 2);
    const { mean } = this.moments;
    const { standardDeviation } = this;
    const shift = (sign: number) => ({
      ...mean,
      data: mean.data.map((m, i) => m + sign * width * standardDeviation.data[i]!),
    });
    return { lower: shift(-1), upper: shift(1) };
  }

  /** The log density of each value alone under its own mean and variance, n × outputs, in nats. */
  logDensities(y: Matrix): Matrix {
    const { mean, variance } = this.moments;
    expectShape(y, "y", mean.rows, mean.cols);
    return {
      ...y,
      data: y.data.map((v, i) => {
        const s = variance.data[i]!;
        return -0.5 * (Math.log(2 * Math.PI * s) + (v - mean.data[i]!) ** 2 / s);
      }),
    };
  }

  logDensity(y: Matrix): number {
    expectShape(y, "y", this.mean.rows, this.mean.cols);
    const factor = cholesky(this.covariance);
    const residual = matrix(
      factor.size,
      1,
      y.data.map((v, i) => v - this.mean.data[i]!),
    );
    const white = halfSolve(factor, residual);
    const square = white.data.reduce((sum, v) => sum + v * v, 0);
    return -0.5 * (square + logDeterminant(factor) + factor.size * Math.log(2 * Math.PI));
  }

  sample(key: Key, count: number): readonly Matrix[] {
    const { mean } = this;
    const { lower } = cholesky(this.covariance);
    return Array.from({ length: count }, (_, s) => {
      const white = matrix(lower.rows, 1, normal(split(key, s), lower.rows));
      const deviation = reshape(multiply(lower, white), mean.rows, mean.cols);
      return { ...mean, data: mean.data.map((m, i) => m + deviation.data[i]!) };
    });
  }

  /** The same values observed with independent Gaussian noise of this variance. */
  withNoise(noiseVariance: number): Gaussian {
    if (!(noiseVariance >= 0)) throw new UsageError(`a noise variance is at least 0, got ${noiseVariance}`);
    const noisy = (variance: Matrix) => ({ ...variance, data: variance.data.map((v) => v + noiseVariance) });
    return new Gaussian({
      rows: this.#parts.rows,
      outputs: this.#parts.outputs,
      mean: () => this.mean,
      moments: () => {
        const variance = noisy(this.variance);
        return { mean: this.mean, variance };
      },
      covariance: () => {
        const { data, rows } = this.covariance;
        const noise = identity(rows, noiseVariance);
        return { rows, cols: rows, data: data.map((v, i) => v + noise.data[i]!) };
      },
    });
  }
}

/** Variances as differences of large numbers can fall below 0 by rounding: those become 0; NaN stays an error. */
export function nonNegative(variance: number): number {
  if (Number.isNaN(variance))
    throw new NonFiniteError("a predictive variance is NaN: the points or the kernel hold NaN");
  return Math.max(0, variance);
}
