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
import type { Examples, Network } from "../networks/index.ts";
import { Gaussian, nonNegative } from "../processes/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { InfiniteNetwork } from "./infinite.ts";

/** How long a network is trained, on ½ Σ ‖f(x_i) − y_i‖². */
export interface TrainingTime {
  readonly learningRate: number;
  /** Steps of gradient descent, or with `rule: "flow"` time in units of the learning rate; Infinity for the end. */
  readonly steps: number;
  /** Discrete steps unless given: (I − ηΘ)^t instead of e^(−ηΘt). */
  readonly rule?: "descent" | "flow";
  /** Of heavy-ball momentum, v ← μ v + g, w ← w − η v; 0 unless given. Of descent only. */
  readonly momentum?: number;
}

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
  let [left, velocity] = [1, 0];
  for (let t = 0; t < steps; t++) {
    velocity = momentum * velocity + pull * left;
    left -= velocity;
  }
  return left;
}

/** The largest learning rate at which full-batch gradient descent does not diverge: 2/λ_max, with momentum (2 + 2μ)/λ_max. */
export function largestLearningRate(tangentGram: Matrix, momentum = 0): number {
  return (2 + 2 * momentum) / eigh(tangentGram).values.at(-1)!;
}

/** Θ⁻¹ (I − decay) by eigenvalues, as a matrix; where λ is 0 its limit. */
function filter(gram: Matrix, time: TrainingTime): Matrix {
  check(time);
  const { values, vectors } = eigh(gram);
  const floor = 1e-14 * values.at(-1)!;
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

function check({ learningRate, steps, momentum = 0, rule }: TrainingTime): void {
  if (!(learningRate > 0) || !(steps >= 0) || !(momentum >= 0 && momentum < 1)) {
    throw new UsageError(
      `expected a learning rate above 0, steps from 0 and a momentum in [0, 1), got ${learningRate}, ${steps}, ${momentum}`,
    );
  }
  if (rule !== "flow" && steps !== Infinity && !Number.isInteger(steps)) {
    throw new UsageError(`descent takes a whole number of steps, got ${steps}; a flow takes any time`);
  }
  if (rule === "flow" && momentum > 0) throw new UsageError("momentum belongs to descent, not to a flow");
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
 * f_0 − Θ(·, X) Θ⁻¹ (I − decay) (f_0(X) − y), with the network's own tangent kernel Θ.
 */
export function linearisedTraining(net: Network, { x, y }: Examples, time: TrainingTime): Fn {
  const kernel = tangentKernel(net);
  const gap = subtract(net.at(x), y);
  const coefficients = multiply(filter(kernel.gram(x), time), reshape(gap, gap.data.length, 1));
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at: (points) => {
      const moved = multiply(kernel.cross(points, x), coefficients);
      return subtract(net.at(points), reshape(moved, points.rows, net.outputs));
    },
  };
}
