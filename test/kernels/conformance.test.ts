import { expect, test } from "vitest";
import {
  additive,
  affine,
  after,
  arcCosine,
  brownian,
  categorical,
  constant,
  coregion,
  cosine,
  families,
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
  spectralMixture,
  sum,
  white,
} from "../../src/kernels/index.ts";
import { type Matrix, matrix } from "../../src/linalg/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";

const line = matrix(9, 1, normal(key(1), 9));
const space = matrix(9, 3, normal(key(2), 27));
/** Two columns of numbers, then one of indices 0, 1, 2 (each of them in both halves). */
const indexed = matrix(
  9,
  3,
  normal(key(3), 27).map((v, k) => (k % 3 === 2 ? Math.floor(k / 3) % 3 : v)),
);
const indices = matrix(9, 1, Float64Array.of(0, 1, 2, 1, 0, 2, 2, 1, 0));
const names = matrix(8, 2, Float64Array.of(0, 5, 1, 5, 0, 7, 2, 5, 1, 7, 0, 5, 3, 7, 3, 9));

const ard = { lengthscale: [0.7, 1.3, 2.1], variance: 1.7 };
const layer = affine(
  matrix(2, 3, Float64Array.of(0.8, -0.4, 0.3, 0.1, 0.6, -0.9)),
  Float64Array.of(0.2, -0.1),
);

const rows: readonly (readonly [name: string, kernel: Kernel, points: Matrix, steady?: readonly number[]])[] =
  [
    ["rbf", rbf(ard), space],
    ["rbf of one lengthscale", rbf({ lengthscale: 1.2 }), space],
    ["matern12", matern12(ard), space],
    ["matern32", matern32(ard), space],
    ["matern52", matern52(ard), space],
    ["rationalQuadratic", rationalQuadratic({ ...ard, alpha: 0.6 }), space],
    ["periodic", periodic({ period: [1.1, 2.3, 3.1], ...ard }), space],
    ["periodic of one period", periodic({ period: 1.9, lengthscale: 0.8, variance: 0.6 }), line],
    ["cosine", cosine({ period: [1.5, 2.5, 4], variance: 1.3 }), space],
    [
      "spectralMixture",
      spectralMixture({
        weight: [0.6, 1.1],
        frequency: [0.3, -0.2, 0.1, 0.5, 0.2, 0.4],
        bandwidth: [0.1, 0.2, 0.15, 0.3, 0.05, 0.1],
      }),
      space,
    ],
    ["linear", linear({ variance: [0.5, 1.5, 2.5] }), space],
    ["linear of one variance", linear({ variance: 0.7 }), space],
    ["polynomial", polynomial({ degree: 3, variance: [0.5, 0.3, 0.2], offset: 0.8 }), space],
    ["arcCosine 0", arcCosine({ order: 0, weightVariance: [0.5, 1, 2], biasVariance: 0.6 }), space],
    ["arcCosine 1", arcCosine({ order: 1, weightVariance: 0.7, biasVariance: 0.4, variance: 1.6 }), space],
    ["constant", constant({ variance: 1.4 }), space],
    ["white", white({ variance: 0.3 }), space],
    ["brownian", brownian({ variance: 1.3 }), line],
    ["gibbs", gibbs({ weight: 0.4, bias: -0.2, variance: 1.2 }), line],
    [
      "gibbs of one lengthscale a column",
      gibbs({ ard: 3, weight: [0.3, 0, 0.1, 0, -0.2, 0, 0.1, 0, 0.2] }),
      space,
    ],
    ["coregion", coregion({ levels: 3, rank: 2 }), indices, [0]],
    ["categorical", categorical({ lengthscale: [0.8, 1.9], variance: 1.1 }), names, [0, 1]],
    ["sum", sum(rbf(ard), linear(), white({ variance: 0.1 })), space],
    ["product", product(matern52(ard), linear({ variance: 0.4 }), cosine({ period: 3 })), space],
    ["product with a sum", product(sum(rbf(), constant({ variance: 0.5 })), periodic({ period: 2 })), line],
    ["product with brownian motion", product(brownian(), rbf()), line],
    ["scaled", scaled(rbf(ard), 2.5), space],
    ["power", power(sum(rbf(ard), constant({ variance: 0.3 })), 3), space],
    [
      "on",
      product(on(rbf({ lengthscale: [0.8, 1.1] }), [0, 1]), on(coregion({ levels: 3 }), [2])),
      indexed,
      [2],
    ],
    ["additive", additive(matern32(), 3), space],
    ["after", after(rbf({ lengthscale: [0.9, 1.4] }), layer), space],
    ["after, in a sum", sum(scaled(after(arcCosine(), layer), 0.5), on(periodic(), [1])), space],
  ];

for (const [name, kernel, points, steady = []] of rows) {
  test(`${name} passes the suite`, () => {
    // Features are checked more sharply than so few paths can be.
    checkKernel(kernel, points, { steady, paths: 50 });
  });
}

test("every family has a row above", () => {
  const tested = rows.map(([, kernel]) => kernel.definition?.kind);
  expect(Object.keys(families).filter((kind) => !tested.includes(kind))).toEqual([]);
});
