import { describe, expect, it } from "vitest";
import { matern52, rbf } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../../src/linalg/index.ts";
import { type Fit, fit } from "../../src/processes/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { rows } from "../support/golden.ts";

// Data that people reported other libraries to fail on, fitted with nothing but defaults.

/** Rows of a grid of 9 places a column, a tenth beyond the data's range: nothing there may be NaN or negative. */
function around(x: Matrix): Matrix {
  const per = x.cols === 1 ? 81 : 9;
  const ends = Array.from({ length: x.cols }, (_, c) => {
    const values = Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const margin = 0.1 * (high - low);
    return [low - margin, high + margin] as const;
  });
  const out = matrix(per ** x.cols, x.cols);
  for (let i = 0; i < out.rows; i++) {
    for (let c = 0, rest = i; c < x.cols; c++, rest = Math.floor(rest / per)) {
      const [low, high] = ends[c]!;
      out.data[i * x.cols + c] = low + ((high - low) * (rest % per)) / (per - 1);
    }
  }
  return out;
}

function fitted(x: Matrix, y: Matrix, kernel = rbf({ ard: x.cols })): Fit {
  const found = runSync(fit(kernel, { x, y }));
  for (const points of [x, around(x)]) {
    const at = found.process.observed(points);
    expect(at.mean.data.every(Number.isFinite)).toBe(true);
    expect(at.variance.data.every((v) => v > 0 && v < Infinity)).toBe(true);
  }
  expect(found.process.leaveOneOut().variance.data.every((v) => v > 0)).toBe(true);
  return found;
}

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0) / values.length);
}

/** How far the posterior mean misses the function at points between the data. */
function missed(found: Fit, points: Matrix, f: (row: Float64Array) => number): number {
  const mean = found.process.at(points).mean.data;
  return rootMeanSquare(
    mean.map((m, i) => m - f(points.data.subarray(i * points.cols, (i + 1) * points.cols))),
  );
}

describe("reported failures of others, with defaults", () => {
  it("GPy#642: five points of two columns, one target the odd one out", () => {
    const x = rows([
      [0.2, 0],
      [0, 1],
      [1, 0],
      [0, 0.2],
      [0.1, 0.1],
    ]);
    const y = columnVector([-0.731925, 0.99655765, 1.40693001, 1, 0]);
    const found = fitted(x, y);
    // Four lengthscales, variances and a mean for five values: said, whatever else was found.
    expect(found.report.warnings.join()).toContain("5 parameters were fitted to 5 value(s)");
    // Between its data the function stays within a few of their range.
    expect(Math.max(...found.process.at(around(x)).mean.data.map(Math.abs))).toBeLessThan(5);
  });

  it("GPflow#503: three equal columns, no noise at all", () => {
    const u = uniform(key(0), 200).map((v) => 8 * v - 4);
    const x = matrix(
      200,
      3,
      Float64Array.from({ length: 600 }, (_, k) => u[Math.floor(k / 3)]!),
    );
    const y = columnVector(u.map((v) => 3 * v));
    const error = ({ process }: Fit) => rootMeanSquare(process.at(x).mean.data.map((m, i) => m - y.data[i]!));
    expect(error(fitted(x, y, matern52()))).toBeLessThan(0.01);
    // The noise said to be 0, as there.
    expect(error(runSync(fit(matern52(), { x, y }, { noiseVariance: 0, starts: 1 })))).toBeLessThan(0.01);
  });

  it.each([308, 309])("gpytorch#1061: %i points of a fast sine without noise", (n) => {
    const x = columnVector(Array.from({ length: n }, (_, i) => i / (n - 1)));
    const f = (v: number) => Math.sin(10 * Math.PI * v);
    const found = fitted(x, columnVector(x.data.map(f)));
    const between = columnVector(Array.from({ length: n - 1 }, (_, i) => (i + 0.5) / (n - 1)));
    expect(missed(found, between, ([v]) => f(v!))).toBeLessThan(1e-3);
  });

  it("gpytorch#1139: three points", () => {
    const found = fitted(columnVector([0, 0.5, 1]), columnVector([1, -1, 2]));
    expect(found.report.warnings.join()).toContain("parameters were fitted to 3 value(s)");
  });

  it("GPLaSDI#22: two points whose targets change sign", () => {
    for (const size of [1, 1e-3, 1e4]) {
      const found = fitted(columnVector([0.9, 1.1]), columnVector([-size, size]));
      const { mean, standardDeviation } = found.process.observed(columnVector([0.9, 1, 1.1]));
      // Either story is fair, a slope or noise: the targets are where the posterior says they may be.
      expect(Math.abs(mean.data[1]!)).toBeLessThan(0.1 * size);
      for (const [i, v] of [
        [0, -size],
        [2, size],
      ] as const) {
        expect(Math.abs(mean.data[i]! - v)).toBeLessThan(2.5 * standardDeviation.data[i]!);
      }
    }
  });

  it("botorch#2392: four targets from 10,000 to 20,000, unscaled", () => {
    const x = rows([
      [0.366, 0.7463],
      [0.8714, 0.4299],
      [0.5104, 0.062],
      [0.1276, 0.9511],
    ]);
    const y = columnVector([10000, 11000, 12000, 20000]);
    const found = fitted(x, y);
    // The same problem in units of its own: the same lengthscales.
    const standard = fitted(x, columnVector(y.data.map((v) => (v - 13250) / 4000)));
    const [a, b] = [found, standard].map((f) => f.kernel.parameters.lengthscale!.value);
    a!.forEach((v, i) => {
      expect(v / b![i]!).toBeCloseTo(1, 2);
    });
    expect(found.noiseVariance / standard.noiseVariance / 4000 ** 2).toBeCloseTo(1, 2);
  });

  it("kriging.js#4: three stations' winds, and a country's, in whole metres a second with stations twice", () => {
    fitted(
      rows([
        [5.183333333333334, 52.1],
        [5.883333333333333, 52.06666666666667],
        [4.716666666666667, 53],
      ]),
      columnVector([7, 6, 9]),
    );
    const [n, again] = [40, 8];
    const places = uniform(split(key(1), "stations"), 2 * n);
    const errors = normal(split(key(1), "errors"), n + again);
    const x = matrix(n + again, 2);
    for (let i = 0; i < n + again; i++) {
      x.data[2 * i] = 3.5 + 3.5 * places[2 * (i % n)]!;
      x.data[2 * i + 1] = 51 + 2.5 * places[2 * (i % n) + 1]!;
    }
    // Stronger towards the sea, in the north-west.
    const wind = (lon: number, lat: number) => 8 - 1.2 * (lon - 5) + 2 * (lat - 52);
    const y = columnVector(
      errors.map((e, i) => Math.round(wind(x.data[2 * i]!, x.data[2 * i + 1]!) + 0.5 * e)),
    );
    const found = fitted(x, y);
    // Rounding has an sd of 0.29, the errors one of 0.5: 0.58 together.
    expect(Math.sqrt(found.noiseVariance)).toBeGreaterThan(0.35);
    expect(Math.sqrt(found.noiseVariance)).toBeLessThan(0.85);
    expect(missed(found, x, ([lon, lat]) => wind(lon!, lat!))).toBeLessThan(0.4);
  });

  it("sklearn#15612: deviations are in the targets' own units", () => {
    const x = columnVector(Array.from({ length: 30 }, (_, i) => i / 3));
    const errors = normal(key(4), 30);
    const f = (v: number) => 5000 + 800 * Math.sin(v);
    const y = columnVector(x.data.map((v, i) => f(v) + 100 * errors[i]!));
    const found = fitted(x, y);
    const far = found.process.observed(columnVector([1000])).standardDeviation.data[0]!;
    expect(far).toBeGreaterThan(300);
    expect(far).toBeLessThan(3000);
    expect(Math.sqrt(found.noiseVariance)).toBeGreaterThan(50);
    expect(Math.sqrt(found.noiseVariance)).toBeLessThan(170);
  });
});
