import { describe, expect, it } from "vitest";
import {
  constant,
  cosine,
  gradientVector,
  type Kernel,
  matern12,
  matern32,
  matern52,
  periodic,
  product,
  rbf,
  scaled,
  sum,
} from "../../src/kernels/index.ts";
import { columnVector, matrix, takeRows } from "../../src/linalg/index.ts";
import {
  conditionByStateSpace,
  fit,
  fitStateSpace,
  gp,
  logEvidence,
  zeroMean,
} from "../../src/processes/index.ts";
import { seriesEvidence, stateSpace } from "../../src/processes/state-space/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";

const kernels: readonly (readonly [string, Kernel])[] = [
  ["matern12", matern12({ lengthscale: 0.7, variance: 1.3 })],
  ["matern32", matern32({ lengthscale: 0.7, variance: 1.3 })],
  ["matern52", matern52({ lengthscale: 0.7, variance: 1.3 })],
  ["cosine", cosine({ period: 2.1, variance: 0.8 })],
  ["periodic", periodic({ period: 2.1, lengthscale: 0.9, variance: 0.8 })],
  ["short periodic", periodic({ period: 2.1, lengthscale: 0.4, variance: 0.8 })],
  ["sum", sum(matern32({ lengthscale: 3 }), scaled(matern12(), 0.3), constant({ variance: 2 }))],
  [
    "product",
    product(
      matern32({ lengthscale: 4 }),
      periodic({ period: 1.5, lengthscale: 1.2 }),
      constant({ variance: 0.7 }),
    ),
  ],
];

const n = 36;
// Out of order, with a pair of equal inputs.
const x = matrix(
  n,
  1,
  uniform(key(1), n).map((v, i) => (i === 7 ? 3.21 : i === 30 ? 3.21 : 8 * v)),
);
const e = normal(split(key(1), "noise"), n);
const y = matrix(
  n,
  1,
  x.data.map((v, i) => Math.sin(2 * v) + 0.2 * e[i]!),
);
const z = columnVector([-1, 0.5, 3.21, 3.3, 7, 12]);

describe.each(kernels)("state space of %s", (_, kernel) => {
  it("has the kernel as its covariance", () => {
    const { observe, stationary, transition, size } = stateSpace(kernel);
    const lags = [0, 0.01, 0.4, 2.2, 9];
    const values = lags.map((lag) => {
      const a = transition(lag);
      let total = 0;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          for (let k = 0; k < size; k++)
            total += observe[i]! * a[i * size + j]! * stationary.data[j * size + k]! * observe[k]!;
      return total;
    });
    expectClose(values, kernel.cross(columnVector([0]), columnVector(lags)).data, 1e-12);
  });

  it("equals exact inference", () => {
    const prior = gp(kernel, { inputs: 1 });
    const data = { x, y, noiseVariance: 0.05 };
    const exact = prior.condition(data);
    const series = conditionByStateSpace(prior, data);
    expect(series.logEvidence).toBeCloseTo(exact.logEvidence, 8);
    expectClose(series.at(z).mean.data, exact.at(z).mean.data, 1e-9);
    expectClose(series.at(z).variance.data, exact.at(z).variance.data, 1e-9);
    expectClose(series.at(z).covariance.data, exact.at(z).covariance.data, 1e-9);
    const [own, other] = [series.leaveOneOut(), exact.leaveOneOut()];
    expectClose(own.mean.data, other.mean.data, 1e-8);
    expectClose(own.variance.data, other.variance.data, 1e-8);
    expect(own.logDensity).toBeCloseTo(other.logDensity, 7);
  });

  it("has the evidence's gradient of exact inference", () => {
    const order = Array.from(x.data.keys()).sort((a, b) => x.data[a]! - x.data[b]!);
    const sorted = columnVector(order.map((i) => x.data[i]!));
    const targets = columnVector(order.map((i) => y.data[i]!));
    const noise = { value: Float64Array.of(0.05), support: "positive" } as const;
    const found = seriesEvidence({ kernel, mean: zeroMean(1), noise }, sorted, targets);
    const known = logEvidence(kernel, 0.05, sorted, targets);
    const { noiseVariance, ...rest } = found.gradient;
    const ofKernel = Object.fromEntries(Object.entries(rest).map(([p, g]) => [p.slice("kernel.".length), g]));
    expect(found.value).toBeCloseTo(known.value, 8);
    expectClose(
      [...gradientVector(kernel.parameters, ofKernel), 0.05 * noiseVariance![0]!],
      known.gradient,
      1e-7,
    );
  });
});

describe("state-space posteriors", () => {
  const prior = gp(matern32({ lengthscale: 0.7 }), { inputs: 1 });
  const whole = conditionByStateSpace(prior, { x, y, noiseVariance: 0.05 });

  it("equal exact ones at n = 2,000 to 1e-8", () => {
    const many = matrix(
      2000,
      1,
      uniform(key(2), 2000).map((v) => 100 * v),
    );
    const targets = matrix(2000, 1, many.data.map(Math.sin));
    const data = { x: many, y: targets, noiseVariance: 0.01 };
    const [series, exact] = [conditionByStateSpace(prior, data), prior.condition(data)];
    expect(Math.abs(series.logEvidence / exact.logEvidence - 1)).toBeLessThan(1e-8);
    expectClose(series.at(z).mean.data, exact.at(z).mean.data, 1e-8);
    expectClose(series.at(z).variance.data, exact.at(z).variance.data, 1e-8);
  });

  it("given data in two parts equal those given all", () => {
    const part = (from: number, to: number) => ({
      x: matrix(to - from, 1, x.data.slice(from, to)),
      y: matrix(to - from, 1, y.data.slice(from, to)),
      noiseVariance: 0.05,
    });
    const both = conditionByStateSpace(prior, part(0, 20)).condition(part(20, n));
    expect(both.logEvidence).toBeCloseTo(whole.logEvidence, 9);
    expectClose(both.at(z).mean.data, whole.at(z).mean.data, 1e-10);
  });

  it("without a point, or with one changed, equal those conditioned anew", () => {
    const rest = whole.without([3, 20, 3]);
    const kept = Array.from({ length: n }, (_, i) => i).filter((i) => i !== 3 && i !== 20);
    const few = { x: takeRows(x, kept), y: takeRows(y, kept), noiseVariance: 0.05 };
    expect(rest.logEvidence).toBeCloseTo(conditionByStateSpace(prior, few).logEvidence, 10);
    const other = whole.replace(5, { x: columnVector([2.5]), y: columnVector([-1]), noiseVariance: 0.2 });
    const changed = gp(matern32({ lengthscale: 0.7 }), { inputs: 1 })
      .condition({ x, y, noiseVariance: 0.05 })
      .replace(5, { x: columnVector([2.5]), y: columnVector([-1]), noiseVariance: 0.2 });
    expect(other.logEvidence).toBeCloseTo(changed.logEvidence, 8);
    expectClose(other.at(z).mean.data, changed.at(z).mean.data, 1e-9);
    expect(() => whole.without([n])).toThrow(/from 0 to 35/);
    expect(() => whole.replace(-1, few)).toThrow(/from 0 to 35/);
  });

  it("of many rows are fitted from parts of them", () => {
    const many = 24_000;
    const times = matrix(
      many,
      1,
      uniform(key(6), many).map((v) => 2400 * v),
    );
    const errors = normal(key(7), many);
    const values = matrix(
      many,
      1,
      times.data.map((v, i) => Math.sin(v) + 0.3 * errors[i]!),
    );
    const found = runSync(
      fitStateSpace(matern32(), { x: times, y: values }, { starts: 1, maxIterations: 6 }),
    );
    expect(Math.sqrt(found.noiseVariance)).toBeGreaterThan(0.28);
    expect(Math.sqrt(found.noiseVariance)).toBeLessThan(0.32);
    expect(found.report.starts.length).toBe(1);
  });

  it("sample functions of their own mean and variance", () => {
    const draws = whole.sample(key(4), 200).map((f) => f.at(z).data);
    const { mean, variance } = whole.at(z);
    mean.data.forEach((m, i) => {
      const average = draws.reduce((s, d) => s + d[i]! / draws.length, 0);
      // Four standard errors.
      expect(Math.abs(average - m)).toBeLessThan(4 * Math.sqrt(variance.data[i]! / draws.length));
    });
  });

  it("are fitted to the optimum of exact inference", () => {
    const kernel = matern52();
    const series = runSync(fitStateSpace(kernel, { x, y }, { starts: 2 }));
    const exact = runSync(fit(kernel, { x, y }, { starts: 2 }));
    expect(series.logEvidence).toBeCloseTo(exact.logEvidence, 4);
    expect(series.report.agreeing).toBeGreaterThan(0);
  });

  it("say what they cannot do", () => {
    expect(() => conditionByStateSpace(gp(rbf()), { x, y, noiseVariance: 0.1 })).toThrow(/no state space/);
    expect(() =>
      conditionByStateSpace(gp(matern32(), { inputs: 2 }), {
        x: matrix(3, 2),
        y: matrix(3, 1),
        noiseVariance: 1,
      }),
    ).toThrow(/one input/);
    const twice = { x: columnVector([1, 1]), y: columnVector([0, 1]), noiseVariance: 0 };
    expect(() => conditionByStateSpace(prior, twice)).toThrow(/noise/);
  });
});
