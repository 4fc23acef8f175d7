import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  additive,
  constant,
  cosine,
  fromVector,
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
  sum,
  toVector,
  white,
  withSlopes,
} from "../../src/kernels/index.ts";
import { type Matrix, matrix, takeRows } from "../../src/linalg/index.ts";
import {
  constantMean,
  gp,
  gradientsAt,
  linearMean,
  logEvidence,
  slopesAt,
  valuesAt,
  withDerivatives,
} from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const kernels: Readonly<Record<string, Kernel>> = {
  rbf: rbf({ lengthscale: [0.8, 1.5], variance: 2 }),
  matern32: matern32({ lengthscale: 1.2 }),
  matern52: matern52({ lengthscale: [0.7, 1.6], variance: 0.5 }),
  rationalQuadratic: rationalQuadratic({ lengthscale: [0.8, 1.5], alpha: 0.7 }),
  periodic: periodic({ period: [2, 3], lengthscale: [0.9, 1.4], variance: 1.5 }),
  cosine: cosine({ period: [2, 3], variance: 0.7 }),
  linear: linear({ variance: [0.5, 2] }),
  polynomial: polynomial({ degree: 3, variance: [0.5, 0.3], offset: 0.8 }),
  constant: constant({ variance: 3 }),
  sum: sum(rbf(), linear(), constant()),
  product: product(rbf({ lengthscale: 2 }), linear(), periodic({ period: 2 })),
  scaled: scaled(rbf(), 3),
  power: power(sum(linear(), constant()), 3),
  "on one column": on(matern52(), [1]),
  additive: additive(rbf(), 2),
};
const x = randomMatrix(4, 2, "slopes.x");
const z = randomMatrix(5, 2, "slopes.z");

function moved(a: Matrix, column: number, by: number): Matrix {
  return { ...a, data: a.data.map((v, k) => (k % a.cols === column ? v + by : v)) };
}

describe("jets: covariances of values and derivatives", () => {
  const h = 1e-5;

  it.each(Object.entries(kernels))("%s has the derivatives of differences", (_, kernel) => {
    const jet = kernel.jet!(x, z);
    const entry = (i: number, c: number, j: number, e: number) => jet.data[(3 * i + c) * 15 + 3 * j + e]!;
    const pick = (c: number, e: number) =>
      Array.from({ length: 20 }, (_, k) => entry(Math.floor(k / 5), c, k % 5, e));
    expectClose(pick(0, 0), kernel.cross(x, z).data, 1e-13);
    for (let c = 0; c < 2; c++) {
      const change = (up: Matrix, down: Matrix) => up.data.map((v, k) => (v - down.data[k]!) / (2 * h));
      // Central differences with step 1e-5 are within about 1e-9 of these.
      expectClose(
        pick(c + 1, 0),
        change(kernel.cross(moved(x, c, h), z), kernel.cross(moved(x, c, -h), z)),
        1e-8,
      );
      expectClose(
        pick(0, c + 1),
        change(kernel.cross(x, moved(z, c, h)), kernel.cross(x, moved(z, c, -h))),
        1e-8,
      );
      // Second derivatives: differences in z of the first ones in x, just checked.
      const [up, down] = [kernel.jet!(x, moved(z, c, h)), kernel.jet!(x, moved(z, c, -h))];
      for (let e = 0; e < 2; e++) {
        const expected = Array.from({ length: 20 }, (_, k) => {
          const at = (3 * Math.floor(k / 5) + 1 + e) * 15 + 3 * (k % 5);
          return (up.data[at]! - down.data[at]!) / (2 * h);
        });
        expectClose(pick(e + 1, c + 1), expected, 1e-7);
      }
    }
  });

  it.each(Object.entries(kernels))(
    "%s gives a covariance: symmetric, no negative eigenvalue",
    (_, kernel) => {
      const both = withSlopes(kernel, 2);
      const points = stacked(valuesAt(x), gradientsAt(x));
      const gram = both.gram(points);
      const size = Math.max(...gram.data.map(Math.abs));
      for (let i = 0; i < 12; i++) {
        for (let j = 0; j < 12; j++) {
          expect(Math.abs(gram.data[i * 12 + j]! - gram.data[j * 12 + i]!)).toBeLessThan(1e-13 * size);
        }
      }
      expectClose(
        both.diagonal(points),
        gram.data.filter((_, k) => k % 13 === 0),
        1e-14,
      );
      // vᵀ K v ≥ 0 for many v, but for rounding.
      for (let s = 0; s < 50; s++) {
        const v = randomMatrix(12, 1, `v ${s}`).data;
        let square = 0;
        for (let i = 0; i < 12; i++)
          for (let j = 0; j < 12; j++) square += v[i]! * v[j]! * gram.data[i * 12 + j]!;
        expect(square).toBeGreaterThan(-1e-12 * size);
      }
    },
  );
});

const f = (p: Matrix) =>
  matrix(
    p.rows,
    1,
    Float64Array.from(
      { length: p.rows },
      (_, i) => Math.sin(p.data[2 * i]!) * Math.exp(-0.3 * p.data[2 * i + 1]! ** 2),
    ),
  );
const gradient = (p: Matrix) =>
  matrix(
    2 * p.rows,
    1,
    Float64Array.from({ length: 2 * p.rows }, (_, k) => {
      const [u, v] = [p.data[2 * Math.floor(k / 2)]!, p.data[2 * Math.floor(k / 2) + 1]!];
      const fade = Math.exp(-0.3 * v * v);
      return k % 2 === 0 ? Math.cos(u) * fade : -0.6 * v * Math.sin(u) * fade;
    }),
  );

describe("predictions of derivatives", () => {
  const seen = randomMatrix(14, 2, "seen");
  const means = [undefined, constantMean(2, [2]), linearMean(2).startAt!(seen, f(seen))];

  it("the derivative of the posterior mean is the mean of the derivative", () => {
    for (const kernel of [kernels.rbf!, kernels.matern52!, kernels.product!]) {
      for (const mean of means) {
        const posterior = gp(kernel, { inputs: 2, ...(mean && { mean }) }).condition({
          x: seen,
          y: f(seen),
          noiseVariance: 1e-3,
        });
        const both = withDerivatives(posterior);
        expect(both.logEvidence).toBe(posterior.logEvidence);
        const ones = matrix(5, 1, new Float64Array(5).fill(1));
        expectClose(
          both.at(gradientsAt(z)).mean.data,
          posterior.slopes(z).pullback({ mean: ones }).data,
          1e-9,
        );
        expectClose(both.at(valuesAt(z)).mean.data, posterior.at(z).mean.data, 1e-11);
        expectClose(both.at(valuesAt(z)).covariance.data, posterior.at(z).covariance.data, 1e-10);
      }
    }
  });

  it("its variance is that of ever shorter differences of the function", () => {
    const posterior = gp(kernels.rbf!).condition({ x: seen, y: f(seen), noiseVariance: 1e-2 });
    const variance = withDerivatives(posterior).at(slopesAt(z, 1)).variance.data;
    const h = 1e-3;
    for (let i = 0; i < 5; i++) {
      const point = takeRows(z, [i]);
      const pair = stacked(moved(point, 1, h), moved(point, 1, -h));
      const c = posterior.at(pair).covariance.data;
      // Error h² ≈ 1e-6 and rounding 1e-16 / h² ≈ 1e-10.
      expect((c[0]! + c[3]! - 2 * c[1]!) / (4 * h * h)).toBeCloseTo(variance[i]!, 4);
    }
  });

  it("samples' slopes are the slopes of the samples", () => {
    const posterior = gp(kernels.rbf!).condition({ x: seen, y: f(seen), noiseVariance: 1e-2 });
    const [path] = withDerivatives(posterior).sample(key(4), 1);
    const [plain] = posterior.sample(key(4), 1);
    expectClose(path!.at(valuesAt(z)).data, plain!.at(z).data, 1e-10);
    const ones = matrix(5, 1, new Float64Array(5).fill(1));
    expectClose(path!.at(gradientsAt(z)).data, plain!.pullbackInputs!(z, ones).data, 1e-10);
  });

  it("goes on with more data of either kind", () => {
    const posterior = gp(kernels.rbf!).condition({ x: seen, y: f(seen), noiseVariance: 1e-2 });
    const slopes = { x: gradientsAt(z), y: gradient(z), noiseVariance: 1e-3 };
    const later = withDerivatives(posterior).condition(slopes);
    const first = withDerivatives(gp(kernels.rbf!)).condition(slopes);
    const other = first.condition({ x: valuesAt(seen), y: f(seen), noiseVariance: 1e-2 });
    expectClose(later.at(valuesAt(x)).mean.data, other.at(valuesAt(x)).mean.data, 1e-9);
    expect(later.logEvidence).toBeCloseTo(other.logEvidence, 8);
  });
});

describe("observations of derivatives", () => {
  const grid = matrix(49, 2);
  for (let i = 0; i < 7; i++)
    for (let j = 0; j < 7; j++) grid.data.set([i / 2 - 1.5, j / 2 - 1.5], 2 * (7 * i + j));
  const inside = { ...z, data: z.data.map((v) => Math.max(-1.3, Math.min(1.3, v))) };

  it("with one value bring back a known function", () => {
    const posterior = withDerivatives(gp(rbf({ lengthscale: [1.5, 1.5] })))
      .condition({ x: gradientsAt(grid), y: gradient(grid), noiseVariance: 1e-8 })
      .condition({ x: valuesAt(takeRows(grid, [0])), y: f(takeRows(grid, [0])), noiseVariance: 1e-8 });
    const at = posterior.at(valuesAt(inside));
    // Interpolation of gradients half a unit apart by a kernel three times as long.
    expectClose(at.mean.data, f(inside).data, 2e-3);
    expect(Math.max(...at.standardDeviation.data)).toBeLessThan(2e-2);
  });

  it("a quadratic is known from its value and gradients at three points", () => {
    const quadratic = (p: Matrix) =>
      matrix(
        p.rows,
        1,
        Float64Array.from({ length: p.rows }, (_, i) => {
          const [u, v] = [p.data[2 * i]!, p.data[2 * i + 1]!];
          return 1 - 2 * u + 0.5 * v + u * u - 3 * u * v + 0.7 * v * v;
        }),
      );
    const three = takeRows(z, [0, 1, 2]);
    const slopes = matrix(
      6,
      1,
      Float64Array.from({ length: 6 }, (_, k) => {
        const [u, v] = [three.data[2 * Math.floor(k / 2)]!, three.data[2 * Math.floor(k / 2) + 1]!];
        return k % 2 === 0 ? -2 + 2 * u - 3 * v : 0.5 - 3 * u + 1.4 * v;
      }),
    );
    const posterior = withDerivatives(gp(polynomial({ degree: 2 }), { inputs: 2 }))
      .condition({ x: gradientsAt(three), y: slopes, noiseVariance: 1e-9 })
      .condition({ x: valuesAt(takeRows(z, [0])), y: quadratic(takeRows(z, [0])), noiseVariance: 1e-9 });
    // Six unknowns, seven equations; noise 1e-9 of weights with variance 1 leaves errors of that order.
    expectClose(posterior.at(valuesAt(x)).mean.data, quadratic(x).data, 1e-6);
  });

  it("tell on the evidence's gradient as differences say", () => {
    for (const kernel of [kernels.rbf!, kernels.rationalQuadratic!, kernels.sum!]) {
      const both = withSlopes(kernel, 2);
      const points = stacked(valuesAt(x), gradientsAt(z));
      const values = randomMatrix(14, 1, "evidence");
      const { gradient: slopes } = logEvidence(both, 0.1, points, values);
      const start = toVector(both.parameters);
      start.forEach((_, i) => {
        const at = (sign: number) => {
          const vector = start.slice();
          vector[i]! += sign * 1e-5;
          return logEvidence(both.with(fromVector(vector, both.parameters)), 0.1, points, values).value;
        };
        // Both sides are differences: 1e-9 each, of values near 10.
        expect(Math.abs(slopes[i]! - (at(1) - at(-1)) / 2e-5)).toBeLessThan(1e-6);
      });
    }
  });

  it("are refused where functions have none, or points are not marked", () => {
    expect(() => withSlopes(matern12(), 2)).toThrow(/matern12 has no covariances of derivatives/);
    expect(() => withDerivatives(gp(sum(rbf(), white())))).toThrow(UsageError);
    const both = withSlopes(rbf(), 2);
    expect(() => both.gram(x)).toThrow(ShapeError);
    expect(() => both.gram(matrix(1, 3, Float64Array.of(0, 0, 3)))).toThrow(/marked 3/);
    expect(() => both.gram(matrix(1, 3, Float64Array.of(0, 0, 0.5)))).toThrow(UsageError);
  });
});

function stacked(a: Matrix, b: Matrix): Matrix {
  return matrix(a.rows + b.rows, a.cols, Float64Array.of(...a.data, ...b.data));
}
