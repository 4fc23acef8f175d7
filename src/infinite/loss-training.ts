import { ShapeError, UsageError } from "../errors/index.ts";
import type { Kernel } from "../kernels/index.ts";
import {
  cholesky,
  expectShape,
  type Fn,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  solveOde,
  stackRows,
  subtract,
} from "../linalg/index.ts";
import type { Examples, Loss } from "../networks/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { InfiniteNetwork } from "./infinite.ts";
import { checkTime, type TrainingTime } from "./training-time.ts";

/**
 * Training in function space on any loss, summed over the examples (so a learning rate is `train`'s divided by their
 * number): f_t = f_0 − Θ(·, X) a, where a (n × outputs) gathers the slopes of the loss met on the way. Found for the
 * examples alone: step by step for descent, by a Runge–Kutta solver for a flow. `gram` is Θ(X, X), n × n where every
 * output has the same, or n·outputs square and point-major. Descent calls `visit` with the coefficients before each step
 * (from 0) and after the last; `trainedValues` makes values of them. Throws UsageError for endless time, which a loss
 * without a minimum has no value at.
 */
export function pathCoefficients(
  gram: Matrix,
  start: Matrix,
  targets: Matrix,
  loss: Loss,
  time: TrainingTime,
  visit?: (step: number, coefficients: Matrix) => void,
): Matrix {
  const { learningRate, steps, rule = "descent", momentum = 0 } = time;
  checkTime(time);
  const { rows: n, cols: outputs } = start;
  loss.check(outputs, targets);
  expectShape(targets, "targets", n, undefined);
  if (gram.rows !== n && gram.rows !== n * outputs) {
    throw new ShapeError(
      `a tangent Gram matrix of ${n} examples with ${outputs} outputs has ${n} or ${n * outputs} rows, got ${gram.rows}`,
    );
  }
  if (steps === Infinity) {
    throw new UsageError("training on a loss other than squared error takes a finite time: it has no end");
  }
  const slope = (a: Float64Array): Float64Array => {
    const now = trainedValues(start, gram, matrix(n, outputs, a));
    const { data } = loss.evaluate({ shape: [n, outputs], data: now.data }, targets).dy;
    return Float64Array.from(data, (v) => v * n);
  };
  let a: Float64Array = new Float64Array(n * outputs);
  if (rule === "flow") a = solveOde(slope, a, learningRate * steps);
  else {
    const velocity = new Float64Array(a.length);
    for (let t = 0; t < steps; t++) {
      visit?.(t, matrix(n, outputs, a.slice()));
      const slopes = slope(a);
      for (let k = 0; k < a.length; k++) {
        velocity[k] = momentum * velocity[k]! + slopes[k]!;
        a[k]! += learningRate * velocity[k]!;
      }
    }
    visit?.(steps, matrix(n, outputs, a));
  }
  return matrix(n, outputs, a);
}

/**
 * f_0 − Θ(·, X) a at points where f_0 is `start` (m × outputs), for coefficients a (n × outputs): `kernel` is m × n where
 * every output has the same, or m·outputs × n·outputs.
 */
export function trainedValues(start: Matrix, kernel: Matrix, coefficients: Matrix): Matrix {
  const { rows, cols, data } = coefficients;
  const moved = multiply(kernel, kernel.cols === rows ? coefficients : matrix(rows * cols, 1, data));
  return subtract(start, reshape(moved, start.rows, start.cols));
}

/**
 * The function that a kernel's training from 0 becomes: of an infinitely wide network whose values at first are taken
 * from it, with its NTK. `outputs` functions share the kernel.
 */
export function trainFromZero(
  kernel: Kernel,
  { x, y }: Examples,
  outputs: number,
  loss: Loss,
  time: TrainingTime,
): Fn {
  const a = pathCoefficients(kernel.gram(x), matrix(x.rows, outputs), y, loss, time);
  return {
    inputs: x.cols,
    outputs,
    at: (points) => trainedValues(matrix(points.rows, outputs), kernel.cross(points, x), a),
  };
}

export interface EnsembleDraws {
  /** Values at the points of each trained network, points × outputs. */
  readonly draws: readonly Matrix[];
  readonly mean: Matrix;
  /** Unbiased, over the draws. */
  readonly variance: Matrix;
  /** Of the mean. */
  readonly standardError: Matrix;
}

/**
 * Infinitely wide networks trained on any loss: starts are drawn from the NNGP and each is trained with the NTK. On
 * squared error their mean and variance have a closed form (`ensemble`); on others they are the draws', and the mean is
 * not what the mean start becomes.
 */
export function ensembleDraws(
  limit: InfiniteNetwork,
  { x, y }: Examples,
  points: Matrix,
  time: TrainingTime,
  options: { readonly loss: Loss; readonly outputs: number; readonly count: number; readonly key: Key },
): EnsembleDraws {
  const { loss, outputs, count } = options;
  if (!(Number.isInteger(count) && count >= 2)) {
    throw new UsageError(`ensembleDraws: count is a whole number from 2, got ${count}`);
  }
  const all = stackRows([x, points]);
  const factor = cholesky(limit.nngp.gram(all)).lower;
  const gram = limit.ntk.gram(x);
  const cross = limit.ntk.cross(points, x);
  const draws = Array.from({ length: count }, (_, d) => {
    const noise = normal(split(options.key, d), all.rows * outputs);
    const start = multiply(factor, matrix(all.rows, outputs, noise));
    const a = pathCoefficients(gram, rowRange(start, 0, x.rows), y, loss, time);
    return trainedValues(rowRange(start, x.rows, all.rows), cross, a);
  });
  const mean = matrix(points.rows, outputs);
  for (const { data } of draws) {
    for (let k = 0; k < data.length; k++) mean.data[k]! += data[k]! / count;
  }
  const variance = matrix(points.rows, outputs);
  for (const { data } of draws) {
    for (let k = 0; k < data.length; k++) {
      variance.data[k]! += (data[k]! - mean.data[k]!) ** 2 / (count - 1);
    }
  }
  const standardError = { ...variance, data: variance.data.map((v) => Math.sqrt(v / count)) };
  return { draws, mean, variance, standardError };
}
