import { NonFiniteError, ShapeError, UsageError } from "../../errors/index.ts";
import {
  expectFinite,
  expectShape,
  type Matrix,
  rowRange,
  type Tensor,
  takeRows,
  toTensor,
} from "../../linalg/index.ts";
import { adam, type Optimizer } from "../../linalg/optimizers.ts";
import { type Key, key, permutation, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { Weights } from "../layer.ts";
import { type Network, networkOf } from "../network.ts";
import { forward, gradient, trainingForward } from "../passes.ts";
import { parameters } from "../weights.ts";
import { type Loss, mse } from "./losses.ts";
import { constantSchedule, type Schedule } from "./schedules.ts";

/** Points (n × inputs) and targets (n × targets, or n × 1 class numbers). */
export interface Examples {
  readonly x: Matrix;
  readonly y: Matrix;
}

/** One epoch's record. Losses are means over examples, in the units of the loss. */
export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  /** Mean over the minibatches as they were met, before each one's step. */
  readonly trainLoss: number;
  /** After the epoch; only with a validation split. */
  readonly validationLoss?: number;
  readonly learningRate: number;
}

export interface Training {
  /** The network of the best epoch by validation loss; of the last epoch without validation. */
  readonly network: Network;
  readonly history: readonly Epoch[];
  /** The epoch whose weights were kept, from 1; 0 when no epoch ran. */
  readonly keptEpoch: number;
  /** The minibatches seen by then. */
  readonly keptStep: number;
}

export interface TrainOptions {
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly loss?: Loss;
  readonly optimizer?: Optimizer;
  readonly schedule?: Schedule;
  /** Held-out examples, or the fraction of the examples to hold out at random. */
  readonly validation?: Examples | number;
  /** Compare validation losses after every so many minibatches too, not after each epoch alone. */
  readonly validateEvery?: number;
  /** Stop after this many epochs without a better validation loss. */
  readonly patience?: number;
  /** Stop after this many minibatches. */
  readonly maxSteps?: number;
  /** Positions of layers whose weights stay as they are. */
  readonly frozen?: readonly number[];
  /** Weights to hold at zero, by layer and name: 1 keeps a weight, 0 removes it. */
  readonly masks?: readonly Weights[];
  /** Seed of the split and of the order of the minibatches. */
  readonly seed?: number;
  /** Called after each epoch with a network that is safe to keep; return false to stop. */
  readonly onEpoch?: (epoch: Epoch, network: Network) => boolean | undefined;
}

/**
 * Trains a copy of the network by minibatch gradient descent; the network given is untouched.
 * Throws ShapeError or NonFiniteError for examples that do not fit, and NonFiniteError when the loss diverges.
 */
export function* train(net: Network, examples: Examples, options: TrainOptions = {}): Task<Training> {
  const { epochs = 60, batchSize = 128, loss = mse(), optimizer = adam(), patience, onEpoch } = options;
  const { maxSteps = Infinity, validateEvery } = options;
  const schedule = options.schedule ?? constantSchedule();
  const root = split(key(options.seed ?? 0), "train");
  check(net, examples, options);
  loss.check(net.outputs, examples.y);
  const [data, validation] = holdOut(examples, options.validation, split(root, "validation"));
  if (validation) loss.check(net.outputs, validation.y);

  const weights = cloneWeights(net.weights);
  const hold = masking(weights, options.masks);
  hold();
  let working = networkOf(net, weights);
  const frozen = new Set(options.frozen);
  const free = (records: readonly Weights[]) => records.map((record, i) => (frozen.has(i) ? {} : record));
  const arrays = parameters(free(weights)).map(({ tensor }) => tensor.data);
  const state = optimizer.start(
    arrays.map((a) => a.length),
    free(weights).flatMap((record, i) => {
      const rates = net.layers[i]!.adaptiveRates?.(net.weights[i]!);
      return Object.keys(record).map((name) => rates?.[name] ?? 1);
    }),
  );
  const batches = Math.ceil(data.x.rows / batchSize);
  const history: Epoch[] = [];
  let kept: Kept = { epoch: 0, step: 0, loss: Infinity, network: net };
  const snapshot = () => networkOf(working, cloneWeights(weights));
  const keepBest = (epoch: number, step: number, loss: number) => {
    if (loss < kept.loss) kept = { epoch, step, loss, network: snapshot() };
  };

  let steps = 0;
  for (let epoch = 1; epoch <= epochs && steps < maxSteps; epoch++) {
    const order = permutation(split(root, epoch), data.x.rows);
    let total = 0;
    let seen = 0;
    let learningRate = optimizer.learningRate;
    for (let batch = 0; batch < batches && steps < maxSteps; batch++, steps++) {
      const rows = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      const { y, tapes, buffers } = trainingForward(
        working,
        gather(data.x, rows, net),
        split(split(root, "dropout"), steps),
        frozen,
      );
      const { value, dy } = loss.evaluate(y, takeRows(data.y, rows));
      if (!Number.isFinite(value)) {
        throw new NonFiniteError(
          `training diverged in epoch ${epoch}: the loss is ${value}; lower the learning rate (now ${learningRate})`,
        );
      }
      total += value * rows.length;
      seen += rows.length;
      learningRate = optimizer.learningRate * schedule((epoch - 1 + batch / batches) / epochs);
      const slopes = parameters(gradient(working, tapes, dy, frozen)).map(({ tensor }) => tensor.data);
      state.step(arrays, slopes, learningRate);
      hold();
      working = { ...working, buffers };
      if (validation && validateEvery && (steps + 1) % validateEvery === 0)
        keepBest(epoch, steps + 1, evaluate(working, validation, loss));
      yield {
        stage: "train",
        done: steps + 1,
        total: Math.min(maxSteps, epochs * batches),
        metrics: { epoch, loss: value },
      };
    }
    const record: Epoch = {
      epoch,
      trainLoss: total / seen,
      learningRate,
      ...(validation && { validationLoss: evaluate(working, validation, loss) }),
    };
    history.push(record);
    // Without validation the last epoch is the one kept.
    keepBest(epoch, steps, record.validationLoss ?? -epoch);
    if (onEpoch?.(record, snapshot()) === false) break;
    if (validation && patience !== undefined && epoch - kept.epoch >= patience) break;
  }
  return { network: kept.network, history, keptEpoch: kept.epoch, keptStep: kept.step };
}

interface Kept {
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly network: Network;
}

/** The mean loss over all examples. */
export function evaluate(net: Network, { x, y }: Examples, loss: Loss): number {
  const chunk = 4096;
  let total = 0;
  for (let from = 0; from < x.rows; from += chunk) {
    const to = Math.min(x.rows, from + chunk);
    const outputs = forward(net, toTensor(rowRange(x, from, to), net.inputShape, net.precision)).y;
    total += loss.evaluate(outputs, rowRange(y, from, to)).value * (to - from);
  }
  return total / x.rows;
}

function check(
  net: Network,
  { x, y }: Examples,
  {
    epochs = 60,
    batchSize = 128,
    patience,
    validation,
    maxSteps = 1,
    frozen = [],
    validateEvery,
  }: TrainOptions,
) {
  if (validateEvery !== undefined && !(Number.isInteger(validateEvery) && validateEvery >= 1))
    throw new UsageError(`validateEvery is a whole number of at least 1, got ${validateEvery}`);
  if (!Number.isInteger(maxSteps) || maxSteps < 1)
    throw new UsageError(`maxSteps is a whole number of at least 1, got ${maxSteps}`);
  const unknown = frozen.find((i) => net.layers[i] === undefined);
  if (unknown !== undefined) throw new UsageError(`frozen: the network has no layer ${unknown}`);
  expectShape(x, "x", undefined, net.inputs);
  expectShape(y, "y", x.rows, undefined);
  if (x.rows === 0) throw new ShapeError("train: there are no examples");
  expectFinite(x, "x");
  expectFinite(y, "y");
  if (!Number.isInteger(epochs) || epochs < 0)
    throw new UsageError(`epochs is a whole number, got ${epochs}`);
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UsageError(`batchSize is a whole number of at least 1, got ${batchSize}`);
  }
  if (patience !== undefined && validation === undefined) {
    throw new UsageError("patience needs validation examples to watch: give `validation` too");
  }
}

function holdOut(
  examples: Examples,
  validation: Examples | number | undefined,
  k: Key,
): [Examples, Examples?] {
  if (validation === undefined || validation === 0) return [examples];
  if (typeof validation !== "number") return [examples, validation];
  const n = examples.x.rows;
  const held = Math.round(n * validation);
  if (!(validation > 0 && validation < 1) || held < 1 || held >= n) {
    throw new UsageError(
      `validation: holding out ${validation} of ${n} examples leaves none on one side; use a fraction such as 0.1`,
    );
  }
  const order = permutation(k, n);
  const pick = (rows: Int32Array) => ({ x: takeRows(examples.x, rows), y: takeRows(examples.y, rows) });
  return [pick(order.subarray(held)), pick(order.subarray(0, held))];
}

function gather(x: Matrix, rows: Int32Array, net: Network): Tensor {
  return toTensor(takeRows(x, rows), net.inputShape, net.precision);
}

/** What puts masked weights back to zero. Throws ShapeError for a mask that fits no parameter. */
function masking(weights: readonly Weights[], masks: readonly Weights[] = []): () => void {
  const pairs = masks.flatMap((record, i) =>
    Object.entries(record).map(([name, mask]) => {
      const data = weights[i]?.[name]?.data;
      if (data?.length !== mask.data.length) {
        throw new ShapeError(`masks: layer ${i} has no parameter "${name}" of ${mask.data.length} numbers`);
      }
      return [data, mask.data] as const;
    }),
  );
  return () => {
    for (const [data, mask] of pairs) for (let k = 0; k < data.length; k++) data[k]! *= mask[k]!;
  };
}

function cloneWeights(weights: readonly Weights[]): Weights[] {
  return weights.map((record) =>
    Object.fromEntries(
      Object.entries(record).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
    ),
  );
}
