import { describe, expect, it } from "vitest";
import { constant, matern52, on, rbf, sum } from "../../src/kernels/index.ts";
import { columnVector, identity, matrix, multiply, stackRows } from "../../src/linalg/index.ts";
import {
  allOutputs,
  conditionWithNoise,
  fit,
  fitPreferences,
  gp,
  integrate,
  linearCoregionalisation,
  longForm,
} from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(12, 2, "structure x");
const y = randomMatrix(12, 1, "structure y");
const z = randomMatrix(4, 2, "structure z");

describe("a noise for each point", () => {
  it("weighs points as the closed form does", () => {
    const noiseVariances = Float64Array.from({ length: 12 }, (_, i) => 0.01 * (1 + (i % 4)));
    const kernel = rbf({ lengthscale: 0.8 });
    const found = conditionWithNoise(gp(kernel, { inputs: 2 }), { x, y, noiseVariances });
    // Residual form: (K + N) alpha = y.
    const system = kernel.gram(x);
    for (let i = 0; i < 12; i++) system.data[i * 13]! += noiseVariances[i]!;
    expectClose(multiply(system, found.solution.alpha).data, y.data, 1e-10);
    expectClose(found.at(z).mean.data, multiply(kernel.cross(z, x), found.solution.alpha).data, 1e-12);
    const one = conditionWithNoise(gp(kernel, { inputs: 2 }), {
      x,
      y,
      noiseVariances: new Float64Array(12).fill(0.1),
    });
    const known = gp(kernel, { inputs: 2 }).condition({ x, y, noiseVariance: 0.1 });
    expect(one.logEvidence).toBeCloseTo(known.logEvidence, 12);
    expect(() => conditionWithNoise(gp(kernel, { inputs: 2 }), { x, y, noiseVariances: [1] })).toThrow(
      /12, 12 and 1/,
    );
  });
});

describe("integrals", () => {
  const kernel = sum(rbf({ lengthscale: [0.7, 1.1], variance: 1.4 }), constant({ variance: 0.3 }));
  const posterior = gp(kernel, { inputs: 2 }).condition({ x, y, noiseVariance: 0.05 });
  /** A grid of midpoints with weights: error of second order in its spacing. */
  const grid = (lower: number, upper: number, density: (v: number) => number) => {
    const count = 40;
    const step = (upper - lower) / count;
    return Array.from({ length: count }, (_, i) => {
      const v = lower + (i + 0.5) * step;
      return [v, density(v) * step] as const;
    });
  };
  const numeric = (side: readonly (readonly [number, number])[]) => {
    const points = matrix(side.length ** 2, 2);
    const weights = new Float64Array(side.length ** 2);
    side.forEach(([a, wa], i) => {
      side.forEach(([b, wb], j) => {
        points.data.set([a, b], 2 * (i * side.length + j));
        weights[i * side.length + j] = wa * wb;
      });
    });
    const { mean, covariance } = posterior.at(points);
    const w = columnVector(weights);
    return {
      mean: multiply(mean, w, { a: true }).data[0]!,
      variance: multiply(w, multiply(covariance, w), { a: true }).data[0]!,
    };
  };

  it("over a box", () => {
    const found = integrate(posterior, { kind: "uniform", lower: [-1, -1], upper: [2, 2] });
    const known = numeric(grid(-1, 2, () => 1 / 3));
    expect(found.mean).toBeCloseTo(known.mean, 3);
    expect(found.variance).toBeCloseTo(known.variance, 3);
  });

  it("under a normal density", () => {
    const found = integrate(posterior, { kind: "normal", mean: [0.3, 0.3], sd: [0.6, 0.6] });
    const density = (v: number) => Math.exp(-0.5 * ((v - 0.3) / 0.6) ** 2) / (0.6 * Math.sqrt(2 * Math.PI));
    const known = numeric(grid(-3.3, 3.9, density));
    expect(found.mean).toBeCloseTo(known.mean, 5);
    expect(found.variance).toBeCloseTo(known.variance, 5);
  });

  it("say what has none", () => {
    const other = gp(matern52(), { inputs: 2 }).condition({ x, y, noiseVariance: 0.05 });
    expect(() => integrate(other, { kind: "uniform", lower: [0, 0], upper: [1, 1] })).toThrow(/closed form/);
    expect(() => integrate(posterior, { kind: "uniform", lower: [0], upper: [1] })).toThrow(/2 column/);
    expect(() => integrate(posterior, { kind: "normal", mean: [0, 0], sd: [1, 0] })).toThrow(/no width/);
  });
});

describe("several outputs", () => {
  it("leaves out what is missing", () => {
    const long = longForm(
      matrix(2, 1, Float64Array.of(5, 6)),
      matrix(2, 2, Float64Array.of(1, Number.NaN, 3, 4)),
    );
    expect(Array.from(long.x.data)).toEqual([5, 0, 6, 0, 6, 1]);
    expect(Array.from(long.y.data)).toEqual([1, 3, 4]);
    expect(() => longForm(x, matrix(12, 1, new Float64Array(12).fill(Number.NaN)))).toThrow(/missing/);
  });

  it("lets one output tell of another that was not seen there", () => {
    const t = matrix(
      30,
      1,
      Float64Array.from({ length: 30 }, (_, i) => i / 5),
    );
    const both = matrix(30, 2);
    t.data.forEach((v, i) => {
      both.data[2 * i] = Math.sin(v);
      both.data[2 * i + 1] = i >= 15 && i < 27 ? Number.NaN : -2 * Math.sin(v);
    });
    const data = longForm(t, both);
    const fitted = runSync(fit(linearCoregionalisation([rbf()], 1, 2), data, { starts: 1 }));
    const at = fitted.process.at(allOutputs(columnVector([4]), 2));
    expect(at.mean.data[0]).toBeCloseTo(Math.sin(4), 1);
    expect(at.mean.data[1]).toBeCloseTo(-2 * Math.sin(4), 0);
    // Alone the second output would not know: its nearest value is a lengthscale away.
    expect(Math.abs(at.mean.data[1]! + 2 * Math.sin(4))).toBeLessThan(0.3);
  });

  it("is a covariance over points and outputs", () => {
    const kernel = linearCoregionalisation([rbf(), matern52()], 2, 3, 2);
    const points = allOutputs(z, 3);
    const gram = kernel.gram(points);
    expect(gram.rows).toBe(12);
    expect(on(rbf(), [0, 1]).gram(points).data[0]).toBe(1);
    expectClose(multiply(gram, identity(12)).data, kernel.cross({ ...points }, { ...points }).data, 1e-12);
  });
});

describe("preferences", () => {
  const items = matrix(
    12,
    1,
    Float64Array.from({ length: 12 }, (_, i) => i / 2),
  );
  const truth = (v: number) => -((v - 3) ** 2);
  const pairs = Array.from({ length: 12 }, (_, i) => [i, (i * 5 + 1) % 12] as const)
    .concat(Array.from({ length: 12 }, (_, i) => [i, (i * 7 + 2) % 12] as const))
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => (truth(items.data[a]!) > truth(items.data[b]!) ? ([a, b] as const) : ([b, a] as const)));

  it("find the item that is liked best", () => {
    const found = runSync(fitPreferences(rbf(), { items, pairs }, { starts: 1 }));
    const { mean } = found.utility(items);
    expect(mean.data[0]).toBeCloseTo(0, 8);
    const best = mean.data.indexOf(Math.max(...mean.data));
    expect(Math.abs(items.data[best]! - 3)).toBeLessThanOrEqual(0.5);
    const [sure, against] = found.prefers(columnVector([3, 0]), columnVector([0, 3]));
    expect(sure).toBeGreaterThan(0.7);
    expect(sure! + against!).toBeCloseTo(1, 8);
  });

  it("say which pair names no item", () => {
    expect(() => runSync(fitPreferences(rbf(), { items, pairs: [[0, 12]] }))).toThrow(/pair 0/);
    expect(() => runSync(fitPreferences(rbf(), { items: stackRows([items]), pairs: [[3, 3]] }))).toThrow(
      /different/,
    );
  });
});
