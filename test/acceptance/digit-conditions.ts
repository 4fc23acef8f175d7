import { compare, compareClassifiers } from "../../src/adapt/index.ts";
import { columnVector, type Matrix, takeRows } from "../../src/linalg/index.ts";
import { useNative } from "../../src/native/index.ts";
import {
  adam,
  conv2d,
  crossEntropy,
  dense,
  type Examples,
  flattenLayer,
  type Loss,
  mse,
  type Network,
  network,
  relu,
  train,
} from "../../src/networks/index.ts";
import { key, permutation, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { digitConditions, rotated } from "../support/digit-conditions.ts";
import { mnist } from "../support/mnist.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";

const absent = "skipped: ../shared/data/mnist is not here";
/** How often so many labels are drawn: scores of the fewest scatter most, by several points of accuracy a draw. */
const drawsOf = new Map([
  [10, 9],
  [20, 9],
  [50, 6],
  [100, 3],
]);
const sizes = [...drawsOf.keys()];
const drawsSaid = [...drawsOf].map(([n, draws]) => `${draws} of ${n}`).join(", ");
/** Of the first 8,000 images, at random: those that labels of another kind are drawn from are new to the network. */
const trainedOn = 7000;

type Condition = keyof typeof digitConditions;

/** A small convolutional network trained on upright digits, adapted to digits of another kind. */
const classes = (condition: Condition): Group => ({
  title: `Digits ${condition}: a CNN trained on ${trainedOn} of the first 8,000, upright, adapted to n labels of others, tested on the last 2,000, mean of draws (${drawsSaid})`,
  run() {
    const data = splitDigits();
    if (!data) return absent;
    useNative();
    const net = trained(data.train, 10, crossEntropy());
    const changed = ({ x, y }: Examples) => ({ x: digitConditions[condition](x), labels: y.data });
    const test = changed(data.test);
    return sizes.flatMap((n) => {
      const found = average(
        `${condition}, n = ${n}`,
        drawsOf.get(n)!,
        ["accuracy", "nll", "brier", "ece"],
        (draw) => runSync(compareClassifiers(net, changed(drawn(data.fresh, n, draw)), test)),
      );
      const { adapted, "fine-tuned": tuned, "last layer only": last } = found;
      return [
        ...lines(`n = ${n}`, found),
        atLeast(`n = ${n}: accuracy above fine-tuning's by`, adapted.accuracy - tuned.accuracy, 0),
        atLeast(`n = ${n}: accuracy above the last layer's by`, adapted.accuracy - last.accuracy, 0),
        atMost(`n = ${n}: NLL over fine-tuning's`, adapted.nll / tuned.nll, 1),
        atMost(`n = ${n}: NLL over the last layer's`, adapted.nll / last.nll, 1),
        atMost(`n = ${n}: ECE over fine-tuning's`, adapted.ece / tuned.ece, 1),
        atMost(`n = ${n}: ECE over the last layer's`, adapted.ece / last.ece, 1),
      ];
    });
  },
});

export const digitsRotated = classes("rotated by 45°");
export const digitsContrast = classes("shifted contrast");
export const digitsInverted = classes("inverted");

/** Angles in units of 30°, from −2 to 2. */
const unit = 30;

/** A network trained to tell by how much a digit is turned, adapted to inverted images and to another contrast. */
export const digitAngles: Group = {
  title: `Angles of turned digits: a CNN trained on ${trainedOn} of the first 8,000, adapted to n others of another kind, tested on the last 2,000, mean of draws (${drawsSaid})`,
  run() {
    const data = splitDigits();
    if (!data) return absent;
    useNative();
    const turned = (x: Matrix, name: string): Examples => {
      const y = uniform(split(key(5), name), x.rows).map((u) => 4 * u - 2);
      return { x: rotated(x, (i) => unit * y[i]!), y: columnVector(y) };
    };
    const fresh = turned(data.fresh.x, "fresh");
    const test = turned(data.test.x, "test");
    const net = trained(turned(data.train.x, "train"), 1, mse());
    const checks: Check[] = [];
    for (const condition of ["shifted contrast", "inverted"] as const) {
      const changed = ({ x, y }: Examples) => ({ x: digitConditions[condition](x), y });
      for (const n of sizes) {
        const means = ["rmse", "nlpd", "coverage95"] as const;
        const found = average(`angles, ${condition}, n = ${n}`, drawsOf.get(n)!, means, (draw) =>
          runSync(compare(net, changed(drawn(fresh, n, draw)), changed(test))).map((c) => ({
            ...c,
            ...c.scores,
          })),
        );
        const { adapted, "fine-tuned": tuned, "last layer only": last } = found;
        const about = found["adapted about fine-tuned"];
        checks.push(
          ...lines(`${condition}, n = ${n}`, found),
          atMost(`${condition}, n = ${n}: RMSE over fine-tuning's`, adapted.rmse / tuned.rmse, 1),
          atMost(`${condition}, n = ${n}: RMSE over the last layer's`, adapted.rmse / last.rmse, 1),
          atMost(`${condition}, n = ${n}: NLPD less fine-tuning's`, adapted.nlpd - tuned.nlpd, 0),
          atMost(`${condition}, n = ${n}: NLPD less the last layer's`, adapted.nlpd - last.nlpd, 0),
          atMost(
            `${condition}, n = ${n}, about fine-tuned: RMSE over fine-tuning's`,
            about.rmse / tuned.rmse,
            1,
          ),
          atMost(
            `${condition}, n = ${n}, about fine-tuned: RMSE over the last layer's`,
            about.rmse / last.rmse,
            1,
          ),
          atMost(
            `${condition}, n = ${n}, about fine-tuned: NLPD less fine-tuning's`,
            about.nlpd - tuned.nlpd,
            0,
          ),
          atMost(
            `${condition}, n = ${n}, about fine-tuned: NLPD less the last layer's`,
            about.nlpd - last.nlpd,
            0,
          ),
        );
      }
    }
    return checks;
  },
};

function trained({ x, y }: Examples, outputs: number, loss: Loss): Network {
  const layers = [
    conv2d(8, 5, { padding: 2, stride: 2 }),
    relu(),
    conv2d(16, 5, { padding: 2, stride: 2 }),
    relu(),
    flattenLayer(),
    dense(outputs),
  ];
  const start = network({ inputShape: [1, 28, 28], layers, seed: 1 });
  return runSync(
    train(
      start,
      { x, y },
      { epochs: 5, batchSize: 50, loss, optimizer: adam({ learningRate: 2e-3 }), seed: 1 },
    ),
  ).network;
}

/** Images to train on, others of the first 8,000 to draw labels from, and of the last 2,000 to test on. */
function splitDigits() {
  const data = mnist();
  if (!data) return undefined;
  const take = ({ x, y }: Examples, rows: Int32Array): Examples => ({
    x: takeRows(x, rows),
    y: takeRows(y, rows),
  });
  const order = permutation(split(key(4), "images"), data.train.x.rows);
  return {
    train: take(data.train, order.subarray(0, trainedOn)),
    fresh: take(data.train, order.subarray(trainedOn)),
    test: data.test,
  };
}

/** n examples at random; of one draw more of them are the fewer and others. */
function drawn({ x, y }: Examples, n: number, draw: number): Examples {
  const rows = permutation(split(split(key(4), "examples"), draw), x.rows).subarray(0, n);
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
}

type Means<K extends string> = Readonly<Record<K | "seconds", number>>;

/** Means over the draws, by the contender's name. */
function average<N extends string, K extends string>(
  stage: string,
  draws: number,
  scores: readonly K[],
  run: (
    draw: number,
  ) => readonly (Readonly<Record<K, number>> & { readonly name: N; readonly milliseconds: number })[],
): Record<N, Means<K>> {
  const out: Partial<Record<N, Record<string, number>>> = {};
  for (let draw = 0; draw < draws; draw++) {
    for (const c of run(draw)) {
      out[c.name] ??= {};
      const sums = out[c.name]!;
      for (const score of scores) sums[score] = (sums[score] ?? 0) + c[score] / draws;
      sums.seconds = (sums.seconds ?? 0) + c.milliseconds / 1000 / draws;
    }
    console.error(`${stage}: draw ${draw + 1} of ${draws}`);
  }
  return out as Record<N, Means<K>>;
}

/** A line for each contender. */
function lines(label: string, found: Readonly<Record<string, Means<string>>>): Check[] {
  return Object.entries(found).map(([name, means]) =>
    reported(
      `${label}, ${name}: ${Object.keys(means).join("; ")}`,
      Object.entries(means)
        .map(([score, v]) => v.toFixed(score === "seconds" ? 1 : 3))
        .join("; "),
    ),
  );
}
