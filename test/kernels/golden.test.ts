import { describe, expect, test } from "vitest";
import {
  arcCosine,
  constant,
  coregion,
  cosine,
  gibbs,
  gradientVector,
  type Kernel,
  linear,
  matern12,
  matern32,
  matern52,
  type Prior,
  periodic,
  polynomial,
  priorDensity,
  product,
  rationalQuadratic,
  rbf,
  spectralMixture,
  sum,
} from "../../src/kernels/index.ts";
import { add, columnVector, matrix, scale, transpose } from "../../src/linalg/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";

// Both sides sum a few hundred products of numbers of size 1 in f64: 1e-10 leaves room for another order of sums,
// and for GPyTorch's distances, which are ‖a‖² + ‖b‖² − 2a·b. The issue asks for 1e-8.
const tolerance = 1e-10;

const file = golden("kernels");
const lengthscale: number[] = file.lengthscales;
const period = [1.9, 2.4, 3.3];

const ours: Readonly<Record<string, Kernel>> = {
  rbf: rbf({ lengthscale }),
  matern12: matern12({ lengthscale }),
  matern32: matern32({ lengthscale }),
  matern52: matern52({ lengthscale }),
  rationalQuadratic: rationalQuadratic({ lengthscale, alpha: 0.7 }),
  periodic: periodic({ lengthscale, period }),
  cosine: cosine({ period: 1.5 }),
  spectralMixture: spectralMixture({ weight: [0.6, 1.1], frequency: [0.3, 0.7], bandwidth: [0.1, 0.25] }),
  linear: linear({ variance: 0.6 }),
  polynomial: polynomial({ degree: 3, offset: 0.8 }),
  constant: constant({ variance: 1.4 }),
  composite: sum(
    rbf({ lengthscale, variance: 1.3 }),
    product(linear({ variance: 0.4 }), periodic({ lengthscale, period })),
  ),
};

describe("kernels and their derivatives are GPyTorch's", () => {
  test.each(Object.keys(file.kernels))("%s", (name) => {
    const expected = file.kernels[name];
    const pick = (values: number[][]) =>
      rows(values.map((row) => expected.columns.map((c: number) => row[c])));
    const kernel = ours[name]!;
    const [x, z, bar] = [pick(file.x), pick(file.z), rows(file.bar)];
    expectClose(kernel.cross(x, z).data, expected.cross.flat(), tolerance);
    // GPyTorch's own Gram matrix has √(1e-15) for distances of 0.
    expectClose(kernel.gram(x).data, expected.gram.flat(), name === "matern12" ? 1e-7 : tolerance);
    const slopes = kernel.pullback(x, z, bar);
    for (const [path, slope] of Object.entries<number[]>(expected.slopes)) {
      expectClose(slopes[path]!, slope, tolerance);
    }
    const inputs = kernel.pullbackInputs!(x, z, bar);
    expectClose(inputs.x.data, expected.x_slopes.flat(), tolerance);
    expectClose(inputs.z!.data, expected.z_slopes.flat(), tolerance);
  });
});

const sklearn = golden("gp");

describe("Gram matrices and their pull-backs are scikit-learn's", () => {
  const theirs: Readonly<Record<string, Kernel>> = {
    rbf: rbf({ lengthscale: sklearn.kernels.rbf.parameters.lengthscales }),
    matern12: matern12({ lengthscale: sklearn.kernels.matern12.parameters.lengthscales }),
    matern32: matern32({ lengthscale: sklearn.kernels.matern32.parameters.lengthscales }),
    matern52: matern52({ lengthscale: sklearn.kernels.matern52.parameters.lengthscales }),
    rational_quadratic: rationalQuadratic({ lengthscale: 1.1, alpha: 0.7 }),
    periodic_1d: periodic({ lengthscale: 0.8, period: 1.9 }),
  };
  const order: Readonly<Record<string, readonly string[]>> = {
    rational_quadratic: ["alpha", "lengthscale"],
    periodic_1d: ["lengthscale", "period"],
  };
  test.each(Object.keys(theirs))("%s", (name) => {
    const kernel = theirs[name]!;
    const expected = sklearn.kernels[name];
    const points =
      name === "periodic_1d" ? columnVector(sklearn.x.map((row: number[]) => row[0])) : rows(sklearn.x);
    expectClose(kernel.gram(points).data, expected.gram.flat(), tolerance);
    // Their bar is not symmetric; ⟨bar, K⟩ of a symmetric K sees its symmetric part.
    const bar = rows(sklearn.bar);
    const symmetric = scale(add(bar, transpose(bar)), 0.5);
    const slopes = kernel.pullback(points, undefined, symmetric);
    const logs = (order[name] ?? ["lengthscale"]).flatMap((path) => [
      ...gradientVector({ [path]: kernel.parameters[path]! }, slopes),
    ]);
    expectClose(logs, expected.pullback, tolerance);
  });
});

test("coregion's B is GPyTorch's IndexKernel", () => {
  const { weight, diagonal, covariance } = file.coregion;
  const kernel = coregion({ levels: 3, rank: 2, weight: weight.flat(), diagonal });
  expectClose(kernel.gram(columnVector([0, 1, 2])).data, covariance.flat(), tolerance);
});

// scipy's quadrature was asked for 1e-13.
test("arcCosine is its definition, integrated", () => {
  for (const order of [0, 1] as const) {
    const kernel = arcCosine({ order, weightVariance: [0.5, 1, 2], biasVariance: 0.6 });
    expectClose(
      kernel.cross(rows(file.x), rows(file.z)).data,
      file.arc_cosine[`order${order}`].flat(),
      1e-11,
    );
  }
});

test("gibbs is the inner product of bumps, integrated", () => {
  const first = (values: number[][]) => columnVector(values.map((row) => row[0]!));
  const kernel = gibbs({ weight: 0.4, bias: -0.2 });
  expectClose(kernel.cross(first(file.x), first(file.z)).data, file.gibbs.flat(), 1e-11);
});

test("priors are scipy's densities, and their slopes their differences", () => {
  const priors: readonly Prior[] = [
    { kind: "normal", mean: 0.3, deviation: 1.4 },
    { kind: "log-normal", mean: 0.3, deviation: 0.7 },
    { kind: "gamma", shape: 2.5, rate: 1.5 },
    { kind: "horseshoe", scale: 0.8 },
  ];
  for (const prior of priors) {
    const at: number[] = file.priors.at;
    expectClose(
      at.map((v) => priorDensity(prior, v).value),
      file.priors[prior.kind],
      1e-11,
    );
    for (const v of at) {
      const h = 1e-5 * v; // truncation ~ (h/v)², rounding ~ 1e-16 / 1e-5, relative
      const slope = (priorDensity(prior, v + h).value - priorDensity(prior, v - h).value) / (2 * h);
      expect(Math.abs(priorDensity(prior, v).slope - slope)).toBeLessThan(
        1e-8 * (1 + Math.abs(slope) + 1 / v),
      );
    }
  }
});

test("an rbf of 1,000 columns is e^(−r²/2)", () => {
  const x = matrix(
    2,
    1000,
    Float64Array.from({ length: 2000 }, (_, k) => (k < 1000 ? 0 : 0.01 * (k % 7))),
  );
  let square = 0;
  for (let c = 0; c < 1000; c++) square += (x.data[1000 + c]! / (1 + c)) ** 2;
  const kernel = rbf({ lengthscale: Float64Array.from({ length: 1000 }, (_, c) => 1 + c) });
  expectClose(kernel.gram(x).data, [1, Math.exp(-square / 2), Math.exp(-square / 2), 1], 1e-14);
});
