import { describe, expect, it } from "vitest";
import { fromVector, gradientVector, toVector } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix, takeRows } from "../../src/linalg/index.ts";
import { type Likelihood, likelihoods } from "../../src/processes/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const {
  bernoulli,
  constrained,
  gaussian,
  heteroscedastic,
  ordinal,
  poisson,
  softmax,
  studentT,
  varyingNoise,
} = likelihoods;

// Two observations and two virtual ones: above 0.5 and below −0.2.
const beside = matrix(4, 3, Float64Array.of(0.2, 0, 0, 0.5, 1, 0.7, -1.3, 0, 0, -0.2, -1, 1.2));
const cases: readonly (readonly [Likelihood, readonly number[] | Matrix])[] = [
  [gaussian(0.3), [0.2, -1, 2.5, 0]],
  [bernoulli(), [0, 1, 1, 0]],
  [bernoulli("probit"), [0, 1, 1, 0]],
  [poisson(), [0, 3, 1, 7]],
  [studentT(0.7, 4.5), [0.2, -3, 2.5, 9]],
  [ordinal(4, [-1, 0.3, 1.1]), [0, 1, 2, 3]],
  [softmax(3), [0, 2, 1, 0]],
  [heteroscedastic(), [0.2, -1, 2.5, 0]],
  [constrained(gaussian(0.3)), beside],
  [constrained(studentT(0.7, 4.5)), beside],
  [varyingNoise(0.3, 0.7), [0.2, -1, 2.5, 0]],
];

const n = 4;

/** Central differences of a function of one number, with a step that leaves about ten digits. */
function slope(of: (v: number) => number, at: number): number {
  const h = 1e-5 * Math.max(1, Math.abs(at));
  return (of(at + h) - of(at - h)) / (2 * h);
}

function changed(a: Matrix, k: number, v: number): Matrix {
  const data = a.data.slice();
  data[k] = v;
  return { ...a, data };
}

const sum = (values: Float64Array) => values.reduce((s, v) => s + v, 0);

describe.each(cases.map(([l, targets]) => [l.name, l, targets] as const))("%s", (_, likelihood, targets) => {
  const L = likelihood.latents;
  const y = "data" in targets ? targets : columnVector(targets);
  const f = randomMatrix(n, L, "f");
  const spread = matrix(n, L * L);
  for (let i = 0; i < n; i++) {
    const a = randomMatrix(L, L, `spread ${i}`).data;
    for (let p = 0; p < L; p++)
      for (let q = 0; q < L; q++)
        for (let r = 0; r < L; r++) spread.data[(i * L + p) * L + q]! += a[p * L + r]! * a[q * L + r]!;
  }
  /** By finite differences in every unconstrained parameter. */
  const parameterDifferences = (of: (l: Likelihood) => number) =>
    Array.from(toVector(likelihood.parameters), (u, j) =>
      slope((v) => {
        const moved = toVector(likelihood.parameters);
        moved[j] = v;
        return of(likelihood.with(fromVector(moved, likelihood.parameters)));
      }, u),
    );

  it("has the derivatives of its log density", () => {
    const { gradient, curvature, hessian } = likelihood.derivatives(f, y);
    const differences = f.data.map((v, k) =>
      slope((u) => sum(likelihood.logDensity(changed(f, k, u), y)), v),
    );
    expectClose(gradient.data, differences, 1e-8);
    for (let k = 0; k < f.data.length; k++) {
      const row = Math.floor(k / L);
      for (let a = 0; a < L; a++) {
        const second = -slope(
          (u) => likelihood.derivatives(changed(f, k, u), y).gradient.data[row * L + a]!,
          f.data[k]!,
        );
        expect((hessian ?? curvature).data[(row * L + (k % L)) * L + a]).toBeCloseTo(second, 7);
      }
    }
  });

  it("has the slopes of its curvature", () => {
    const trace = (l: Likelihood, at: Matrix) => {
      const { curvature } = l.derivatives(at, y);
      return curvature.data.reduce((s, w, k) => s + w * spread.data[k]!, 0);
    };
    const { f: slopes, parameters } = likelihood.curvatureSlopes(f, y, spread);
    expectClose(
      slopes.data,
      f.data.map((v, k) => slope((u) => trace(likelihood, changed(f, k, u)), v)),
      1e-8,
    );
    expectClose(
      gradientVector(likelihood.parameters, parameters),
      parameterDifferences((l) => trace(l, f)),
      1e-8,
    );
  });

  it("has slopes in its parameters", () => {
    const direction = randomMatrix(n, L, "direction");
    const of = (l: Likelihood) =>
      sum(l.logDensity(f, y)) +
      l.derivatives(f, y).gradient.data.reduce((s, g, k) => s + g * direction.data[k]!, 0);
    expectClose(
      gradientVector(likelihood.parameters, likelihood.parameterSlopes(f, y, direction)),
      parameterDifferences(of),
      1e-8,
    );
  });

  it("has expectations with the derivatives of what they are", () => {
    const variance = { ...f, data: randomMatrix(n, L, "variance").data.map((v) => 0.1 + v * v) };
    const found = likelihood.expected(f, variance, y);
    expectClose(
      found.mean.data,
      f.data.map((v, k) => slope((u) => sum(likelihood.expected(changed(f, k, u), variance, y).value), v)),
      1e-7,
    );
    expectClose(
      found.variance.data,
      variance.data.map((v, k) =>
        slope((u) => sum(likelihood.expected(f, changed(variance, k, u), y).value), v),
      ),
      1e-7,
    );
    expectClose(
      gradientVector(likelihood.parameters, found.parameters),
      parameterDifferences((l) => sum(l.expected(f, variance, y).value)),
      1e-7,
    );
    // Without spread there is nothing to average.
    const none = matrix(n, L);
    expectClose(likelihood.expected(f, none, y).value, likelihood.logDensity(f, y), 1e-12);
    expectClose(likelihood.expected(f, none, y).mean.data, likelihood.derivatives(f, y).gradient.data, 1e-12);
    expectClose(likelihood.logPredictive(f, none, y), likelihood.logDensity(f, y), 1e-8);
  });

  it("predicts what averaging over the latents gives", () => {
    const variance = { ...f, data: f.data.map((_, k) => 0.3 + 0.1 * k) };
    // An average over a fine grid of every latent, 8 standard deviations wide: exact for smooth functions.
    const points = L === 1 ? 2001 : L === 2 ? 201 : 41;
    const exact = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const at = matrix(points ** L, L);
      const weight = new Float64Array(points ** L).fill(1);
      for (let k = 0; k < weight.length; k++) {
        for (let a = 0, rest = k; a < L; a++, rest = Math.floor(rest / points)) {
          const z = -8 + (16 * (rest % points)) / (points - 1);
          at.data[k * L + a] = f.data[i * L + a]! + Math.sqrt(variance.data[i * L + a]!) * z;
          weight[k]! *= (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * (16 / (points - 1));
        }
      }
      const logs = likelihood.logDensity(at, takeRows(y, new Array<number>(weight.length).fill(i)));
      exact[i] = Math.log(weight.reduce((s, w, k) => s + w * Math.exp(logs[k]!), 0));
    }
    // softmax averages over 256 quasi-random points; Student-t leaves 1e-7 of its outermost tail.
    const tolerance = likelihood.name === "softmax" ? 5e-3 : 2e-6;
    expectClose(likelihood.logPredictive(f, variance, y), exact, tolerance);
    const predicted = likelihood.predictive(f, variance);
    if (predicted.kind === "classes") {
      y.data.forEach((label, i) => {
        const p = predicted.probabilities;
        expect(p.data[i * p.cols + label]).toBeCloseTo(Math.exp(exact[i]!), tolerance > 1e-3 ? 2 : 6);
        expect(sum(p.data.subarray(i * p.cols, (i + 1) * p.cols))).toBeCloseTo(1, 12);
      });
    }
  });

  it("refuses what it cannot have given", () => {
    expect(() => likelihood.check(changed(y, 3 * y.cols, Number.NaN))).toThrow(/row 3/);
    expect(() => likelihood.check(matrix(2, y.cols + 2))).toThrow();
    likelihood.check(y);
  });
});

describe("far out", () => {
  it("stays finite and correct in the tails", () => {
    const y = columnVector([1, 0]);
    const f = columnVector([-40, 40]);
    // log Φ(−40) by its asymptotic series.
    const tail = -800 - 0.5 * Math.log(2 * Math.PI) - Math.log(40) + Math.log1p(-1 / 1600 + 3 / 1600 ** 2);
    expectClose(bernoulli("probit").logDensity(f, y), [tail, tail], 1e-9);
    expectClose(bernoulli().logDensity(f, y), [-40, -40], 1e-14);
    const middle = ordinal(3, [-1, 1]);
    expect(Number.isFinite(middle.logDensity(columnVector([60]), columnVector([1]))[0])).toBe(true);
    expect(middle.derivatives(columnVector([60]), columnVector([1])).gradient.data[0]).toBeCloseTo(-59, 1);
  });

  it("says which parameters no likelihood has", () => {
    expect(() => softmax(1)).toThrow(/from 2/);
    expect(() => studentT(1, 2)).toThrow(/above 2/);
    expect(() => ordinal(3, [1, 0])).toThrow(/positive/);
    expect(() => gaussian(0)).toThrow(/positive/);
  });

  it("takes several columns of a Gaussian", () => {
    const y = randomMatrix(3, 2, "y");
    const f = randomMatrix(3, 2, "g");
    const two = gaussian(0.4, 2).logDensity(f, y);
    const column = (a: Matrix, j: number) => columnVector(a.data.filter((_, k) => k % 2 === j));
    const [first, second] = [0, 1].map((j) => gaussian(0.4).logDensity(column(f, j), column(y, j)));
    expectClose(
      two,
      two.map((_, i) => first![i]! + second![i]!),
      1e-13,
    );
  });
});
