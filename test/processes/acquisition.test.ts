import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { brownian, matern52, rbf, sum, white } from "../../src/kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../../src/linalg/index.ts";
import { expectedImprovement, gp, logExpectedImprovement, suggest } from "../../src/processes/index.ts";
import { key, normal, split } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const cases = [
  [0.3, 0.7, 0.5],
  [-1.2, 0.4, -1.5],
  [2, 1.5, 0],
  [10, 1, 0],
  [40, 1, 0],
  [-3, 0.5, 4],
] as const;

describe("expected improvement", () => {
  it("is the mean gain of draws, within five standard errors of them", () => {
    const z = normal(key(3), 200_000);
    for (const [mean, deviation, best] of cases.slice(0, 3)) {
      const gains = z.map((v) => Math.max(0, best - mean - deviation * v));
      const average = gains.reduce((a, b) => a + b, 0) / z.length;
      const spread = Math.sqrt(gains.reduce((s, v) => s + (v - average) ** 2, 0) / z.length);
      const error = spread / Math.sqrt(z.length);
      expect(Math.abs(expectedImprovement(mean, deviation, best).value - average)).toBeLessThan(5 * error);
    }
  });

  it("keeps its digits far from any gain: values of mpmath at 50 digits", () => {
    // φ(t) − t (1 − Φ(t)) at t = 10, and its logarithm at 40.
    expect(expectedImprovement(10, 1, 0).value / 7.47456025458933e-25).toBeCloseTo(1, 11);
    expect(logExpectedImprovement(40, 1, 0).value).toBeCloseTo(-808.29856835662, 9);
  });

  it("has the logarithm and the slopes that differences give", () => {
    for (const [mean, deviation, best] of cases) {
      const at = expectedImprovement(mean, deviation, best);
      const log = logExpectedImprovement(mean, deviation, best);
      if (at.value > 1e-300) expect(log.value).toBeCloseTo(Math.log(at.value), 10);
      const h = 1e-5;
      const ofMean = (f: typeof expectedImprovement) =>
        (f(mean + h, deviation, best).value - f(mean - h, deviation, best).value) / (2 * h);
      const ofDeviation = (f: typeof expectedImprovement) =>
        (f(mean, deviation + h, best).value - f(mean, deviation - h, best).value) / (2 * h);
      expectClose(
        [at.byMean, at.byDeviation],
        [ofMean(expectedImprovement), ofDeviation(expectedImprovement)],
        1e-8,
      );
      // Values near −800 leave differences about 1e-8 of their digits.
      expectClose(
        [log.byMean, log.byDeviation],
        [ofMean(logExpectedImprovement), ofDeviation(logExpectedImprovement)],
        1e-6,
      );
    }
  });

  it("without any doubt is the gain itself", () => {
    expect(expectedImprovement(1, 0, 3).value).toBe(2);
    expect(expectedImprovement(3, 0, 1).value).toBe(0);
    expect(logExpectedImprovement(3, 0, 1).value).toBe(-Infinity);
  });
});

const box = { lower: [-2, 0], upper: [2, 3] };
const x = randomMatrix(15, 2, "acquisition.x");
for (let i = 0; i < 15; i++) x.data[2 * i + 1] = Math.abs(x.data[2 * i + 1]!);
const y = matrix(
  15,
  1,
  Float64Array.from({ length: 15 }, (_, i) => Math.sin(2 * x.data[2 * i]!) + (x.data[2 * i + 1]! - 1) ** 2),
);
const posterior = gp(matern52({ lengthscale: [0.9, 1.4], variance: 2 })).condition({
  x,
  y,
  noiseVariance: 0.01,
});

/** All points of a fine grid over the box. */
const grid = matrix(61 * 61, 2);
for (let i = 0; i < 61; i++) {
  for (let j = 0; j < 61; j++) grid.data.set([-2 + (4 * i) / 60, (3 * j) / 60], 2 * (61 * i + j));
}

describe("suggest", () => {
  it("finds the best of a fine grid or better, for each way of judging", () => {
    // 1e-9: an optimum at a bound is reached but for rounding.
    const at = posterior.at(grid);
    const best = Math.min(...posterior.at(x).mean.data);
    const deviation = at.standardDeviation.data;
    const gains = at.mean.data.map((m, i) => expectedImprovement(m, deviation[i]!, best).value);
    const ei = suggest(posterior, box);
    expect(ei.scores[0]!).toBeGreaterThanOrEqual(Math.max(...gains) - 1e-9);
    const bounds = at.mean.data.map((m, i) => m - 1.5 * deviation[i]!);
    const lcb = suggest(posterior, box, { acquisition: "confidenceBound", width: 1.5 });
    expect(lcb.scores[0]!).toBeLessThanOrEqual(Math.min(...bounds) + 1e-9);
    const predicted = lcb.prediction.mean.data[0]! - 1.5 * lcb.prediction.standardDeviation.data[0]!;
    expect(lcb.scores[0]).toBeCloseTo(predicted, 12);
    const thompson = suggest(posterior, box, { acquisition: "thompson", key: key(5) });
    const path = posterior.sample(split(split(split(key(5), "suggest"), 0), "draw"), 1)[0]!;
    expect(thompson.scores[0]!).toBeLessThanOrEqual(Math.min(...path.at(grid).data) + 1e-9);
    for (const { x: point } of [ei, lcb, thompson]) expectInside(point);
  });

  it("maximises as it minimises the negative", () => {
    const mirrored = gp(posterior.prior.kernel).condition({
      x,
      y: { ...y, data: y.data.map((v) => -v) },
      noiseVariance: 0.01,
    });
    for (const acquisition of ["expectedImprovement", "confidenceBound"] as const) {
      const up = suggest(mirrored, box, { acquisition, goal: "maximise" });
      const down = suggest(posterior, box, { acquisition });
      expectClose(up.x.data, down.x.data, 1e-6);
    }
  });

  it("gives the same points for the same key", () => {
    const twice = [1, 2].map(() =>
      suggest(posterior, box, { acquisition: "thompson", count: 2, key: key(8) }),
    );
    expect([...twice[0]!.x.data]).toEqual([...twice[1]!.x.data]);
  });

  it("batches are distinct, and keep away from what is pending", () => {
    // Noise so large that the same point would be worth a second look.
    const noisy = gp(rbf({ lengthscale: [1, 1] })).condition({ x, y, noiseVariance: 4 });
    for (const acquisition of ["expectedImprovement", "confidenceBound", "thompson"] as const) {
      const { x: points } = suggest(noisy, box, { acquisition, count: 6, key: key(2) });
      expectInside(points);
      expect(closest(points)).toBeGreaterThan(1e-4);
      const again = suggest(noisy, box, { acquisition, pending: points, key: key(2) });
      const all = matrix(7, 2, Float64Array.of(...points.data, ...again.x.data));
      expect(closest(all)).toBeGreaterThan(1e-4);
    }
  });

  it("looks at the bounds too: a slope that falls to a corner", () => {
    const slope = matrix(
      15,
      1,
      x.data.filter((_, k) => k % 2 === 0).map((v) => 3 * v),
    );
    const falling = gp(rbf({ lengthscale: [6, 6], variance: 100 })).condition({
      x,
      y: slope,
      noiseVariance: 1e-4,
    });
    const { x: point } = suggest(
      falling,
      { lower: [-0.5, 0], upper: [0.5, 1] },
      { acquisition: "confidenceBound", width: 0 },
    );
    expect(point.data[0]).toBeCloseTo(-0.5, 5);
  });

  it("works in any units of inputs and outputs", () => {
    const inputs = matrix(
      15,
      2,
      x.data.map((v) => 1e5 * v + 3e6),
    );
    const outputs = { ...y, data: y.data.map((v) => 1e7 * v) };
    const big = gp(matern52({ lengthscale: [0.9e5, 1.4e5], variance: 2e14 })).condition({
      x: inputs,
      y: outputs,
      noiseVariance: 1e12,
    });
    const wide = { lower: [-2e5 + 3e6, 3e6], upper: [2e5 + 3e6, 3e5 + 3e6] };
    for (const acquisition of ["expectedImprovement", "confidenceBound"] as const) {
      const there = suggest(big, wide, { acquisition });
      const here = suggest(posterior, box, { acquisition });
      expectClose(
        there.x.data.map((v) => (v - 3e6) / 1e5),
        here.x.data,
        1e-4,
      );
      expect(there.scores[0]! / 1e7).toBeCloseTo(here.scores[0]!, 5);
    }
  });

  it("says what it cannot do", () => {
    expect(() => suggest(posterior, { lower: [0], upper: [1] })).toThrow(/2 columns/);
    expect(() => suggest(posterior, { lower: [0, 1], upper: [1, 1] })).toThrow(/column 1/);
    expect(() => suggest(posterior, box, { count: 0 })).toThrow(UsageError);
    expect(() => suggest(posterior, box, { width: -1 })).toThrow(UsageError);
    const broken = gp(sum(brownian(), white())).condition({
      x: rowRange(matrix(15, 1, y.data), 0, 3),
      y: matrix(3, 1),
      noiseVariance: 1,
    });
    expect(suggest(broken, { lower: [0], upper: [1] }).x.rows).toBe(1); // continuous, with slopes almost everywhere
  });
});

function expectInside(points: Matrix): void {
  points.data.forEach((v, k) => {
    expect(v).toBeGreaterThanOrEqual(box.lower[k % 2]!);
    expect(v).toBeLessThanOrEqual(box.upper[k % 2]!);
  });
}

function closest(points: Matrix): number {
  let least = Infinity;
  for (let i = 0; i < points.rows; i++) {
    for (let j = 0; j < i; j++) {
      const gap = Math.hypot(
        points.data[2 * i]! - points.data[2 * j]!,
        points.data[2 * i + 1]! - points.data[2 * j + 1]!,
      );
      least = Math.min(least, gap);
    }
  }
  return least;
}
