import { UsageError } from "../errors/index.ts";
import {
  add,
  eigh,
  type Fn,
  type Matrix,
  matrix,
  multiply,
  reshape,
  subtract,
  transpose,
} from "../linalg/index.ts";
import type { Examples, Loss, Network } from "../networks/index.ts";
import { Gaussian, nonNegative } from "../processes/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { InfiniteNetwork } from "./infinite.ts";
import { pathCoefficients, trainedValues } from "./loss-training.ts";
import { checkTime, type TrainingTime } from "./training-time.ts";

/**
 * What is left of a residual along an eigenvector of the tangent kernel with eigenvalue λ: (1 − ηλ)^t, e^(−ηλt), or with
 * momentum the two-term recursion of its steps.
 */
export function decay(
  eigenvalue: number,
  { learningRate, steps, rule = "descent", momentum = 0 }: TrainingTime,
): number {
  const pull = learningRate * Math.max(0, eigenvalue);
  if (rule === "flow") return Math.exp(-pull * (pull > 0 ? steps : 0));
  if (momentum === 0) return pull > 0 ? (1 - pull) ** steps : 1;
  if (steps === Infinity) return pull > 0 ? 0 : 1;
  return momentumDecay(pull, momentum, steps);
}

/** A step takes (left, velocity) to ((1 − pull) left − μ velocity, pull · left + μ velocity): its power, by squaring. */
function momentumDecay(pull: number, momentum: number, steps: number): number {
  type Square = readonly [number, number, number, number];
  const times = ([a, b, c, d]: Square, [e, f, g, h]: Square): Square => [
    a * e + b * g,
    a * f + b * h,
    c * e + d * g,
    c * f + d * h,
  ];
  let power: Square = [1, 0, 0, 1];
  let step: Square = [1 - pull, -momentum, pull, momentum];
  for (let left = steps; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = times(power, step);
    step = times(step, step);
  }
  return power[0];
}

/** The largest learning rate at which full-batch gradient descent does not diverge: 2/λ_max, with momentum (2 + 2μ)/λ_max. */
export function largestLearningRate(tangentGram: Matrix, momentum = 0): number {
  return (2 + 2 * momentum) / eigh(tangentGram).values.at(-1)!;
}

/** Θ⁻¹ (I − decay) by eigenvalues, as a matrix; where λ is 0 its limit. */
function filter(gram: Matrix, time: TrainingTime): Matrix {
  checkTime(time);
  const { values, vectors } = eigh(gram);
  const most = values.at(-1)!;
  const limit = (2 + 2 * (time.momentum ?? 0)) / most;
  if (time.steps === Infinity && time.rule !== "flow" && time.learningRate >= limit) {
    throw new UsageError(
      `gradient descent with a learning rate of ${time.learningRate} diverges: it should be below ${limit.toPrecision(4)}`,
    );
  }
  const floor = 1e-14 * most;
  const gains = values.map((value) => {
    if (value > floor) {
      if (time.rule === "flow") return -Math.expm1(-time.learningRate * value * time.steps) / value;
      return (1 - decay(value, time)) / value;
    }
    return 0;
  });
  const scaled = { ...vectors, data: vectors.data.map((v, k) => v * gains[k % gains.length]!) };
  return multiply(scaled, vectors, { b: true });
}

/**
 * Mean and covariance, over initialisations, of infinitely wide networks trained for a time on x, y (n × inputs, n ×
 * outputs) with squared error, at points (Lee et al. 2019, equations 14 and 15; zero mean at initialisation).
 */
export function ensemble(
  { both }: InfiniteNetwork,
  { x, y }: Examples,
  points: Matrix,
  time: TrainingTime,
): Gaussian {
  const train = both(x);
  const cross = both(points, x);
  const outputs = y.cols;
  const weights = multiply(cross.ntk, filter(train.ntk, time)); // Θ(*, X) Θ⁻¹ (I − decay)
  const covariance = () => {
    const whole = both(points).nngp;
    const half = multiply(cross.nngp, weights, { b: true });
    const spread = multiply(multiply(weights, train.nngp), weights, { b: true });
    return subtract(add(whole, spread), add(half, transpose(half)));
  };
  const mean = () => multiply(weights, y);
  return new Gaussian({
    rows: points.rows,
    outputs,
    mean,
    moments() {
      const c = covariance();
      const variance = matrix(points.rows, outputs);
      for (let k = 0; k < variance.data.length; k++) {
        const i = Math.floor(k / outputs);
        variance.data[k] = nonNegative(c.data[i * c.cols + i]!);
      }
      return { mean: mean(), variance };
    },
    covariance: () => perOutput(covariance(), outputs),
  });
}

/** The same covariance for each of independent outputs, point-major. */
function perOutput(c: Matrix, outputs: number): Matrix {
  if (outputs === 1) return c;
  const out = matrix(c.rows * outputs, c.cols * outputs);
  for (let i = 0; i < c.rows; i++) {
    for (let j = 0; j < c.cols; j++) {
      for (let p = 0; p < outputs; p++) {
        out.data[(i * outputs + p) * out.cols + j * outputs + p] = c.data[i * c.cols + j]!;
      }
    }
  }
  return out;
}

/**
 * The function that a finite network's linearisation at its present weights becomes when trained for a time:
 * f_0 − Θ(·, X) Θ⁻¹ (I − decay) (f_0(X) − y), with the network's own tangent kernel Θ; on another loss than squared error
 * as `pathCoefficients` says.
 */
export function linearisedTraining(net: Network, { x, y }: Examples, time: TrainingTime, loss?: Loss): Fn {
  const kernel = tangentKernel(net);
  const start = net.at(x);
  const coefficients = loss
    ? pathCoefficients(kernel.gram(x), start, y, loss, time)
    : multiply(filter(kernel.gram(x), time), reshape(subtract(start, y), start.data.length, 1));
  const a = reshape(coefficients, start.rows, start.cols);
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at: (points) => trainedValues(net.at(points), kernel.cross(points, x), a),
  };
}
