import { describe, expect, it } from "vitest";
import { linear, matern12, matern52, rbf, sum } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix, rowRange } from "../../src/linalg/index.ts";
import {
  type Constraint,
  conditionConstrained,
  constantMean,
  fit,
  fitConstrained,
  gp,
  likelihoods,
  linearMean,
  slopesAt,
  valuesAt,
  withDerivatives,
} from "../../src/processes/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";

const { bernoulli, gaussian } = likelihoods;
const n = 15;
const x = columnVector(uniform(key(1), n).map((v) => 10 * v));
const errors = normal(key(101), n);
const y = columnVector(x.data.map((v, i) => 1.2 * Math.log(1 + v) + 0.5 * errors[i]!));
const grid = (count: number, low = 0, high = 10) =>
  columnVector(Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1)));
const up: readonly Constraint[] = [{ kind: "increasing", column: 0 }];

/** Derivatives in column 0 at these places above 0, softly by `width`. */
function rising(places: Matrix, width: number) {
  const rows = matrix(places.rows, 3);
  for (let i = 0; i < places.rows; i++) rows.data.set([0, 1, width], 3 * i);
  return { x: slopesAt(places, 0), y: rows };
}

describe("a function known to rise", () => {
  const model = {
    kernel: rbf({ lengthscale: 1.4, variance: 2 }),
    mean: constantMean(1, [2]),
    likelihood: gaussian(0.25),
  };
  const plain = gp(model.kernel, { mean: model.mean }).condition({ x, y, noiseVariance: 0.25 });

  it("is the plain process where the steps are too wide to tell", () => {
    const found = conditionConstrained(model, { x, y }, up, rising(grid(12), 1e7));
    const z = grid(50);
    expectClose(found.at(z).mean.data, plain.at(z).mean.data, 1e-6);
    expectClose(found.at(z).variance.data, plain.at(z).variance.data, 1e-6);
    expect(found.logEvidence).toBeCloseTo(plain.logEvidence, 5);
  });

  it("has the means of functions drawn from the plain process that rise at the virtual points", () => {
    const places = columnVector([2, 5, 8]);
    const z = grid(6);
    const found = conditionConstrained(model, { x, y }, up, rising(places, 1e-6));
    const lifted = withDerivatives(plain);
    const points = matrix(places.rows + z.rows, 2);
    points.data.set(slopesAt(places, 0).data);
    points.data.set(valuesAt(z).data, 2 * places.rows);
    const joint = lifted.at(points);
    const draws = joint.sample(key(5), 20_000).map((d) => d.data);
    const kept = draws.filter((values) => places.data.every((_, i) => values[i]! > 0));
    expect(kept.length).toBeGreaterThan(1000);
    const own = found.at(z);
    for (let i = 0; i < z.rows; i++) {
      const values = kept.map((v) => v[places.rows + i]!);
      const average = values.reduce((s, v) => s + v / values.length, 0);
      const square = values.reduce((s, v) => s + (v - average) ** 2 / values.length, 0);
      const sd = Math.sqrt(own.variance.data[i]!);
      // Four standard errors of the draws, and a twentieth of a deviation for the approximation.
      expect(Math.abs(average - own.mean.data[i]!)).toBeLessThan((4 / Math.sqrt(kept.length) + 0.05) * sd);
      expect(Math.sqrt(square) / sd).toBeGreaterThan(0.9);
      expect(Math.sqrt(square) / sd).toBeLessThan(1.1);
    }
    // log p(y | C) − log p(y) = log p(C | y) − log p(C), both probabilities counted.
    const before = withDerivatives(gp(model.kernel, { mean: model.mean })).at(slopesAt(places, 0));
    const free = before.sample(key(6), 20_000);
    const share = free.filter(({ data }) => data.every((v) => v > 0)).length / free.length;
    const gain = Math.log(kept.length / draws.length / share);
    expect(Math.abs(found.logEvidence - plain.logEvidence - gain)).toBeLessThan(0.1);
  });

  it("rises everywhere that is looked at, predicts better, and falls when turned round", () => {
    const fits = [rbf(), matern52(), sum(rbf(), linear())].map((kernel) => ({
      kernel,
      found: runSync(fitConstrained(kernel, { x, y }, up, { starts: 1 })),
    }));
    for (const { kernel, found } of fits) {
      expect(found.report.broken).toBe(0);
      // The rows' range, and most of the tenth beyond.
      const [low, high] = [Math.min(...x.data), Math.max(...x.data)];
      const z = grid(400, low - 0.09 * (high - low), high + 0.09 * (high - low));
      const mean = found.process.at(z).mean.data;
      for (let i = 1; i < mean.length; i++) expect(mean[i]! - mean[i - 1]!).toBeGreaterThan(-1e-5);
      const free = runSync(fit(kernel, { x, y })).process.at(z).mean.data;
      const error = (m: Float64Array) =>
        Math.sqrt(m.reduce((s, v, i) => s + (v - 1.2 * Math.log(1 + z.data[i]!)) ** 2 / m.length, 0));
      // With a line in it the plain one rises already.
      if (kernel.definition?.kind === "sum") expect(error(mean)).toBeLessThan(1.001 * error(free));
      else expect(error(mean)).toBeLessThan(error(free));
    }
    const turned = { ...y, data: y.data.map((v) => -v) };
    const fall: readonly Constraint[] = [{ kind: "decreasing", column: 0 }];
    const down = runSync(fitConstrained(rbf(), { x, y: turned }, fall, { starts: 1 }));
    const rise = fits[0]!.found;
    expect(down.logEvidence).toBeCloseTo(rise.logEvidence, 4);
    expectClose(
      down.process.at(grid(9)).mean.data.map((v) => -v),
      rise.process.at(grid(9)).mean.data,
      1e-3,
    );
  });

  it("given more data equals all at once", () => {
    const virtual = rising(grid(6), 1e-6);
    const half = conditionConstrained(model, { x: rowRange(x, 0, 9), y: rowRange(y, 0, 9) }, up, virtual);
    const both = half.condition({ x: rowRange(x, 9, n), y: rowRange(y, 9, n) });
    const whole = conditionConstrained(model, { x, y }, up, virtual);
    expect(both.logEvidence).toBeCloseTo(whole.logEvidence, 8);
    expectClose(both.at(x).mean.data, whole.at(x).mean.data, 1e-8);
    const rest = whole.without(Array.from({ length: n - 9 }, (_, k) => 9 + k));
    expect(rest.logEvidence).toBeCloseTo(half.logEvidence, 8);
    const last = { x: rowRange(x, n - 1, n), y: rowRange(y, n - 1, n) };
    const back = whole.replace(n - 1, { x: columnVector([4]), y: columnVector([0]) }).replace(n - 1, last);
    expect(back.logEvidence).toBeCloseTo(whole.logEvidence, 10);
  });
});

describe("functions of several inputs", () => {
  // Rising in the first column, falling in the second, anything in the third; in very different units.
  const m = 60;
  const u = uniform(key(2), 3 * m);
  const points = matrix(
    m,
    3,
    u.map((v, k) => [1, 100, 3][k % 3]! * v),
  );
  const noise = normal(split(key(2), "noise"), m);
  const seen = columnVector(
    Array.from({ length: m }, (_, i) => {
      const [a, b, c] = points.data.subarray(3 * i, 3 * i + 3);
      return 2 * a! * a! - 0.015 * b! + 0.5 * Math.sin(3 * c!) + 0.3 * noise[i]!;
    }),
  );
  const both: readonly Constraint[] = [
    { kind: "increasing", column: 0 },
    { kind: "decreasing", column: 1 },
  ];

  it("keep their directions between the rows, with a mean of any slope", () => {
    const found = runSync(
      fitConstrained(rbf({ ard: 3 }), { x: points, y: seen }, both, { mean: linearMean(3), starts: 1 }),
    );
    expect(found.report.broken).toBe(0);
    const inside = matrix(
      300,
      3,
      uniform(key(7), 900).map((v, k) => [1, 100, 3][k % 3]! * (0.1 + 0.8 * v)),
    );
    const slope = (c: number) => found.process.slopes(inside, c).mean.data;
    // New places: within a thousandth of the range's rise of the right direction.
    expect(Math.min(...slope(0))).toBeGreaterThan(-0.002);
    expect(Math.max(...slope(1))).toBeLessThan(0.002 / 100);
  });
});

describe("bounded functions", () => {
  const z = grid(120);
  const bell = columnVector(x.data.map((v, i) => Math.max(0, Math.sin(v)) + 0.15 * errors[i]!));
  const between: readonly Constraint[] = [
    { kind: "above", value: 0 },
    { kind: "below", value: 1 },
  ];

  it.each([
    ["rbf", rbf()],
    ["a kernel without derivatives", matern12()],
  ] as const)("stay within their bounds: %s", (_, kernel) => {
    const found = runSync(fitConstrained(kernel, { x, y: bell }, between, { starts: 1 }));
    const { mean, lower, upper } = found.process.within(z);
    for (let i = 0; i < z.rows; i++) {
      expect(lower.data[i]!).toBeGreaterThanOrEqual(0);
      expect(upper.data[i]!).toBeLessThanOrEqual(1);
      expect(mean.data[i]!).toBeGreaterThanOrEqual(lower.data[i]!);
      expect(mean.data[i]!).toBeLessThanOrEqual(upper.data[i]!);
    }
    // By what is known there is less to doubt.
    const free = runSync(fit(kernel, { x, y: bell }))
      .process.at(z)
      .interval(0.95);
    const width = (a: Matrix, b: Matrix) => b.data.reduce((s, v, i) => s + v - a.data[i]!, 0);
    expect(width(lower, upper)).toBeLessThan(width(free.lower, free.upper));
  });

  it("far from 0 are the plain process", () => {
    const high = columnVector(y.data.map((v) => v + 100));
    const given = {
      kernel: rbf({ lengthscale: 2, variance: 2 }),
      mean: constantMean(1, [102]),
      likelihood: gaussian(0.25),
    };
    const fitted = runSync(
      fitConstrained(rbf(), { x, y: high }, [{ kind: "above", value: 0 }], { starts: 1 }),
    );
    expect(fitted.logEvidence).toBeCloseTo(fitted.report.unconstrained, 3);
    const plain = gp(given.kernel, { mean: given.mean }).condition({ x, y: high, noiseVariance: 0.25 });
    const found = conditionConstrained(given, { x, y: high }, [{ kind: "above", value: 0 }], {
      x: valuesAt(z),
      y: matrix(
        z.rows,
        3,
        Float64Array.from({ length: 3 * z.rows }, (_, k) => [0, 1, 1e-6][k % 3]!),
      ),
    });
    expectClose(found.at(z).mean.data, plain.at(z).mean.data, 1e-9);
  });
});

describe("classes", () => {
  it("have a probability that rises", () => {
    const m = 40;
    const dose = columnVector(uniform(key(4), m).map((v) => 6 * v - 3));
    const chance = uniform(split(key(4), "labels"), m);
    const label = columnVector(dose.data.map((v, i) => (chance[i]! < 1 / (1 + Math.exp(-v)) ? 1 : 0)));
    const found = runSync(
      fitConstrained(rbf(), { x: dose, y: label }, up, { likelihood: bernoulli("probit"), starts: 1 }),
    );
    const predicted = found.process.predictive(grid(100, -3, 3));
    if (predicted.kind !== "classes") throw new Error("labels predict classes");
    expect(found.report.broken).toBe(0);
    const slopes = found.process.slopes(grid(100, -3, 3), 0).mean.data;
    expect(Math.min(...slopes)).toBeGreaterThan(-1e-3);
  });
});

describe("what is no constraint", () => {
  const attempt = (constraints: readonly Constraint[], kernel = rbf()) =>
    runSync(fitConstrained(kernel, { x, y }, constraints));
  it("is said", () => {
    expect(() => attempt([])).toThrow(/no constraints/);
    expect(() => attempt([{ kind: "increasing", column: 1 }])).toThrow(/from 0 to 0/);
    expect(() => attempt([...up, { kind: "decreasing", column: 0 }])).toThrow(/two constraints on column 0/);
    expect(() => attempt([{ kind: "above", value: Number.NaN }])).toThrow(/finite/);
    expect(() =>
      attempt([
        { kind: "above", value: 2 },
        { kind: "below", value: 1 },
      ]),
    ).toThrow(/not below/);
    expect(() => attempt(up, matern12())).toThrow(/no covariances of derivatives/);
    expect(() =>
      runSync(
        fitConstrained(
          rbf(),
          { x, y: columnVector(y.data.map((v) => (v > 2 ? 1 : 0))) },
          [{ kind: "above", value: 0 }],
          {
            likelihood: bernoulli("probit"),
          },
        ),
      ),
    ).toThrow(/bounds are on numbers/);
  });
});
