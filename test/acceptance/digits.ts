import { type Matrix, takeRows } from "../../src/linalg/index.ts";
import { dense, type Examples, type Network, network, relu } from "../../src/networks/index.ts";
import { key, permutation, split } from "../../src/random/index.ts";
import { type Digits, mnist } from "../support/mnist.ts";

export const absent = "skipped: ../shared/data/mnist is not here";

/** Pixels less their mean over their deviation, .1307 and .3081 as everyone takes them: un-normalised inputs learn differently. */
export function normalised({ x, y }: Digits): Examples {
  return { x: { ...x, data: x.data.map((v) => (v - 0.1307) / 0.3081) }, y };
}

export function digits(): { train: Examples; test: Examples } | undefined {
  const data = mnist();
  return data && { train: normalised(data.train), test: normalised(data.test) };
}

/**
 * 8,000 images to train on and 2,000 to test on, at random: the file has two groups of writers one after the other, and
 * its last 2,000 images are easier than the rest.
 */
export function shuffledDigits(seed: number): { train: Digits; test: Digits } | undefined {
  const data = mnist();
  if (!data) return undefined;
  const { train, test } = data;
  const order = permutation(split(key(seed), "images"), train.x.rows + test.x.rows);
  const pick = (of: "x" | "y", from: number, to: number) => {
    const { cols } = train[of];
    const all = new Float64Array(order.length * cols);
    all.set(train[of].data);
    all.set(test[of].data, train[of].data.length);
    return takeRows({ rows: order.length, cols, data: all }, order.subarray(from, to));
  };
  const part = (from: number, to: number) => ({ x: pick("x", from, to), y: pick("y", from, to) });
  return { train: part(0, train.x.rows), test: part(train.x.rows, order.length) };
}

export const lenet = (seed: number) =>
  network({ inputShape: [784], layers: [dense(300), relu(), dense(100), relu(), dense(10)], seed });

export function accuracy(net: Network, { x, y }: Examples): number {
  return share(net.at(x), y);
}

export function share(outputs: Matrix, y: Matrix): number {
  let right = 0;
  for (let i = 0; i < y.rows; i++) {
    const row = outputs.data.subarray(i * outputs.cols, (i + 1) * outputs.cols);
    if (row.indexOf(Math.max(...row)) === y.data[i]) right++;
  }
  return right / y.rows;
}

export const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
export const spread = (values: readonly number[]) =>
  Math.sqrt(values.reduce((s, v) => s + (v - mean(values)) ** 2, 0) / (values.length - 1));
export const points = (values: readonly number[]) =>
  `${(100 * mean(values)).toFixed(2)} ± ${(100 * spread(values)).toFixed(2)} %`;
