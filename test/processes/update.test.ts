import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { constant, rbf, sum, white } from "../../src/kernels/index.ts";
import { cholesky, type Matrix, matrix, rowRange, takeRows } from "../../src/linalg/index.ts";
import { constantMean, type ExactPosterior, gp, type Observations } from "../../src/processes/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const kernel = sum(rbf({ lengthscale: [0.8, 1.3], variance: 2 }), white({ variance: 0.05 }), constant());
const process = gp(kernel, { mean: constantMean(2, [0.3]) });
const z = randomMatrix(7, 2, "points");

function observations(rows: number, name: string, noiseVariance: number): Observations {
  return { x: randomMatrix(rows, 2, `${name}.x`), y: randomMatrix(rows, 1, `${name}.y`), noiseVariance };
}

/** Everything a posterior says, against dense linear algebra that knows nothing of factors. */
function expectWhole(posterior: ExactPosterior, tolerance = 1e-9): void {
  const { x, y, noise } = posterior.solution;
  const stacked = posterior.data.flatMap((d) => [...d.y.data]);
  expect([...y.data]).toEqual(stacked);
  expect([...x.data]).toEqual(posterior.data.flatMap((d) => [...d.x.data]));
  expect([...noise]).toEqual(posterior.data.flatMap((d) => Array(d.y.data.length).fill(d.noiseVariance)));
  const covariance = posterior.prior.kernel.gram(x);
  noise.forEach((v, i) => {
    covariance.data[i * covariance.rows + i]! += v;
  });
  const { lower } = cholesky(covariance);
  expectClose(posterior.solution.factor.lower.data, lower.data, tolerance);
  const direct = directly(posterior, covariance, z);
  expectClose(posterior.at(z).mean.data, direct.mean, tolerance);
  expectClose(posterior.at(z).variance.data, direct.variance, tolerance);
  expect(posterior.report.jitter).toBe(0);
}

/** mean + k* A⁻¹ r and k** − k* A⁻¹ k*ᵀ by Gauss–Jordan elimination. */
function directly({ prior, solution }: ExactPosterior, a: Matrix, points: Matrix) {
  const inverse = eliminated(a);
  const cross = prior.kernel.cross(points, solution.x);
  const before = prior.mean.at(points).data;
  const own = prior.kernel.diagonal(points);
  const mean = new Float64Array(own.length);
  const variance = own.slice();
  for (let i = 0; i < own.length; i++) {
    mean[i] = before[i]!;
    for (let j = 0; j < a.rows; j++) {
      let weight = 0;
      for (let k = 0; k < a.rows; k++) weight += cross.data[i * a.rows + k]! * inverse.data[k * a.rows + j]!;
      mean[i]! += weight * solution.residual.data[j]!;
      variance[i]! -= weight * cross.data[i * a.rows + j]!;
    }
  }
  return { mean, variance };
}

function eliminated(a: Matrix): Matrix {
  const n = a.rows;
  const rows = Array.from({ length: n }, (_, i) => [
    ...a.data.subarray(i * n, (i + 1) * n),
    ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let p = 0; p < n; p++) {
    const pivot = rows[p]![p]!;
    rows[p] = rows[p]!.map((v) => v / pivot);
    for (let i = 0; i < n; i++) {
      const factor = rows[i]![p]!;
      if (i !== p) rows[i] = rows[i]!.map((v, j) => v - factor * rows[p]![j]!);
    }
  }
  return matrix(n, n, Float64Array.from(rows.flatMap((row) => row.slice(n))));
}

describe("data one by one", () => {
  const start = process.condition(observations(12, "a", 0.1));

  it("adding equals solving the whole, for one row, several, and other noises", () => {
    let posterior = start;
    for (let i = 0; i < 4; i++) {
      posterior = posterior.condition(observations(1, `one ${i}`, 0.1));
      expectWhole(posterior);
    }
    posterior = posterior.condition(observations(5, "five", 0.4));
    expectWhole(posterior);
    expect(posterior.noiseVariance).toBe(0.4);
  });

  it("removing equals solving what is left: first, last, a middle, several, in any order, most", () => {
    for (const indices of [[0], [11], [5], [7, 2], [3, 3, 10], [9, 1, 4, 0, 11], [0, 1, 2, 3, 4, 5, 6, 8]]) {
      const posterior = start.without(indices);
      expect(posterior.solution.x.rows).toBe(12 - new Set(indices).size);
      expectWhole(posterior);
    }
    expectWhole(start.without([]));
  });

  it("adding and removing compose in any order", () => {
    const posterior = start
      .without([2, 5])
      .condition(observations(3, "b", 0.2))
      .without([0, 11])
      .condition(observations(1, "c", 0.1))
      .without([6]);
    expectWhole(posterior);
    expect(posterior.data.map((d) => d.noiseVariance)).toEqual([0.1, 0.2, 0.1]);
  });

  it("adding and then removing the same leaves what was", () => {
    const there = start.condition(observations(4, "d", 0.3));
    const back = there.without([12, 13, 14, 15]);
    expectClose(back.solution.factor.lower.data, start.solution.factor.lower.data, 1e-12);
    expect(back.logEvidence).toBeCloseTo(start.logEvidence, 10);
  });

  it("replaces a point in its place: its value, its place, its noise", () => {
    const old = start.data[0]!;
    for (const index of [0, 6, 11]) {
      const x = rowRange(old.x, index, index + 1);
      const y = matrix(1, 1, Float64Array.of(9));
      const value = start.replace(index, { x, y, noiseVariance: 0.1 });
      expectWhole(value);
      expect(value.solution.factor).toBe(start.solution.factor); // nothing to do
      const moved = start.replace(index, observations(1, "moved", 0.1));
      expectWhole(moved);
      expect(moved.data).toHaveLength(1);
      const quieter = start.replace(index, { x, y, noiseVariance: 0.01 });
      expectWhole(quieter);
      expect(quieter.noiseVariance).toBe(0.1);
      expectWhole(moved.replace(index, { x, y, noiseVariance: 0.5 }).without([index]));
    }
  });

  it("with several outputs, whole points come and go", () => {
    const both = gp(twoOutputs());
    const x = randomMatrix(9, 1, "two.x");
    const y = randomMatrix(9, 2, "two.y");
    const whole = both.condition({ x, y, noiseVariance: 0.2 });
    const part = { x: rowRange(x, 0, 6), y: rowRange(y, 0, 6), noiseVariance: 0.2 };
    const rest = { x: rowRange(x, 6, 9), y: rowRange(y, 6, 9), noiseVariance: 0.2 };
    const points = randomMatrix(4, 1, "two.z");
    expectClose(
      both.condition(part).condition(rest).at(points).covariance.data,
      whole.at(points).covariance.data,
      1e-11,
    );
    const without = [0, 2, 3, 5, 6, 7, 8];
    const fewer = both.condition({ x: takeRows(x, without), y: takeRows(y, without), noiseVariance: 0.2 });
    expectClose(whole.without([4, 1]).at(points).covariance.data, fewer.at(points).covariance.data, 1e-11);
    const swapped = both.condition({
      x: takeRows(x, [0, 1, 8]),
      y: takeRows(y, [0, 1, 8]),
      noiseVariance: 0.2,
    });
    const edited = both
      .condition({ x: takeRows(x, [0, 5, 8]), y: takeRows(y, [0, 5, 8]), noiseVariance: 0.2 })
      .replace(1, { x: rowRange(x, 1, 2), y: rowRange(y, 1, 2), noiseVariance: 0.2 });
    expectClose(edited.at(points).covariance.data, swapped.at(points).covariance.data, 1e-11);
    expectClose(edited.at(points).mean.data, swapped.at(points).mean.data, 1e-11);
  });

  it("keeps the jitter that its factor has, and says so", () => {
    const smooth = gp(rbf({ lengthscale: 5 }));
    const grid = matrix(
      30,
      1,
      Float64Array.from({ length: 30 }, (_, i) => i / 30),
    );
    const y = { ...grid, data: grid.data.map(Math.sin) };
    const tight = smooth.condition({ x: grid, y, noiseVariance: 0 });
    expect(tight.report.jitter).toBeGreaterThan(0);
    const fewer = tight.without([3, 17]);
    expect(fewer.report.jitter).toBe(tight.report.jitter);
    // A further point, far from all others.
    const x = matrix(1, 1, Float64Array.of(8));
    const more = fewer.condition({ x, y: { ...x, data: x.data.map(Math.sin) }, noiseVariance: 0 });
    expect(more.report.jitter).toBe(tight.report.jitter);
    // What is factored is the Gram matrix with that jitter: L Lᵀ says so.
    const { lower } = more.solution.factor;
    const gram = smooth.kernel.gram(more.solution.x);
    for (let i = 0; i < lower.rows; i++) {
      const row = lower.data.subarray(i * lower.cols, (i + 1) * lower.cols);
      const norm = row.reduce((s, v) => s + v * v, 0);
      expect(Math.abs(norm - gram.data[i * gram.cols + i]! - more.report.jitter)).toBeLessThan(1e-14);
    }
    // The same point twice without noise: the extension fails, the whole is factored again with what it needs.
    const twice = gp(rbf()).condition({ x, y: x, noiseVariance: 0 }).condition({ x, y: x, noiseVariance: 0 });
    expect(twice.report.jitter).toBeGreaterThan(0);
    expect(Number.isFinite(twice.at(x).mean.data[0]!)).toBe(true);
  });

  it("refuses what is no observation, and to be left with none", () => {
    expect(() => start.without([12])).toThrow(UsageError);
    expect(() => start.without([-1])).toThrow(UsageError);
    expect(() => start.without([0.5])).toThrow(UsageError);
    expect(() => start.without(Array.from({ length: 12 }, (_, i) => i))).toThrow(/prior/);
    expect(() => start.replace(12, observations(1, "e", 0.1))).toThrow(UsageError);
    expect(() => start.replace(0, observations(2, "f", 0.1))).toThrow(/1 × 2/);
  });
});
