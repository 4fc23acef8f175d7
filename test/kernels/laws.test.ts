import { describe, expect, test } from "vitest";
import {
  additive,
  affine,
  after,
  arcCosine,
  brownian,
  constant,
  coregion,
  cosine,
  fix,
  gibbs,
  type Kernel,
  linear,
  matern12,
  matern32,
  matern52,
  on,
  periodic,
  polynomial,
  power,
  product,
  rationalQuadratic,
  rbf,
  scaled,
  setTo,
  spectralMixture,
  sum,
  white,
} from "../../src/kernels/index.ts";
import { columnVector, matrix, multiply, rowRange } from "../../src/linalg/index.ts";
import { key, split } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(7, 3, "x");
const z = randomMatrix(4, 3, "z");
const line = randomMatrix(7, 1, "line");

describe("kernels that are others in disguise or in a limit", () => {
  const lengthscale = [0.7, 1.3, 2.1];
  test.each<[string, Kernel, Kernel, number]>([
    [
      "ard rbf: the product of its columns",
      rbf({ lengthscale }),
      product(...lengthscale.map((l, c) => on(rbf({ lengthscale: l }), [c]))),
      1e-14,
    ],
    [
      "polynomial: a power of linear and constant",
      polynomial({ degree: 3, variance: 0.4, offset: 0.7 }),
      power(sum(linear({ variance: 0.4 }), constant({ variance: 0.7 })), 3),
      1e-13,
    ],
    // (1 + s/2α)^−α = e^(−s/2) (1 + s²/8α + …): s ≤ 30 here.
    [
      "rational quadratic of large alpha: rbf",
      rationalQuadratic({ lengthscale, alpha: 1e9 }),
      rbf({ lengthscale }),
      1e-7,
    ],
    [
      "one spectral component: rbf times cosine",
      spectralMixture({ weight: 1.3, frequency: [0.2, 0.5, 0.1], bandwidth: [0.1, 0.2, 0.3] }),
      product(
        rbf({ lengthscale: [0.1, 0.2, 0.3].map((b) => 1 / (2 * Math.PI * b)), variance: 1.3 }),
        cosine({ period: [5, 2, 10] }),
      ),
      1e-13,
    ],
    [
      "additive: the sum of its columns",
      additive(rbf(), 3),
      sum(on(rbf(), [0]), on(rbf(), [1]), on(rbf(), [2])),
      0,
    ],
    [
      "gibbs of a constant lengthscale: rbf",
      gibbs({ bias: [Math.log(1.7)], weight: [0, 0, 0] }),
      rbf({ lengthscale: 1.7 }),
      1e-14,
    ],
    [
      "a kernel after columns chosen: on",
      after(rbf(), affine(matrix(2, 3, Float64Array.of(0, 0, 1, 1, 0, 0)), new Float64Array(2))),
      on(rbf(), [2, 0]),
      1e-14,
    ],
    [
      "scaled: a product with a constant",
      scaled(matern32(), 2.5),
      product(matern32(), constant({ variance: 2.5 })),
      1e-14,
    ],
  ])("%s", (_name, a, b, tolerance) => {
    expectClose(a.gram(x).data, b.gram(x).data, tolerance);
    expectClose(a.cross(x, z).data, b.cross(x, z).data, tolerance);
  });
});

describe("stationary kernels", () => {
  const all: readonly [string, Kernel][] = [
    ["rbf", rbf()],
    ["matern12", matern12()],
    ["matern32", matern32()],
    ["matern52", matern52()],
    ["rationalQuadratic", rationalQuadratic()],
    ["periodic", periodic({ period: 2 })],
    ["cosine", cosine({ period: 2 })],
    ["spectralMixture", spectralMixture({ components: 2 })],
  ];
  // Whole numbers over 64: exact after the shift, so that nothing but the kernel can lose digits.
  const times = columnVector(Array.from(line.data, (v) => Math.round(64 * v) / 64));
  const since1970 = columnVector(Array.from(times.data, (v) => v + 1.6e9));

  test.each(all)("%s does not change when all points move, even to seconds since 1970", (_name, kernel) => {
    expectClose(kernel.gram(since1970).data, kernel.gram(times).data, 1e-12);
    expectClose(
      kernel.cross(since1970, rowRange(since1970, 0, 3)).data,
      kernel.cross(times, rowRange(times, 0, 3)).data,
      1e-12,
    );
    const bar = kernel.gram(times);
    const [a, b] = [kernel.pullback(since1970, undefined, bar), kernel.pullback(times, undefined, bar)];
    for (const name of Object.keys(a)) expectClose(a[name]!, b[name]!, 1e-11);
  });

  test.each(all)(
    "%s is finite at lengthscales of 1e-6 and 1e6, duplicates and one point",
    (_name, kernel) => {
      const twice = columnVector([0.5, 0.5, 1, 1, 1]);
      for (const points of [twice, columnVector([3])]) {
        for (const value of [1e-6, 1e6]) {
          const moved = Object.keys(kernel.parameters).reduce((k, path) => setTo(k, path, value), kernel);
          const k = moved.gram(points);
          expect(k.data.every(Number.isFinite)).toBe(true);
          const slopes = Object.values(moved.pullback(points, undefined, k)).flatMap((v) => [...v]);
          expect(slopes.every(Number.isFinite)).toBe(true);
          expect(moved.pullbackInputs!(points, undefined, k).x.data.every(Number.isFinite)).toBe(true);
        }
      }
    },
  );
});

test("rectifiers are homogeneous: arcCosine of order 1 without bias scales with its points", () => {
  const kernel = arcCosine({ biasVariance: 1e-300 });
  const doubled = matrix(
    x.rows,
    x.cols,
    x.data.map((v) => 2 * v),
  );
  expectClose(
    kernel.gram(doubled).data,
    kernel.gram(x).data.map((v) => 4 * v),
    1e-13,
  );
});

describe("white noise", () => {
  const copy = matrix(x.rows, x.cols, x.data.slice());
  const twice = matrix(2, 1, Float64Array.of(1, 1));

  test("belongs to the rows of one matrix", () => {
    const kernel = white({ variance: 0.3 });
    expect(kernel.cross(x, copy).data.every((v) => v === 0)).toBe(true);
    expect(Array.from(kernel.gram(twice).data)).toEqual([0.3, 0, 0, 0.3]);
    expect(Array.from(kernel.cross(twice, twice).data)).toEqual([0.3, 0, 0, 0.3]);
  });

  test("keeps that inside composites", () => {
    const identity = affine(matrix(1, 1, Float64Array.of(1)), Float64Array.of(0));
    const inner = sum(constant(), white({ variance: 0.3 }));
    for (const kernel of [inner, scaled(inner, 1), on(inner, [0]), after(inner, identity), power(inner, 1)]) {
      expect(Array.from(kernel.cross(twice, twice).data)).toEqual([1.3, 1, 1, 1.3]);
      expect(Array.from(kernel.cross(twice, columnVector([1])).data)).toEqual([1, 1]);
    }
  });

  test("has paths that are functions", () => {
    const path = white().path(key(1), 3);
    expect(path.at(copy)).toEqual(path.at(x));
  });
});

describe("a Brownian path", () => {
  const path = brownian({ variance: 2 }).path(key(5), 1);
  const at = (...t: number[]) => path.at(columnVector(t)).data;

  test("starts at 0 and is defined at any number", () => {
    const [zero, tiny, huge] = at(0, 1e-300, -1e300);
    expect(zero).toBe(0);
    // 40 deviations are far more than a draw can be.
    expect(Math.abs(tiny!)).toBeLessThan(40 * Math.sqrt(2e-300));
    expect(Math.abs(huge!)).toBeLessThan(40 * Math.sqrt(2e300));
  });

  test("has independent increments whose squares add up to the time passed", () => {
    // Quadratic variation over n steps: mean variance · t, deviation √(2/n) of it; six of those.
    const n = 4096;
    const values = at(...Array.from({ length: n + 1 }, (_, i) => 0.3 + (1.7 * i) / n));
    let squares = 0;
    let lagged = 0;
    for (let i = 0; i < n; i++) {
      const step = values[i + 1]! - values[i]!;
      squares += step * step;
      if (i > 0) lagged += step * (values[i]! - values[i - 1]!);
    }
    expect(Math.abs(squares / (2 * 1.7) - 1)).toBeLessThan(6 * Math.sqrt(2 / n));
    expect(Math.abs(lagged / (2 * 1.7))).toBeLessThan(6 / Math.sqrt(n));
  });
});

test("a path of a polynomial is a polynomial: its differences of order degree + 1 vanish", () => {
  const path = polynomial({ degree: 3 }).path(key(2), 1);
  const values = path.at(columnVector([0, 1, 2, 3, 4, 5])).data;
  const differences = (v: Float64Array) => v.subarray(1).map((w, i) => w - v[i]!);
  const fourth = differences(differences(differences(differences(values))));
  expectClose(fourth, [0, 0], 1e-11);
});

test("a path of a linear kernel is linear, of a constant one constant, of a cosine one wave", () => {
  const combined = matrix(
    1,
    3,
    x.data.slice(0, 3).map((v, c) => 2 * v - 3 * x.data[3 + c]!),
  );
  const slope = linear({ ard: 3 }).path(key(1), 3);
  const [f0, f1] = slope.at(x).data;
  expectClose(slope.at(combined).data, [2 * f0! - 3 * f1!], 1e-13);
  const flat = constant().path(key(1), 3).at(x).data;
  expect(new Set(flat).size).toBe(1);
  const wave = cosine({ period: 0.7 }).path(key(1), 1);
  const later = columnVector(Array.from(line.data, (v) => v + 0.7));
  expectClose(wave.at(later).data, wave.at(line).data, 1e-12);
});

test("a path of a periodic kernel repeats", () => {
  const path = periodic({ period: 0.7 }).path(key(1), 1);
  const later = columnVector(Array.from(line.data, (v) => v + 7));
  expectClose(path.at(later).data, path.at(line).data, 1e-11);
});

test("two tasks of a coregion kernel vary together as B says", () => {
  const kernel = product(on(rbf(), [0]), on(coregion({ weight: [1, -1], diagonal: [1e-9, 1e-9] }), [1]));
  const points = matrix(2, 2, Float64Array.of(0.3, 0, 0.3, 1));
  expectClose(kernel.gram(points).data, [1, -1, -1, 1], 1e-8);
});

test("fixed parameters survive with, in every composite", () => {
  const kernel = fix(product(scaled(rbf()), power(on(matern52(), [0]), 2)), "0.kernel.lengthscale");
  expect(kernel.with(kernel.parameters).parameters).toEqual(kernel.parameters);
  expect(kernel.parameters["0.kernel.lengthscale"]!.fixed).toBe(true);
});

test("a Gram matrix of 1,000 columns is fast and right", () => {
  const wide = randomMatrix(20, 1000, "wide");
  const kernel = linear({ variance: 1 / 1000 });
  const direct = multiply(wide, wide, { b: true }).data.map((v) => v / 1000);
  expectClose(kernel.gram(wide).data, direct, 1e-13);
  const path = polynomial({ degree: 3, variance: 1e-3 }).path(split(key(1), "wide"), 1000);
  expect(path.at(wide).data.every(Number.isFinite)).toBe(true);
});
