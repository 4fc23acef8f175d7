import { type Matrix, matrix } from "../linalg/index.ts";
import {
  adam,
  cosineSchedule,
  dense,
  type Examples,
  type Network,
  network,
  networkOf,
  type TrainOptions,
  tanh,
} from "../networks/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { evenly } from "./section.ts";

/** What the probes' sections look into: networks that learn a function of one variable. */
export const truth = (x: number): number => Math.sin(2 * x) + 0.3 * x;

/** The task that comes after: the same shape, moved. */
export const changedTruth = (x: number): number => 1.25 * Math.sin(2 * x + 0.35) + 0.3 * x + 0.3;

export const shown: Matrix = evenly(-3, 3, 181);

export function startNetwork(seed: number): Network {
  return network({ inputShape: [1], layers: [dense(24), tanh(), dense(24), tanh(), dense(1)], seed });
}

export function trainingOf(seed: number, epochs = 90): TrainOptions {
  return {
    epochs,
    batchSize: 50,
    optimizer: adam({ learningRate: 6e-3 }),
    schedule: cosineSchedule(),
    seed,
  };
}

/** Places drawn uniformly from [−3, 3] with the function's values there, of noise 0.05. */
export function examplesOf(f: (x: number) => number, key: Key, count: number): Examples {
  const x = uniform(split(key, "places"), count).map((u) => -3 + 6 * u);
  const errors = normal(split(key, "noise"), count);
  return {
    x: matrix(count, 1, x),
    y: matrix(
      count,
      1,
      x.map((v, i) => f(v) + 0.05 * errors[i]!),
    ),
  };
}

/** The network without a unit of the hidden layer that the dense layer `next` takes: its outgoing weights are 0. */
export function withoutUnit(net: Network, next: number, unit: number): Network {
  return networkOf(
    net,
    net.weights.map((record, i) => {
      if (i !== next) return record;
      const weight = record.weight!;
      const units = weight.shape[1]!;
      const data = weight.data.map((w, k) => (k % units === unit ? 0 : w));
      return { ...record, weight: { ...weight, data } };
    }),
  );
}
