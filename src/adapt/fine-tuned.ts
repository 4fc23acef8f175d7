import { UsageError } from "../errors/index.ts";
import { type Fn, type Matrix, matrix, takeRows } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { key, permutation } from "../random/index.ts";
import { fineTune, fineTuneToLabels, fineTuningCost } from "./fine-tune.ts";

/**
 * A network trained on by gradient, as a mean before the data it was trained on: at each of those examples it is what a
 * network trained without them says (cross-fitting; Chernozhukov et al. 2018), elsewhere what the one trained on all says.
 * So examples still tell how far it is to be trusted, and evidence and leave-one-out stay honest.
 */
export interface FineTuned {
  /** Trained on all examples. */
  readonly network: Network;
  readonly x: Matrix;
  /** At the examples, n × o: each from a network that was trained without it. */
  readonly leftOut: Matrix;
  /** The mean lies so far on the way from the network as it was (0) to the one trained on (1). */
  readonly share: number;
}

// Parts that are left out in turn, at most.
const most = 5;

/** Trained on with y, n × o. */
export function fineTunedToNumbers(network: Network, x: Matrix, y: Matrix): FineTuned {
  return crossFitted(x, (rows) => fineTune(network, { x: takeRows(x, rows), y: takeRows(y, rows) }));
}

/** Trained on with labels. */
export function fineTunedToLabels(network: Network, x: Matrix, labels: ArrayLike<number>): FineTuned {
  return crossFitted(x, (rows) =>
    fineTuneToLabels(
      network,
      takeRows(x, rows),
      Float64Array.from(rows, (i) => labels[i]!),
    ),
  );
}

/** Throws UsageError where the mean is to be "fine-tuned" and what it is was not given. */
export function expectFineTuned(fineTuned: FineTuned | undefined): FineTuned {
  if (fineTuned) return fineTuned;
  throw new UsageError('the mean "fine-tuned" of known scales needs the option fineTuned: what adapt found');
}

/**
 * The network trained on with all examples, and without each of five parts of them at random. `tune` trains the network
 * on the examples at these rows. Throws UsageError for fewer than two examples.
 */
function crossFitted(x: Matrix, tune: (rows: Int32Array) => Network): FineTuned {
  const n = x.rows;
  if (n < 2)
    throw new UsageError(`a fine-tuned mean needs at least 2 examples, to leave some out, and there is ${n}`);
  const all = Int32Array.from({ length: n }, (_, i) => i);
  const folds = Math.min(most, n);
  const place = permutation(key(0), n);
  const network = tune(all);
  const outputs = matrix(n, network.outputs);
  for (let fold = 0; fold < folds; fold++) {
    const held = all.filter((i) => place[i]! % folds === fold);
    const said = tune(all.filter((i) => place[i]! % folds !== fold)).at(takeRows(x, held));
    held.forEach((i, r) => {
      outputs.data.set(said.data.subarray(r * outputs.cols, (r + 1) * outputs.cols), i * outputs.cols);
    });
  }
  return { network, x, leftOut: outputs, share: 1 };
}

/**
 * As a function, from the network before: at points that are one of the examples, number by number, what was said without
 * it. So it stays what it is when examples are added, taken out or moved.
 */
export function fineTunedMean({ network, x, leftOut, share }: FineTuned, before: Network): Fn {
  const { inputs, outputs } = network;
  const bySum = new Map<number, number[]>();
  for (let i = 0; i < x.rows; i++) {
    const sum = sumOf(x, i);
    bySum.set(sum, [...(bySum.get(sum) ?? []), i]);
  }
  const exampleAt = (points: Matrix, row: number) =>
    bySum.get(sumOf(points, row))?.find((i) => sameRow(x, i, points, row));
  return {
    inputs,
    outputs,
    at(points) {
      const out = network.at(points);
      for (let r = 0; r < points.rows; r++) {
        const i = exampleAt(points, r);
        if (i !== undefined) out.data.set(leftOut.data.subarray(i * outputs, (i + 1) * outputs), r * outputs);
      }
      if (share === 1) return out;
      const old = before.at(points).data;
      return { ...out, data: out.data.map((v, k) => share * v + (1 - share) * old[k]!) };
    },
  };
}

function sumOf({ data, cols }: Matrix, row: number): number {
  let sum = 0;
  for (let k = row * cols; k < (row + 1) * cols; k++) sum += data[k]!;
  return sum;
}

function sameRow(a: Matrix, i: number, b: Matrix, j: number): boolean {
  for (let c = 0; c < a.cols; c++) {
    if (a.data[i * a.cols + c] !== b.data[j * b.cols + c]) return false;
  }
  return true;
}

// Multiplications of all the training together: about a minute.
const affordable = 2e11;

/** Whether training with all n examples, and without each part of them, is a matter of a minute. */
export function canFineTune(network: Network, n: number): boolean {
  return (most + 1) * fineTuningCost(network, n) <= affordable;
}
