import { type Fn, gramOf, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  adam,
  crossEntropy,
  dense,
  drawWeights,
  type Examples,
  type Network,
  network,
  networkOf,
  relu,
  sgd,
  train,
} from "../../src/networks/index.ts";
import {
  ablate,
  composition,
  copyLayers,
  dataMeasure,
  distance,
  featureGradientKernel,
  kernelSimilarity,
  layerContributions,
  layerFeatures,
  lotteryTickets,
  stitch,
  trainTrajectory,
} from "../../src/probes/index.ts";
import { similarityMatrix } from "../../src/probes/similarity.ts";
import { runSync } from "../../src/tasks/index.ts";
import { type Digits, mnist } from "../support/mnist.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";

const absent = "skipped: ../shared/data/mnist is not here";

/** Pixels less their mean over their deviation, .1307 and .3081 as everyone takes them: un-normalised inputs learn differently. */
function normalised({ x, y }: Digits): Examples {
  return { x: { ...x, data: x.data.map((v) => (v - 0.1307) / 0.3081) }, y };
}

function digits(): { train: Examples; test: Examples } | undefined {
  const data = mnist();
  return data && { train: normalised(data.train), test: normalised(data.test) };
}

const lenet = (seed: number) =>
  network({ inputShape: [784], layers: [dense(300), relu(), dense(100), relu(), dense(10)], seed });

function accuracy(net: Network, { x, y }: Examples): number {
  return share(net.at(x), y);
}

function share(outputs: Matrix, y: Matrix): number {
  let right = 0;
  for (let i = 0; i < y.rows; i++) {
    const row = outputs.data.subarray(i * outputs.cols, (i + 1) * outputs.cols);
    if (row.indexOf(Math.max(...row)) === y.data[i]) right++;
  }
  return right / y.rows;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const spread = (values: readonly number[]) =>
  Math.sqrt(values.reduce((s, v) => s + (v - mean(values)) ** 2, 0) / (values.length - 1));
const points = (values: readonly number[]) =>
  `${(100 * mean(values)).toFixed(2)} ± ${(100 * spread(values)).toFixed(2)} %`;

/** Design facts, check 3: nine epochs of 134 steps are its 1,200 iterations; the test images choose the epoch, as there. */
export const tickets: Group = {
  title:
    "Lottery tickets: LeNet-300-100 on 8,000 digits, Adam 1.2e-3, 9 epochs a round, 11 rounds, three seeds",
  run() {
    const data = digits();
    if (!data) return absent;
    const measure = dataMeasure(data.test.x);
    const runs = [0, 1, 2].map((seed) => {
      const rounds = runSync(
        lotteryTickets(lenet(seed), data.train, {
          rounds: 11,
          controlRounds: [11],
          seed,
          training: {
            epochs: 9,
            batchSize: 60,
            loss: crossEntropy(),
            optimizer: adam({ learningRate: 1.2e-3 }),
            validation: data.test,
            seed,
          },
        }),
      );
      const [first, last] = [rounds[0]!, rounds[11]!];
      const score = (t: { readonly network: Network }) => accuracy(t.network, data.test);
      return {
        dense: score(first.ticket),
        ticket: score(last.ticket),
        reinitialised: score(last.reinitialised!),
        shuffled: score(last.shuffled!),
        remaining: last.remaining,
        epochDense: first.ticket.keptEpoch,
        epochThird: rounds[5]!.ticket.keptEpoch,
        distance: distance(first.ticket.network, last.ticket.network, measure).value,
        distanceShuffled: distance(first.ticket.network, last.shuffled!.network, measure).value,
      };
    });
    const all = (name: keyof (typeof runs)[0]) => runs.map((r) => r[name]);
    const gap = (a: keyof (typeof runs)[0], b: keyof (typeof runs)[0]) => mean(runs.map((r) => r[a] - r[b]));
    return [
      reported("weights that remain", `${(100 * runs[0]!.remaining).toFixed(1)} %`),
      atLeast("ticket less dense, accuracy, mean of seeds", gap("ticket", "dense"), -0.01, 4),
      atLeast("ticket less reinitialised", gap("ticket", "reinitialised"), 0.012, 4),
      atLeast("ticket less shuffled mask", gap("ticket", "shuffled"), 0.02, 4),
      reported("dense, accuracy", points(all("dense"))),
      reported("ticket", points(all("ticket"))),
      reported("reinitialised", points(all("reinitialised"))),
      reported("shuffled mask", points(all("shuffled"))),
      reported(
        "epoch of the least validation loss, dense; at 33 % of the weights",
        `${all("epochDense").join(", ")}; ${all("epochThird").join(", ")}`,
      ),
      reported(
        "L2 distance to the dense network: ticket, shuffled",
        `${mean(all("distance")).toFixed(2)}, ${mean(all("distanceShuffled")).toFixed(2)}`,
      ),
    ];
  },
};

const deep = (seed: number) =>
  network({
    inputShape: [784],
    layers: [...Array.from({ length: 6 }, () => [dense(200), relu()]).flat(), dense(10)],
    seed,
  });
const hidden = [1, 3, 5, 7, 9, 11];

/** Design facts, checks 2 and 10. */
export const functions: Group = {
  title: "Similarity, stitching, ablation, trajectories: five 784-[200]×6-10 networks on 8,000 digits",
  run() {
    const data = digits();
    if (!data) return absent;
    const training = { epochs: 8, batchSize: 128, loss: crossEntropy(), optimizer: adam() };
    const nets = [0, 1, 2, 3, 4].map(
      (seed) => runSync(train(deep(seed), data.train, { ...training, seed })).network,
    );
    const some = { x: head(data.test.x, 500), y: head(data.test.y, 500) };
    return [
      ...identification(nets, some.x),
      ...gradientSimilarity(nets, some.x),
      ...stitching(nets[0]!, nets[1]!, data),
      ...removal(data),
      ...epochs(data),
    ];
  },
};

function head(a: Matrix, rows: number): Matrix {
  return { ...a, rows, data: a.data.subarray(0, rows * a.cols) };
}

function identification(nets: readonly Network[], x: Matrix): Check[] {
  const layers = nets.map((net) => hidden.map((l) => layerFeatures(net, x, l)));
  const rate = (index: "cka" | "cca") => {
    let [right, all] = [0, 0];
    layers.forEach((a, i) => {
      layers.forEach((b, j) => {
        if (i === j) return;
        const s = similarityMatrix(index, a, b);
        for (let l = 0; l < 6; l++, all++) {
          const row = s.data.subarray(l * 6, l * 6 + 6);
          if (row.indexOf(Math.max(...row)) === l) right++;
        }
      });
    });
    return right / all;
  };
  const [cka, cca] = [rate("cka"), rate("cca")];
  return [
    atLeast("layers identified by linear CKA, 120 comparisons", cka, 0.45),
    atLeast("more than by CCA, by at least", cka - cca, 0.15),
  ];
}

function gradientSimilarity(nets: readonly Network[], x: Matrix): Check[] {
  const rate = (kernels: readonly (readonly Matrix[])[]) => {
    let [near, all] = [0, 0];
    kernels.forEach((a, i) => {
      kernels.forEach((b, j) => {
        if (i === j) return;
        for (let l = 0; l < 6; l++, all++) {
          const row = b.map((k) => kernelSimilarity("cka", a[l]!, k));
          if (Math.abs(row.indexOf(Math.max(...row)) - l) <= 1) near++;
        }
      });
    });
    return near / all;
  };
  const withGradients = rate(nets.map((net) => hidden.map((l) => featureGradientKernel(net, x, l))));
  const alone = rate(nets.map((net) => hidden.map((l) => gramOf(layerFeatures(net, x, l)))));
  return [
    reported(
      "rows whose best match is the same layer ± 1, 20 pairs: features and gradients; features alone",
      `${withGradients.toFixed(3)}; ${alone.toFixed(3)}`,
    ),
  ];
}

function stitching(
  a: Network,
  b: Network,
  { train: seen, test }: { train: Examples; test: Examples },
): Check[] {
  const fit = head(seen.x, 4000);
  const whole = accuracy(b, test);
  const penalties = hidden.map((l) => whole - accuracy(stitch(a, b, l, fit), test));
  const swaps = hidden.map((_, k) =>
    accuracy(
      copyLayers(
        a,
        b,
        Array.from({ length: k + 1 }, (_, j) => 2 * j),
      ),
      test,
    ),
  );
  const random = drawWeights(a, 77);
  const control = accuracy(stitch(random, b, hidden.at(-1)!, fit), test);
  return [
    atMost("stitching penalty in accuracy, worst layer", Math.max(...penalties), 0.02, 4),
    atMost("accuracy of a bare swap, best layer", Math.max(...swaps), 0.5),
    atLeast(
      "stitched above a random bottom at the last layer, by",
      whole - penalties.at(-1)! - control,
      0.15,
    ),
  ];
}

function removal({ train: seen, test }: { train: Examples; test: Examples }): Check[] {
  const net = runSync(
    train(lenet(3), seen, { epochs: 5, batchSize: 60, loss: crossEntropy(), optimizer: adam() }),
  ).network;
  const x = head(test.x, 1000);
  ablate(net, head(test.x, 50));
  const start = performance.now();
  const effects = ablate(net, x);
  const together = performance.now() - start;
  const measure = dataMeasure(x);
  // One by one: for a sample of units, the network without each is made and evaluated.
  const sample = effects.filter((_, k) => k % 10 === 0);
  const again = performance.now();
  const apart = sample.map(({ layer, unit }) => distance(net, without(net, layer + 1, unit), measure).value);
  const single = ((performance.now() - again) / sample.length) * effects.length;
  const worst = Math.max(...sample.map(({ effect }, k) => Math.abs(effect - apart[k]!)));
  return [
    atLeast(
      "all-unit ablation of 784-300-100-10 on 1,000 inputs: times faster than one by one",
      single / together,
      20,
      1,
    ),
    atMost("the same numbers, worst difference", worst, 1e-6, 8),
    atLeast("rms(h)·‖w_out‖ correlates with a first-layer unit's effect", correlation(net, x, effects), 0.8),
  ];
}

function without(net: Network, layer: number, unit: number): Network {
  return networkOf(
    net,
    net.weights.map((record, i) => {
      if (i !== layer) return record;
      const weight = record.weight!;
      const units = weight.shape[1]!;
      return {
        ...record,
        weight: { ...weight, data: weight.data.map((w, k) => (k % units === unit ? 0 : w)) },
      };
    }),
  );
}

function correlation(net: Network, x: Matrix, effects: ReturnType<typeof ablate>): number {
  const h = layerFeatures(net, x, 1);
  const weight = net.weights[2]!.weight!;
  const pairs = effects
    .filter(({ layer }) => layer === 1)
    .map(({ unit, effect }) => {
      let [square, out] = [0, 0];
      for (let i = 0; i < h.rows; i++) square += h.data[i * h.cols + unit]! ** 2 / h.rows;
      for (let u = 0; u < weight.shape[0]!; u++) out += weight.data[u * weight.shape[1]! + unit]! ** 2;
      return [Math.sqrt(square * out), effect] as const;
    });
  const [a, b] = [pairs.map((p) => p[0]), pairs.map((p) => p[1])];
  const covariance = mean(pairs.map(([p, q]) => (p - mean(a)) * (q - mean(b))));
  const n = pairs.length;
  return (covariance * n) / (n - 1) / (spread(a) * spread(b));
}

/** As the facts measured it: softmax outputs, plain gradient descent at 0.1, 18 epochs. */
function epochs({ train: seen, test }: { train: Examples; test: Examples }): Check[] {
  const { checkpoints } = runSync(
    trainTrajectory(
      network({ inputShape: [784], layers: [dense(200), relu(), dense(200), relu(), dense(10)], seed: 4 }),
      seen,
      {
        epochs: 18,
        batchSize: 128,
        loss: crossEntropy(),
        optimizer: sgd({ learningRate: 0.1 }),
        keep: [1, 5, 18],
      },
    ),
  );
  const probabilities = checkpoints.map(({ network: net }) => composition(net, softmaxFn(net.outputs)));
  const [one, five] = probabilities.map((f) => distance(f, probabilities[2]!, dataMeasure(test.x)).value);
  return [
    atMost("distance of probabilities from epoch 5 to the last, over that from epoch 1", five! / one!, 0.75),
  ];
}

function softmaxFn(classes: number): Fn {
  return {
    inputs: classes,
    outputs: classes,
    at(x) {
      const data = x.data.map(Math.exp);
      for (let i = 0; i < x.rows; i++) {
        const row = data.subarray(i * classes, (i + 1) * classes);
        const total = row.reduce((a, b) => a + b, 0);
        row.forEach((v, k) => {
          row[k] = v / total;
        });
      }
      return { ...x, data };
    },
  };
}

/** Layer transfer between two tasks. */
export const transfer: Group = {
  title: "Transferring a layer: digits 0–4 to 5–9, 784-100-50-5, 1,000 new images; evidence on 150 of them",
  run() {
    const data = digits();
    if (!data) return absent;
    const task = ({ x, y }: Examples, low: number, limit = Infinity): Examples => {
      const rows = Array.from(y.data.keys()).filter((i) => y.data[i]! >= low && y.data[i]! < low + 5);
      const kept = rows.slice(0, limit);
      return {
        x: matrix(
          kept.length,
          784,
          Float64Array.from(kept.flatMap((i) => [...x.data.subarray(i * 784, (i + 1) * 784)])),
        ),
        y: matrix(
          kept.length,
          1,
          Float64Array.from(kept, (i) => y.data[i]! - low),
        ),
      };
    };
    const start = network({
      inputShape: [784],
      layers: [dense(100), relu(), dense(50), relu(), dense(5)],
      seed: 5,
    });
    const training = { epochs: 20, batchSize: 50, loss: crossEntropy(), optimizer: adam() };
    const source = runSync(train(start, task(data.train, 0), training)).network;
    const rows = runSync(
      layerContributions(source, task(data.train, 5, 1000), task(data.test, 5), {
        training,
        seed: 6,
        score: share,
        values: (y) => oneHot(y, 5),
        evidenceRows: 150,
      }),
    );
    return rows.map((r) =>
      reported(
        `layer ${r.layer} (${r.kind})`,
        `distance ${r.functionDistance.toFixed(2)}; accuracy ${(100 * r.scoreTransferred).toFixed(1)} % against ${(100 * r.scoreFresh).toFixed(1)} % fresh; evidence ${r.evidence.toFixed(1)} nats, ${(100 * r.varianceShare).toFixed(0)} % of the prior variance`,
      ),
    );
  },
};

function oneHot(y: Matrix, classes: number): Matrix {
  const out = matrix(y.rows, classes);
  for (let i = 0; i < y.rows; i++) out.data[i * classes + y.data[i]!] = 1;
  return out;
}
