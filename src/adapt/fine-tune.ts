import type { Matrix } from "../linalg/index.ts";
import { columnVector } from "../linalg/index.ts";
import {
  adam,
  binaryCrossEntropy,
  crossEntropy,
  type Examples,
  type Loss,
  mse,
  type Network,
  train,
} from "../networks/index.ts";
import { forwardCost } from "../tangent/index.ts";
import { runSync } from "../tasks/index.ts";

const steps = 300;

/** All weights trained on: 300 full-batch steps of Adam at 1e-3, on squared error for numbers, cross entropy for labels. */
export function fineTune(network: Network, { x, y }: Examples, loss: Loss = mse()): Network {
  const optimizer = adam({ learningRate: 1e-3 });
  return runSync(train(network, { x, y }, { epochs: steps, batchSize: x.rows, loss, optimizer })).network;
}

/** The same on labels: class numbers from 0. */
export function fineTuneToLabels(network: Network, x: Matrix, labels: ArrayLike<number>): Network {
  const y = columnVector(Float64Array.from(labels));
  return fineTune(network, { x, y }, network.outputs === 1 ? binaryCrossEntropy() : crossEntropy());
}

/** Multiplications of fine-tuning with n examples: every step goes forth and twice back through the network. */
export function fineTuningCost(network: Network, n: number): number {
  return steps * 3 * n * forwardCost(network);
}
