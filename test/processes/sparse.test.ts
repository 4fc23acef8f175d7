import { describe, expect, it } from "vitest";
import { fromVector, gradientVector, matern52, toVector } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, rowRange } from "../../src/linalg/index.ts";
import { gp } from "../../src/processes/index.ts";
import { collapsedSlopes, solveCollapsed } from "../../src/processes/sparse/collapsed.ts";
import { fitSparse } from "../../src/processes/sparse/fit-sparse.ts";
import { greedyInducing, inducingFactor } from "../../src/processes/sparse/inducing.ts";
import { conditionSparsely } from "../../src/processes/sparse/sparse-posterior.ts";
import { statisticsOf } from "../../src/processes/sparse/statistics.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const n = 120;
const x = randomMatrix(n, 2, "x");
const y = columnVector(
  Array.from(
    { length: n },
    (_, i) => Math.sin(2 * x.data[2 * i]!) + 0.3 * randomMatrix(n, 1, "noise").data[i]!,
  ),
);
const kernel = matern52({ lengthscale: [0.9, 1.4], variance: 1.3 });
const noiseVariance = 0.1;
const exact = gp(kernel).condition({ x, y, noiseVariance });

const boundAt = (z: Matrix, k = kernel, s = noiseVariance, jitter = 0) =>
  solveCollapsed(statisticsOf(k, z, inducingFactor(k, z, jitter), x, y.data, new Float64Array(n).fill(s)))
    .bound;

describe("the collapsed bound", () => {
  it("is never above the evidence, rises with inducing points, and is the evidence where they are the data", () => {
    const order = greedyInducing(kernel, x, 60, key(0));
    let before = -Infinity;
    for (const count of [1, 3, 10, 30, 60]) {
      const bound = boundAt(rowRange(order, 0, count));
      expect(bound).toBeLessThanOrEqual(exact.logEvidence);
      // Greedy points are nested: more of them never lower the bound.
      expect(bound).toBeGreaterThan(before);
      before = bound;
    }
    for (let draw = 0; draw < 5; draw++) {
      expect(boundAt(randomMatrix(12, 2, `z ${draw}`))).toBeLessThan(exact.logEvidence);
    }
    expect(boundAt({ ...x })).toBeCloseTo(exact.logEvidence, 6);
  });

  it("has the slopes of finite differences in parameters, noise, residuals and inducing points", () => {
    const z = randomMatrix(9, 2, "slopes");
    const found = collapsedSlopes(kernel, z, noiseVariance, x, y.data, true);
    const at = (k: typeof kernel, s: number, points: Matrix, r: Float64Array) =>
      collapsedSlopes(k, points, s, x, r, false).value;
    expect(found.value).toBeCloseTo(at(kernel, noiseVariance, z, y.data), 10);
    const slope = (of: (h: number) => number, h = 1e-5) => (of(h) - of(-h)) / (2 * h);
    const vector = toVector(kernel.parameters);
    const differences = vector.map((_, i) =>
      slope((h) => {
        const moved = vector.map((v, j) => (i === j ? v + h : v));
        return at(kernel.with(fromVector(moved, kernel.parameters)), noiseVariance, z, y.data);
      }),
    );
    expectClose(gradientVector(kernel.parameters, found.kernel), differences, 1e-6);
    expect(found.noiseVariance).toBeCloseTo(
      slope((h) => at(kernel, noiseVariance + h, z, y.data)),
      4,
    );
    const moved = (a: Float64Array, i: number, h: number) => a.map((v, j) => (i === j ? v + h : v));
    for (const i of [0, 7, 119]) {
      expect(found.residual[i]).toBeCloseTo(
        slope((h) => at(kernel, noiseVariance, z, moved(y.data, i, h))),
        6,
      );
    }
    for (let i = 0; i < z.data.length; i++) {
      expect(found.inducing!.data[i]).toBeCloseTo(
        slope((h) => at(kernel, noiseVariance, { ...z, data: moved(z.data, i, h) }, y.data)),
        5,
      );
    }
  });
});

describe("the sparse posterior", () => {
  const prior = gp(kernel);
  const data = { x, y, noiseVariance };
  const sparse = conditionSparsely(prior, data, { inducing: 15 });
  const at = randomMatrix(40, 2, "at");

  it("equals the exact one where the inducing points are the data", () => {
    const whole = conditionSparsely(prior, data, { inducing: { ...x } });
    expect(whole.logEvidence).toBeCloseTo(exact.logEvidence, 6);
    expectClose(whole.at(at).mean.data, exact.at(at).mean.data, 1e-8);
    expectClose(whole.at(at).variance.data, exact.at(at).variance.data, 1e-8);
    expectClose(whole.at(at).covariance.data, exact.at(at).covariance.data, 1e-8);
  });

  it("has the variance on its covariance's diagonal, nowhere negative, and that of y beside it", () => {
    const { variance, covariance } = sparse.at(at);
    expectClose(
      variance.data,
      variance.data.map((_, i) => covariance.data[i * 41]!),
      1e-12,
    );
    expect(Math.min(...sparse.at(x).variance.data)).toBeGreaterThanOrEqual(0);
    expect(sparse.observed(at).variance.data[3]).toBeCloseTo(variance.data[3]! + noiseVariance, 12);
  });

  const same = (a: typeof sparse, b: typeof sparse) => {
    expect(a.logEvidence).toBeCloseTo(b.logEvidence, 9);
    expectClose(a.at(at).mean.data, b.at(at).mean.data, 1e-11);
    expectClose(a.at(at).variance.data, b.at(at).variance.data, 1e-11);
  };
  const { inducing } = sparse;

  it("adds, removes and edits points as if conditioned anew", () => {
    const first = { x: rowRange(x, 0, 100), y: rowRange(y, 0, 100), noiseVariance };
    const rest = { x: rowRange(x, 100, n), y: rowRange(y, 100, n), noiseVariance };
    const grown = conditionSparsely(prior, first, { inducing }).condition(rest);
    same(grown, sparse);
    const indices = Array.from({ length: 20 }, (_, i) => 100 + i);
    same(sparse.without(indices), conditionSparsely(prior, first, { inducing }));
    const few = conditionSparsely(
      prior,
      { x: rowRange(x, 0, 3), y: rowRange(y, 0, 3), noiseVariance },
      { inducing },
    );
    same(sparse.without(Array.from({ length: n - 3 }, (_, i) => i + 3)), few);
    const moved = { x: rowRange(at, 0, 1), y: columnVector([0.7]), noiseVariance };
    const there = sparse.replace(5, moved);
    const data5 = (a: Matrix, row: Matrix) => {
      const out = { ...a, data: a.data.slice() };
      out.data.set(row.data, 5 * a.cols);
      return out;
    };
    same(
      there,
      conditionSparsely(prior, { x: data5(x, moved.x), y: data5(y, moved.y), noiseVariance }, { inducing }),
    );
    expect(there.data.y.data[5]).toBe(0.7);
  });

  it("draws functions with its own moments", () => {
    const few = rowRange(at, 0, 3);
    const draws = sparse.sample(key(3), 150).map((f) => f.at(few).data);
    const { mean, covariance } = sparse.at(few);
    for (let i = 0; i < 3; i++) {
      const average = draws.reduce((sum, d) => sum + d[i]! / draws.length, 0);
      const deviation = Math.sqrt(covariance.data[i * 4]!);
      // Five standard errors.
      expect(Math.abs(average - mean.data[i]!)).toBeLessThan((5 * deviation) / Math.sqrt(150));
      const square = draws.reduce((sum, d) => sum + (d[i]! - mean.data[i]!) ** 2 / draws.length, 0);
      // Five standard errors of a variance from 150 draws are 0.58.
      expect(Math.abs(square / deviation ** 2 - 1)).toBeLessThan(0.6);
    }
  });

  it("fits parameters and inducing points: a higher bound than with those it started from", () => {
    const free = matern52({ ard: 2 });
    const pinned = runSync(
      fitSparse(free, { x, y }, { inducing: 8, moveInducing: false, startRows: 60, starts: 1 }),
    );
    const moved = runSync(fitSparse(free, { x, y }, { inducing: 8, startRows: 60, starts: 1 }));
    expect(moved.logEvidence).toBeGreaterThan(pinned.logEvidence);
    const evidence = gp(moved.kernel, { mean: moved.mean, inputs: 2 }).condition({
      x,
      y,
      noiseVariance: moved.noiseVariance,
    }).logEvidence;
    expect(moved.logEvidence).toBeLessThanOrEqual(evidence);
    expect(moved.process.inducing.rows).toBe(8);
  });

  it("refuses kernels of several outputs and data without noise", () => {
    expect(() => conditionSparsely(prior, { x, y, noiseVariance: 0 })).toThrow(/noise variance above 0/);
    expect(() => greedyInducing(twoOutputs(), x, 3, key(0))).toThrow(/kernels of one output/);
    expect(() => greedyInducing(kernel, x, 0, key(0))).toThrow(/whole number from 1/);
  });
});
