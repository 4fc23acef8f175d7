import { UsageError } from "../errors/index.ts";
import { type Matrix, multiply, reshape, subtract } from "../linalg/index.ts";
import type { Loss } from "../networks/index.ts";

/** Full-batch gradient descent on a loss, which is a mean over the examples. */
export interface Descent {
  readonly learningRate: number;
  readonly steps: number;
  /** Of heavy-ball momentum, v ← μ v + g, w ← w − η v. 0 unless given. */
  readonly momentum?: number;
}

/** A model that is linear in its weights, as descent sees it: kernels and first values at examples and points. */
export interface LinearModel {
  /** Θ(X, X), n·outputs square, point-major. */
  readonly gram: Matrix;
  /** Θ(points, X). */
  readonly cross: Matrix;
  /** f₀ at the examples, n × outputs. */
  readonly atExamples: Matrix;
  /** f₀ at the points, m × outputs. */
  readonly atPoints: Matrix;
}

/** Values of a function on its way. */
export interface FunctionValues {
  readonly atExamples: Matrix;
  readonly atPoints: Matrix;
}

/**
 * Training in function space: f ← f − η Θ(·, X) ∂L/∂f, the discrete form of df/dt = −Θ ∇_f L, for any loss and with
 * momentum. Exact for a model linear in its weights, such as a network's linearisation. Visits the values before each
 * step and after the last (`step` from 0).
 */
export function functionDescent(
  { gram, cross, atExamples, atPoints }: LinearModel,
  targets: Matrix,
  loss: Loss,
  descent: Descent,
  visit: (step: number, values: FunctionValues) => void,
): FunctionValues {
  expectDescent(descent);
  const { learningRate, steps, momentum = 0 } = descent;
  loss.check(atExamples.cols, targets);
  // Everything that moves is Θ(·, X) times a sum of cotangents: it is enough to carry the sum's move of each step.
  let values: FunctionValues = { atExamples, atPoints };
  let velocity: Matrix = { rows: gram.rows, cols: 1, data: new Float64Array(gram.rows) };
  for (let step = 0; step < steps; step++) {
    visit(step, values);
    const { rows, cols, data } = values.atExamples;
    const { dy } = loss.evaluate({ shape: [rows, cols], data }, targets);
    velocity = { ...velocity, data: velocity.data.map((v, k) => momentum * v + dy.data[k]!) };
    const move = { ...velocity, data: velocity.data.map((v) => learningRate * v) };
    values = {
      atExamples: subtract(values.atExamples, reshape(multiply(gram, move), rows, cols)),
      atPoints: subtract(values.atPoints, reshape(multiply(cross, move), atPoints.rows, cols)),
    };
  }
  visit(steps, values);
  return values;
}

/** Throws UsageError for a descent that is none. */
export function expectDescent({ learningRate, steps, momentum = 0 }: Descent): void {
  if (!(learningRate > 0) || !Number.isInteger(steps) || steps < 0 || !(momentum >= 0 && momentum < 1)) {
    throw new UsageError(
      `expected a learning rate above 0, a whole number of steps and a momentum in [0, 1), got ${learningRate}, ${steps}, ${momentum}`,
    );
  }
}
