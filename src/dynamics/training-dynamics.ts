import { UsageError } from "../errors/index.ts";
import { type InfiniteNetwork, pathCoefficients, trainedValues } from "../infinite/index.ts";
import { eigh, expectFinite, expectShape, type Matrix } from "../linalg/index.ts";
import { type Examples, type Loss, mse, type Network } from "../networks/index.ts";
import { movedAlong, outputRows, slopeAt, tangentKernel } from "../tangent/index.ts";
import type { Task } from "../tasks/index.ts";
import { type Descent, expectDescent } from "./descent.ts";
import { type KernelStatistics, kernelMovement, kernelStatistics, kernelTurn } from "./kernel-statistics.ts";

export interface DynamicsOptions extends Descent {
  /** Mean squared error unless given. */
  readonly loss?: Loss;
  /** Steps to look at, 0 the start; `spreadSteps(steps)` unless given. */
  readonly record?: readonly number[];
  /** The network's infinite-width limit, to be trained beside it from the same first function. */
  readonly limit?: InfiniteNetwork;
}

/** A function on its way. */
export interface Stage {
  /** n × outputs. */
  readonly atExamples: Matrix;
  /** m × outputs. */
  readonly atPoints: Matrix;
  readonly loss: number;
}

/** A network and the linear models beside it after so many steps. */
export interface DynamicsRecord {
  readonly step: number;
  readonly network: Network;
  /** The network itself. */
  readonly actual: Stage;
  /** Its linearisation at the first weights, trained by the same steps. */
  readonly linearised: Stage;
  /** The infinite network with its unmoving kernel, from the same first function; with `limit` only. */
  readonly infinite?: Stage;
  /**
   * The tangent kernel at the examples, after these steps; its alignment is with the targets, or with ∂L/∂f under a loss
   * whose targets are classes.
   */
  readonly kernel: KernelStatistics & {
    /** ‖Θ − Θ₀‖ / ‖Θ₀‖. */
    readonly movement: number;
    /** 1 − ⟨Θ, Θ₀⟩ / (‖Θ‖ ‖Θ₀‖). */
    readonly turn: number;
  };
}

export interface TrainingDynamics {
  readonly examples: Examples;
  readonly points: Matrix;
  readonly descent: Descent;
  /** Θ₀ at the examples, n·outputs square, point-major. */
  readonly gram: Matrix;
  readonly records: readonly DynamicsRecord[];
}

/**
 * A real training seen as a flow in function space: full-batch gradient descent of the network, the same descent of its
 * linearisation and, if asked for, of its infinite-width limit, side by side at the examples and at other points (m ×
 * inputs). The linear models move by f ← f − η Θ ∂L/∂f with Θ as it was at first (Jacot, Gabriel & Hongler 2018; Lee et
 * al. 2019). Targets are numbers (n × outputs) or whatever the loss takes. Throws ShapeError, NonFiniteError or
 * UsageError for what does not fit.
 */
export function* trainingDynamics(
  net: Network,
  examples: Examples,
  points: Matrix,
  options: DynamicsOptions,
): Task<TrainingDynamics> {
  expectDescent(options);
  const { x, y } = examples;
  const { loss = mse(), steps, learningRate, momentum = 0, limit } = options;
  const record = new Set(options.record ?? spreadSteps(steps));
  const late = [...record].find((step) => !(Number.isInteger(step) && step >= 0 && step <= steps));
  if (late !== undefined) throw new UsageError(`record: steps lie between 0 and ${steps}, got ${late}`);
  expectShape(points, "points", undefined, net.inputs);
  expectShape(y, "y", x.rows, undefined);
  for (const [name, values] of Object.entries({ x, y, points })) expectFinite(values, name);
  loss.check(net.outputs, y);

  const kernel = tangentKernel(net);
  const gram = kernel.gram(x);
  const first = { atExamples: net.at(x), atPoints: net.at(points) };
  const stage = (values: Omit<Stage, "loss">): Stage => {
    const { rows, cols, data } = values.atExamples;
    return { ...values, loss: loss.evaluate({ shape: [rows, cols], data }, y).value };
  };
  // Coefficients are of losses summed over the examples, ours are means.
  const time = { learningRate: learningRate / x.rows, steps, momentum };
  const beside = (own: Matrix, cross: Matrix) => {
    const kept = new Map<number, Stage>();
    pathCoefficients(own, first.atExamples, y, loss, time, (step, coefficients) => {
      if (!record.has(step)) return;
      const atExamples = trainedValues(first.atExamples, own, coefficients);
      kept.set(step, stage({ atExamples, atPoints: trainedValues(first.atPoints, cross, coefficients) }));
    });
    return kept;
  };
  const linearised = beside(gram, kernel.cross(points, x));
  const infinite = limit && beside(limit.ntk.gram(x), limit.ntk.cross(points, x));

  const records: DynamicsRecord[] = [];
  const look = (network: Network, step: number, values: Matrix) => {
    const now = step === 0 ? gram : tangentKernel(network).gram(x);
    const wide = infinite?.get(step);
    records.push({
      step,
      network,
      actual: stage({ atExamples: values, atPoints: network.at(points) }),
      linearised: linearised.get(step)!,
      ...(wide && { infinite: wide }),
      kernel: {
        ...kernelStatistics(now, loss.name === "mse" ? y : direction(values, loss, y)),
        movement: kernelMovement(gram, now),
        turn: kernelTurn(gram, now),
      },
    });
  };
  let current = net;
  let velocity: Float64Array = new Float64Array(0);
  for (let step = 0; step <= steps; step++) {
    const slope = slopeAt(current, examples, loss);
    if (record.has(step)) look(current, step, outputRows(slope.outputs));
    if (step === steps) break;
    const before = velocity;
    velocity =
      momentum === 0 || step === 0 ? slope.weights : slope.weights.map((g, i) => momentum * before[i]! + g);
    current = movedAlong(current, velocity, -learningRate);
    yield { stage: "dynamics", done: step + 1, total: steps, metrics: { loss: slope.loss } };
  }
  return { examples, points, descent: options, gram, records };
}

/** About `count` steps from 0 to the last, evenly spaced in log step. */
export function spreadSteps(steps: number, count = 24): readonly number[] {
  const spread = Array.from({ length: count }, (_, i) => Math.round(steps ** (i / (count - 1))));
  return [...new Set([0, ...spread, steps])].filter((step) => step <= steps).sort((a, b) => a - b);
}

/**
 * Half the largest learning rate at which descent on the mean squared error does not diverge: n·outputs / (2 λ_max), from
 * the tangent kernel at the examples (n × inputs).
 */
export function steadyLearningRate(net: Network, x: Matrix): number {
  const gram = tangentKernel(net).gram(x);
  return gram.rows / (2 * eigh(gram).values.at(-1)!);
}

/** What the loss asks of the outputs: its cotangents, as targets for the alignment where classes are no numbers. */
function direction(values: Matrix, loss: Loss, y: Matrix): Matrix {
  const { dy } = loss.evaluate({ shape: [values.rows, values.cols], data: values.data }, y);
  return { ...values, data: Float64Array.from(dy.data) };
}
