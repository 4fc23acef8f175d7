import { type Fn, gramOf, type Matrix, matrix, takeRows } from "../../src/linalg/index.ts";
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
  featuresAndGradients,
  kernelSimilarity,
  type LayerContribution,
  layerContributions,
  layerFeatures,
  stitch,
  trainTrajectory,
} from "../../src/probes/index.ts";
import { similarityMatrix } from "../../src/probes/similarity.ts";
import { runSync } from "../../src/tasks/index.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";
import { absent, accuracy, digits, lenet, mean, share, spread } from "./digits.ts";

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
  const kernelsOf = (kernel: (net: Network, layer: number) => Matrix) =>
    nets.map((net) => hidden.map((l) => kernel(net, l)));
  const alone = rate(kernelsOf((net, l) => gramOf(layerFeatures(net, x, l))));
  const withGradients = rate(kernelsOf((net, l) => featureGradientKernel(net, x, l)));
  const withDirections = rate(
    kernelsOf((net, l) => {
      const { features, gradients } = featuresAndGradients(net, x, l);
      const [f, g] = [gramOf(features), gramOf(gradients)];
      const n = x.rows;
      const length = (i: number) => Math.sqrt(g.data[i * n + i]!) || 1;
      const cosine = (k: number) => g.data[k]! / (length(Math.floor(k / n)) * length(k % n));
      return { ...f, data: f.data.map((v, k) => v * cosine(k)) };
    }),
  );
  return [
    atLeast("rows whose best match is the same layer ± 1, 20 pairs, by features", alone, 0.8),
    reported(
      "the same by features and gradients; by features and the gradients' directions",
      `${withGradients.toFixed(3)}; ${withDirections.toFixed(3)}`,
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
  // One by one, for a sample of units: f is known, each network without a unit is made and evaluated.
  const sample = effects.filter((_, k) => k % 10 === 0);
  const whole = net.at(x).data;
  const again = performance.now();
  const apart = sample.map(({ layer, unit }) => {
    const moved = without(net, layer + 1, unit).at(x).data;
    return Math.sqrt(moved.reduce((sum, v, k) => sum + (v - whole[k]!) ** 2, 0) / x.rows);
  });
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

/** Layer transfer between two tasks, three measures of each layer over five sources. */
export const transfer: Group = {
  title:
    "Transferring a layer: digits 0–4 to 5–9, 784-100-50-5, 1,000 new images; evidence on 100 of them; five seeds",
  run() {
    const data = digits();
    if (!data) return absent;
    const [old, fresh, test] = [taskOf(data.train, 0), taskOf(data.train, 5, 1000), taskOf(data.test, 5)];
    const training = { epochs: 20, batchSize: 50, loss: crossEntropy(), optimizer: adam() };
    const runs = [0, 1, 2, 3, 4].map((seed) => {
      const layers = [dense(100), relu(), dense(50), relu(), dense(5)];
      const source = runSync(
        train(network({ inputShape: [784], layers, seed }), old, { ...training, seed }),
      ).network;
      const options = { training: { ...training, seed }, seed: seed + 100, score: share, evidenceRows: 100 };
      return runSync(layerContributions(source, fresh, test, { ...options, values: (y) => oneHot(y, 5) }));
    });
    const gain = (row: LayerContribution) => row.scoreTransferred - row.scoreFresh;
    const over = (l: number, of: (row: LayerContribution) => number, digits: number) => {
      const values = runs.map((rows) => of(rows[l]!));
      return `${mean(values).toFixed(digits)} ± ${spread(values).toFixed(digits)}`;
    };
    return [
      ...runs[0]!.map(({ layer, kind }, l) =>
        reported(
          `layer ${layer} (${kind})`,
          `distance ${over(l, (r) => r.functionDistance, 1)}; accuracy ${over(l, (r) => 100 * r.scoreTransferred, 1)} % held, ${over(l, (r) => 100 * gain(r), 1)} points above a fresh one held; evidence ${over(l, (r) => r.evidence, 1)} nats, ${over(l, (r) => 100 * r.varianceShare, 0)} % of the prior variance`,
        ),
      ),
      reported(
        "layers by accuracy gained, each seed; by evidence; by distance",
        [gain, (r: LayerContribution) => r.evidence, (r: LayerContribution) => r.functionDistance]
          .map((of) => runs.map((rows) => ranking(rows, of)).join(", "))
          .join("; "),
      ),
      reported(
        "seeds of 5 where the layer of largest evidence is that of the largest gain",
        String(runs.filter((rows) => ranking(rows, gain)[0] === ranking(rows, (r) => r.evidence)[0]).length),
      ),
    ];
  },
};

/** Layers' positions from the largest on: "0 4 2". */
function ranking(rows: readonly LayerContribution[], of: (row: LayerContribution) => number): string {
  return rows
    .toSorted((a, b) => of(b) - of(a))
    .map(({ layer }) => layer)
    .join(" ");
}

/** The images of five digits from `low` on, as a task of five classes. */
function taskOf({ x, y }: Examples, low: number, limit = Infinity): Examples {
  const all = Array.from(y.data.keys()).filter((i) => y.data[i]! >= low && y.data[i]! < low + 5);
  const rows = all.slice(0, limit);
  const labels = takeRows(y, rows);
  return { x: takeRows(x, rows), y: { ...labels, data: labels.data.map((v) => v - low) } };
}

function oneHot(y: Matrix, classes: number): Matrix {
  const out = matrix(y.rows, classes);
  for (let i = 0; i < y.rows; i++) out.data[i * classes + y.data[i]!] = 1;
  return out;
}
