import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import {
  brownian,
  defaultsFromData,
  families,
  fromVector,
  parseKernel,
  rbf,
  sum,
  toVector,
  white,
} from "../../src/kernels/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const n = 200;
const x = randomMatrix(n, 2, "x");
const y = randomMatrix(n, 1, "y");

test("lengthscales are the columns' median distances times √columns, variances the targets'", () => {
  const stretched = matrix(
    n,
    2,
    x.data.map((v, k) => (k % 2 === 0 ? 3 : 500) * v),
  );
  const { lengthscale, variance } = defaultsFromData(rbf({ ard: 2 }), stretched, y).parameters;
  // |v − w| of two standard normals has median √2 · 0.6745; n = 200 rows make it err by some 5 %.
  const median = Math.SQRT2 * 0.6745;
  expect(Math.abs(lengthscale!.value[0]! / (3 * median * Math.SQRT2) - 1)).toBeLessThan(0.15);
  expect(Math.abs(lengthscale!.value[1]! / (500 * median * Math.SQRT2) - 1)).toBeLessThan(0.15);
  const mean = y.data.reduce((a, b) => a + b, 0) / n;
  const expected = y.data.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
  expectClose(variance!.value, [expected], 1e-13);
});

test("what was said or fitted stays", () => {
  const said = defaultsFromData(rbf({ lengthscale: 12 }), x, y);
  expect(Array.from(said.parameters.lengthscale!.value)).toEqual([12]);
  const fitted = rbf().with(fromVector(toVector(rbf().parameters), rbf().parameters));
  expect(Array.from(defaultsFromData(fitted, x, y).parameters.lengthscale!.value)).toEqual([1]);
});

describe("units do not matter: points in other units and targets in millions give the same kernel in those units", () => {
  const texts = [
    ...Object.keys(families).filter(
      (name) => !["brownian", "coregion", "gibbs", "spectralMixture"].includes(name),
    ),
    "rbf(ard) + linear * periodic + white",
    "2 * matern52[0]",
    "gibbs(ard)",
    "spectralMixture(components=3, ard)",
    "(rbf + linear)^2",
    "brownian[1] + additive(rationalQuadratic)",
  ];
  test.each(texts)("%s", (text) => {
    const inMillimetres = matrix(
      n,
      2,
      x.data.map((v) => 1000 * v),
    );
    const inMillions = matrix(
      n,
      1,
      y.data.map((v) => 1e6 * v),
    );
    const start = parseKernel(text, { inputs: 2 });
    const a = defaultsFromData(start, x, y).gram(x);
    const b = defaultsFromData(start, inMillimetres, inMillions).gram(inMillimetres);
    // A factor that was said multiplies what the rest is scaled to: 2 * k has variance of y all the same.
    expectClose(
      b.data,
      a.data.map((v) => 1e12 * v),
      1e-9,
    );
    let mean = 0;
    for (let i = 0; i < n; i++) mean += a.data[i * n + i]! / n;
    expect(mean).toBeGreaterThan(0.02);
    expect(mean).toBeLessThan(50);
  });
});

test("trouble has an answer: constant columns and targets, one point, all alike", () => {
  const points = matrix(3, 2, Float64Array.of(1, 5, 2, 5, 3, 5));
  const kernel = sum(rbf({ ard: 2 }), white(), parseKernel("brownian[1]"));
  for (const [px, py] of [
    [points, matrix(3, 1, Float64Array.of(7e6, 7e6, 7e6))],
    [points, matrix(3, 1)],
    [matrix(1, 2), matrix(1, 1, Float64Array.of(3))],
    [matrix(4, 2), matrix(4, 1, Float64Array.of(1, 2, 3, 4))],
  ] as const) {
    const started = defaultsFromData(kernel, px, py);
    for (const { value } of Object.values(started.parameters)) {
      expect(value.every((v) => v > 0 && v < Infinity)).toBe(true);
    }
  }
  expect(() => defaultsFromData(brownian(), matrix(0, 1), matrix(0, 1))).toThrow(UsageError);
  expect(() => defaultsFromData(rbf(), matrix(1, 1, Float64Array.of(NaN)), matrix(1, 1))).toThrow(
    /x holds NaN/,
  );
});
