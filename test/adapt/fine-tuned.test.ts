import { describe, expect, it } from "vitest";
import { fineTune } from "../../src/adapt/fine-tune.ts";
import { canFineTune, fineTunedMean, fineTunedToNumbers } from "../../src/adapt/fine-tuned.ts";
import { shareByLeaveOneOut } from "../../src/adapt/fine-tuned-share.ts";
import { adapt, adaptClassifier, conditionClassifier } from "../../src/adapt/index.ts";
import { UsageError } from "../../src/errors/index.ts";
import { type Matrix, rowRange, stackRows, takeRows } from "../../src/linalg/index.ts";
import { conv2d, dense, flattenLayer, network, relu, tanh } from "../../src/networks/index.ts";
import { key, permutation } from "../../src/random/index.ts";
import { forwardCost } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({ inputShape: [2], layers: [dense(8), tanh(), dense(1)], seed: 4, precision: "f64" });
const n = 12;
const x = randomMatrix(n, 2, "fine-tuned x");
// What the network says, bent: a function that its weights have to move far for.
const bent = (points: Matrix) => ({
  ...points,
  cols: 1,
  data: net.at(points).data.map((v) => 2 * v ** 2 - 1),
});
const y = bent(x);
const points = randomMatrix(200, 2, "fine-tuned points");

const rmse = (a: Matrix, b: Matrix) =>
  Math.sqrt(a.data.reduce((sum, v, i) => sum + (v - b.data[i]!) ** 2, 0) / a.data.length);

describe("a fine-tuned mean", () => {
  const tuned = fineTunedToNumbers(net, x, y);
  const mean = fineTunedMean(tuned, net);

  it("is the network trained on with all examples, away from them", () => {
    expectClose(mean.at(points).data, fineTune(net, { x, y }).at(points).data, 1e-12);
  });

  it("says at an example what a network trained without its fold says", () => {
    const place = permutation(key(0), n);
    for (const fold of [0, 3]) {
      const rows = Int32Array.from({ length: n }, (_, i) => i);
      const held = rows.filter((i) => place[i]! % 5 === fold);
      const kept = rows.filter((i) => place[i]! % 5 !== fold);
      const without = fineTune(net, { x: takeRows(x, kept), y: takeRows(y, kept) });
      expectClose(mean.at(takeRows(x, held)).data, without.at(takeRows(x, held)).data, 1e-12);
    }
    // Wherever the example lies among others.
    const among = mean.at(stackRows([points, rowRange(x, 5, 6)]));
    expect(among.data[200]).toBe(mean.at(x).data[5]);
  });

  it("lies on the way from the network as it was", () => {
    const half = fineTunedMean({ ...tuned, share: 0.5 }, net);
    for (const at of [x, points]) {
      const [a, b] = [net.at(at).data, mean.at(at).data];
      expectClose(
        half.at(at).data,
        a.map((v, i) => (v + b[i]!) / 2),
        1e-12,
      );
    }
  });

  it("needs two examples", () => {
    expect(() => fineTunedToNumbers(net, rowRange(x, 0, 1), rowRange(y, 0, 1))).toThrow(
      "a fine-tuned mean needs at least 2 examples",
    );
  });
});

describe("adapting about it", () => {
  const adapted = adapt(net, { x, y }, { mean: "fine-tuned" });

  it("is the process of that prior mean: its weight space says the same", () => {
    const { fineTuned, prior, process } = adapted;
    expect(fineTuned!.share).toBeGreaterThan(0);
    expect(fineTuned!.share).toBeLessThanOrEqual(1);
    expectClose(prior.at(points).data, fineTunedMean(fineTuned!, net).at(points).data, 1e-14);
    const weights = adapt(net, { x, y }, { mean: "fine-tuned", space: "weight" });
    expect(weights.fineTuned!.share).toBeCloseTo(fineTuned!.share, 6);
    expectClose(weights.process.at(points).mean.data, process.at(points).mean.data, 1e-6);
  });

  it("mends what training on left: nearer to the function than the network trained on", () => {
    const truth = bent(points);
    const trained = adapted.fineTuned!.network.at(points);
    expect(rmse(adapted.process.at(points).mean, truth)).toBeLessThan(rmse(trained, truth));
  });

  it("lies where left-out numbers are likely, about a quarter of the way where they do not tell", () => {
    expect(shareByLeaveOneOut(() => 0)).toBeCloseTo(0.3, 1);
    for (const best of [0, 0.5, 1]) {
      expect(shareByLeaveOneOut((share) => -1000 * (share - best) ** 2)).toBeCloseTo(best, 6);
    }
    // Its own values at those two points, weighed by hand: priors e^−½ and e^0.
    const two = shareByLeaveOneOut((share) => (share <= 0.25 ? 0 : -Infinity));
    expect(two).toBeCloseTo(0.25 / (1 + Math.exp(-0.5)), 12);
    const cheap = adapt(net, { x, y }, { mean: "fine-tuned", approximation: "diagonal" });
    expect(cheap.fineTuned!.share).toBe(0.25);
  });

  it("takes, loses and changes examples with the mean as it is", () => {
    const { share } = adapted.fineTuned!;
    const more = randomMatrix(2, 2, "fine-tuned more");
    const there = adapted.add({ x: more, y: bent(more) });
    expect(there.fineTuned).toBe(adapted.fineTuned);
    const back = there.remove([n, n + 1]);
    expectClose(back.process.at(points).mean.data, adapted.process.at(points).mean.data, 1e-7);
    expect(share).toBeGreaterThan(0);
  });
});

describe("a classifier's pool", () => {
  const classes = network({
    inputShape: [2],
    layers: [dense(8), tanh(), dense(2)],
    seed: 5,
    precision: "f64",
  });
  const labels = (at: Matrix) =>
    Float64Array.from({ length: at.rows }, (_, i) => (at.data[2 * i]! > 0 ? 1 : 0));
  const means = (rows: number, options = {}) =>
    adaptClassifier(classes, { x: rowRange(x, 0, rows), labels: labels(rowRange(x, 0, rows)) }, options)
      .parts!.map(({ classifier }) => `${classifier.method} ${classifier.mean}`)
      .sort();

  it("has a way about the fine-tuned network from two labels a class on", () => {
    expect(means(3)).not.toContain("laplace fine-tuned");
    expect(means(4)).toContain("laplace fine-tuned");
  });

  it("of four labels hardly leaves what is expected: even exponents but twice that of the fine-tuned way, 1.75 in all", () => {
    const four = { x: rowRange(x, 0, 4), labels: labels(rowRange(x, 0, 4)) };
    const parts = adaptClassifier(classes, four).parts!;
    expect(parts.length).toBe(4);
    // Each exponent's prior has a deviation of 0.1.
    for (const { classifier, exponent } of parts) {
      const expected = classifier.mean === "fine-tuned" ? 0.7 : 0.35;
      expect(Math.abs(exponent - expected)).toBeLessThan(0.1);
    }
  });

  it("has the mean that is asked for alone", () => {
    expect(new Set(means(8, { mean: "fine-tuned", scales: "shared" }))).toEqual(
      new Set(["laplace fine-tuned", "regression fine-tuned"]),
    );
    expect(means(8, { mean: "network" })).not.toContain("laplace fine-tuned");
    expect(means(8, { fineTune: false })).toEqual(means(3));
  });

  it("of known scales needs the mean itself", () => {
    const data = { x, labels: labels(x) };
    const { kernel, space, mean, fineTuned } = adaptClassifier(classes, data, {
      mean: "fine-tuned",
      method: "laplace",
    });
    expect(() => conditionClassifier(kernel, data, { space, mean })).toThrow(UsageError);
    expect(conditionClassifier(kernel, data, { space, mean, fineTuned }).mean).toBe("fine-tuned");
  });
});

it("what a pass through a network costs is counted by layer", () => {
  const layers = [conv2d(4, 3, { padding: 1 }), relu(), flattenLayer(), dense(10)];
  const images = network({ inputShape: [2, 5, 6], layers, seed: 1 });
  expect(forwardCost(images)).toBe((4 * 2 * 9 + 4) * 30 + (4 * 30 * 10 + 10));
  expect([canFineTune(images, 100), canFineTune(images, 10_000_000)]).toEqual([true, false]);
});
