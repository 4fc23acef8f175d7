import { expect, it } from "vitest";
import { probitProbabilities } from "../../src/adapt/class-probabilities.ts";
import { conditionClassifier, type LatentProcess } from "../../src/adapt/index.ts";
import { laplaceLeaveOneOut } from "../../src/adapt/laplace-leave-one-out.ts";
import { classLikelihood, gaussianLikelihood } from "../../src/adapt/likelihoods.ts";
import { poolExponents, pooled } from "../../src/adapt/pool-exponents.ts";
import { inverseTemperatureOf, logProbability, tempered } from "../../src/adapt/temperature.ts";
import { fromRows, type Matrix, takeRows } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { functionMode, functionPosterior } from "../../src/processes/latent/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const n = 20;
const x = randomMatrix(n, 2, "x");
const net = (outputs: number) =>
  network({ inputShape: [2], layers: [dense(6), tanh(), dense(outputs)], seed: 3, precision: "f64" });
const without = (i: number) => Int32Array.from({ length: n }, (_, k) => k).filter((k) => k !== i);

it("of a Gaussian likelihood is the posterior of the others, exactly", () => {
  const y = randomMatrix(n, 2, "y");
  const kernel = tangentKernel(net(2));
  const posterior = (rows: Int32Array) => {
    const [some, values] = [takeRows(x, rows), takeRows(y, rows)];
    const likelihood = gaussianLikelihood(values, new Float64Array(values.data.length).fill(0.1));
    const mode = functionMode(kernel.gram(some), net(2).at(some), likelihood);
    return { process: functionPosterior(kernel, net(2), some, mode), likelihood };
  };
  const { process, likelihood } = posterior(without(-1));
  const found = laplaceLeaveOneOut(process.blocks(x), likelihood);
  for (let i = 0; i < n; i++) {
    const alone = posterior(without(i)).process.blocks(takeRows(x, Int32Array.of(i)));
    expectClose(found.mean.data.slice(2 * i, 2 * i + 2), alone.mean.data, 1e-9);
    expectClose(found.covariance.data.slice(4 * i, 4 * i + 4), alone.covariance.data, 1e-9);
  }
});

it.each([1, 3])("of class labels is close to the posterior of the others (%i outputs)", (outputs) => {
  const labels = Float64Array.from({ length: n }, (_, i) =>
    outputs === 3 && x.data[2 * i]! > 0.7 ? 2 : x.data[2 * i + 1]! > 0 ? 1 : 0,
  );
  const kernel = tangentKernel(net(outputs));
  const whole = conditionClassifier(kernel, { x, labels }, { space: "function" });
  const process = whole.process as LatentProcess;
  const found = probitProbabilities(laplaceLeaveOneOut(process.blocks(x), classLikelihood(labels, outputs)));
  const own = process.blocks(x);
  let [distance, moved] = [0, 0];
  for (let i = 0; i < n; i++) {
    const kept = without(i);
    const others = { x: takeRows(x, kept), labels: labels.filter((_, k) => k !== i) };
    const point = takeRows(x, Int32Array.of(i));
    const alone = conditionClassifier(kernel, others, { space: "function" }).probabilities(point, {
      tempered: false,
    });
    const all = probitProbabilities(own).data;
    alone.data.forEach((p, k) => {
      distance = Math.max(distance, Math.abs(found.data[i * alone.cols + k]! - p));
      moved = Math.max(moved, Math.abs(all[i * alone.cols + k]! - p));
    });
  }
  // What taking one label out of 20 changes is found to a fifth.
  expect(distance).toBeLessThan(0.2 * moved);
});

it("tempering raises probabilities to a power", () => {
  const p = fromRows([
    [0.6, 0.3, 0.1],
    [0.2, 0.8, 0],
  ]);
  expectClose(tempered(p, 1).data, p.data, 1e-15);
  expectClose(
    tempered(p, 2).data,
    [0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46, 0.04 / 0.68, 0.64 / 0.68, 0],
    1e-15,
  );
});

it("the temperature undoes one that was put on, where labels are as probable as was said", () => {
  // 900 of 1,000 predictions of 0.9 are right; said are the same odds to the power 1/4, and 3.
  const labels = Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : 1));
  for (const power of [0.25, 3]) {
    const said = tempered(fromRows(labels.map(() => [0.9, 0.1])), power);
    const found = inverseTemperatureOf(said, labels);
    // To a step of the search, a tenth of a doubling.
    expect(Math.abs(Math.log2(found * power))).toBeLessThan(0.1);
    expect(logProbability(tempered(said, found), labels)).toBeGreaterThanOrEqual(
      logProbability(said, labels),
    );
  }
});

it("ten labels, all predicted, leave some doubt", () => {
  const said = fromRows(Array.from({ length: 10 }, () => [0.6, 0.4]));
  const sure = tempered(said, inverseTemperatureOf(said, new Array(10).fill(0)));
  // With the one example of even classes: 10.5 of 11.
  expect(sure.data[0]).toBeCloseTo(10.5 / 11, 2);
});

/** What three exponents are worth, written anew: the labels, an example of even classes, a normal prior, 0.5 ± 0.1. */
function worth(leftOut: readonly Matrix[], labels: readonly number[], a: Float64Array) {
  const p = pooled(leftOut, a);
  const even = p.data.reduce((sum, v) => sum + Math.log(v), 0) / p.data.length;
  const ofPrior = a.reduce((sum, v) => sum - 0.5 * ((v - 0.5) / 0.1) ** 2, 0);
  return logProbability(p, labels) + even + ofPrior;
}

it("the pool's exponents are the best there are, none below 0", () => {
  const rows = 30;
  const labels = Array.from({ length: rows }, (_, i) => i % 3);
  // One way that knows something, one that is wrong, one that says nothing.
  const said = (right: number, name: string) => {
    const noise = randomMatrix(rows, 3, name);
    const logits = noise.data.map((v, k) => v + (k % 3 === labels[Math.floor(k / 3)] ? right : 0));
    return pooled([{ rows, cols: 3, data: logits.map(Math.exp) }], [1]);
  };
  const leftOut = [said(2, "good"), said(-6, "bad"), pooled([said(0, "even")], [0])];
  const best = poolExponents(leftOut, labels, Float64Array.of(0.5, 0.5, 0.5));
  expect(best[0]!).toBeGreaterThan(0.6);
  expect(best[1]).toBe(0);
  // Nothing moves with an even way but its prior.
  expect(best[2]!).toBeCloseTo(0.5, 9);
  const value = worth(leftOut, labels, best);
  for (let k = 0; k < 3; k++) {
    for (const by of [-1e-3, 1e-3]) {
      const other = best.map((v, l) => (l === k ? v + by : v));
      if (other[k]! >= 0) expect(worth(leftOut, labels, other)).toBeLessThan(value);
    }
  }
});

it("a pool of one way is that way at a temperature", () => {
  const p = fromRows([
    [0.5, 0.3, 0.2],
    [0.1, 0.1, 0.8],
  ]);
  expectClose(pooled([p], [2.5]).data, tempered(p, 2.5).data, 1e-14);
  expectClose(pooled([p, p], [0.5, 0.5]).data, p.data, 1e-14);
});
