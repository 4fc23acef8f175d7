import { describe, expect, it } from "vitest";
import { NonFiniteError, ShapeError, UsageError } from "../../src/errors/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, type Fn, matrix, rowRange, takeRows } from "../../src/linalg/index.ts";
import { gp, logEvidence } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("gp");
const r = g.regression;
const [x, y, z] = [rows(g.x), columnVector(g.y), rows(g.z)];
const kernel = rbf({ lengthscale: r.lengthscales, variance: r.variance });
const posterior = gp(kernel).condition({ x, y, noiseVariance: r.noise_variance });

describe("exact regression equals scikit-learn's", () => {
  it("marginal likelihood and its gradient", () => {
    const { value, gradient } = logEvidence(kernel, r.noise_variance, x, y);
    expect(value).toBeCloseTo(r.log_marginal_likelihood, 10);
    expect(posterior.logEvidence).toBeCloseTo(value, 11);
    const [variance, ...others] = r.gradient; // ours lists lengthscales first
    expectClose(gradient, [...others.slice(0, 3), variance, others[3]], 1e-10);
  });

  it("predictive mean, covariance and joint densities of f and y", () => {
    const at = posterior.at(z);
    expectClose(at.mean.data, r.posterior.mean, 1e-10);
    expectClose(at.covariance.data, r.posterior.covariance.flat(), 1e-10);
    expectClose(
      at.variance.data,
      at.variance.data.map((_, i) => r.posterior.covariance[i][i]),
      1e-10,
    );
    expect(at.logDensity(columnVector(r.posterior.f))).toBeCloseTo(r.posterior.log_density_f, 6);
    expect(posterior.observed(z).logDensity(columnVector(r.posterior.y))).toBeCloseTo(
      r.posterior.log_density_y,
      9,
    );
  });

  it("leave-one-out equals refitting without each point", () => {
    const loo = posterior.leaveOneOut();
    expectClose(loo.mean.data, r.leave_one_out.mean, 1e-10);
    expectClose(loo.variance.data, r.leave_one_out.variance, 1e-10);
    expectClose(
      loo.residual.data,
      y.data.map((v, i) => v - r.leave_one_out.mean[i]),
      1e-10,
    );
    const density = r.leave_one_out.mean.reduce((sum: number, m: number, i: number) => {
      const s = r.leave_one_out.variance[i];
      return sum - 0.5 * (Math.log(2 * Math.PI * s) + (y.data[i]! - m) ** 2 / s);
    }, 0);
    expect(loo.logDensity).toBeCloseTo(density, 9);
  });
});

describe("a posterior is a process", () => {
  it("interpolates as the noise vanishes", () => {
    const sharp = gp(kernel).condition({ x, y, noiseVariance: 1e-10 });
    const at = sharp.at(x);
    expectClose(at.mean.data, y.data, 1e-7);
    expectClose(at.variance.data, new Float64Array(12), 1e-9);
  });

  it("conditions again: A then B is A and B together, whatever their noises", () => {
    const [a, b] = [
      { x: rowRange(x, 0, 5), y: rowRange(y, 0, 5), noiseVariance: 0.1 },
      { x: rowRange(x, 5, 12), y: rowRange(y, 5, 12), noiseVariance: 0.1 },
    ];
    const twice = gp(kernel).condition(a).condition(b);
    const once = gp(kernel).condition({ x, y, noiseVariance: 0.1 });
    expectClose(twice.at(z).covariance.data, once.at(z).covariance.data, 1e-12);
    expect(twice.logEvidence).toBeCloseTo(once.logEvidence, 11);
    // A set of almost no noise pins the function where it was seen; the other stays loose.
    const mixed = gp(kernel)
      .condition(a)
      .condition({ ...b, noiseVariance: 1e-9 });
    expectClose(mixed.at(b.x).mean.data, b.y.data, 1e-6);
  });

  it("has consistent marginals: fewer points, the same numbers", () => {
    const all = posterior.at(z);
    const some = posterior.at(takeRows(z, [4, 1]));
    expectClose(some.mean.data, [all.mean.data[4]!, all.mean.data[1]!], 1e-13);
    expectClose(
      some.covariance.data,
      [4, 1].flatMap((i) => [4, 1].map((j) => all.covariance.data[i * 6 + j]!)),
      1e-13,
    );
  });

  it("takes a mean function", () => {
    const mean: Fn = {
      inputs: 3,
      outputs: 1,
      at: (p) =>
        matrix(
          p.rows,
          1,
          Float64Array.from({ length: p.rows }, (_, i) => 5 + p.data[3 * i]!),
        ),
    };
    const shifted = { ...y, data: y.data.map((v, i) => v + mean.at(x).data[i]!) };
    const moved = gp(kernel, { mean }).condition({ x, y: shifted, noiseVariance: r.noise_variance });
    const expected = posterior.at(z).mean.data.map((v, i) => v + mean.at(z).data[i]!);
    expectClose(moved.at(z).mean.data, expected, 1e-12);
    expect(moved.logEvidence).toBeCloseTo(posterior.logEvidence, 10);
    const far = { rows: 1, cols: 3, data: Float64Array.of(1000, 0, 0) };
    expect(moved.at(far).mean.data[0]).toBeCloseTo(1005, 9);
  });

  it("predicts more points than it handles at a time", () => {
    const many = randomMatrix(2500, 3, "many");
    const at = posterior.at(many);
    const last = posterior.at(rowRange(many, 2490, 2500));
    expectClose(at.variance.data.slice(2490), last.variance.data, 1e-13);
    expectClose(at.mean.data.slice(2490), last.mean.data, 1e-13);
  });

  it("has samples that are functions: same point, same value; right mean and variance", () => {
    const draws = posterior.sample(key(3), 600);
    const values = draws.map((f) => f.at(z).data);
    expect(draws[0]!.at(takeRows(z, [2])).data[0]).toBeCloseTo(values[0]![2]!, 12);
    const at = posterior.at(z);
    for (let i = 0; i < 6; i++) {
      const mean = values.reduce((sum, v) => sum + v[i]!, 0) / 600;
      const variance = values.reduce((sum, v) => sum + (v[i]! - mean) ** 2, 0) / 599;
      // Five standard errors; the paths' 2,048 Fourier features add under 3 % of the prior variance.
      expect(Math.abs(mean - at.mean.data[i]!)).toBeLessThan(5 * Math.sqrt(at.variance.data[i]! / 600));
      const slack = 5 * at.variance.data[i]! * Math.sqrt(2 / 600) + 0.03 * r.variance;
      expect(Math.abs(variance - at.variance.data[i]!)).toBeLessThan(slack);
    }
  });

  it("has a prior that is one too", () => {
    const prior = gp(kernel);
    expectClose(prior.at(z).covariance.data, kernel.gram(z).data, 0);
    expect(prior.at(z).mean.data.every((v) => v === 0)).toBe(true);
    const [f] = prior.sample(key(1), 1);
    expect(f!.at(z)).toEqual(f!.at(z));
    expect(gp(rbf()).inputs).toBe(1);
  });
});

describe("gaussians", () => {
  it("give intervals and densities value by value", () => {
    const at = posterior.observed(z);
    const { lower, upper } = at.interval(0.9);
    const width = (upper.data[0]! - lower.data[0]!) / (2 * at.standardDeviation.data[0]!);
    expect(width).toBeCloseTo(1.6448536269514722, 12);
    const joint = matrix(1, 1, Float64Array.of(0.3));
    const alone = posterior.observed(rowRange(z, 0, 1));
    expect(alone.logDensities(joint).data[0]).toBeCloseTo(alone.logDensity(joint), 10);
  });

  it("draw with their covariance", () => {
    const at = posterior.at(z);
    const draws = at.sample(key(9), 3000);
    const product = draws.reduce(
      (sum, d) => sum + (d.data[0]! - at.mean.data[0]!) * (d.data[1]! - at.mean.data[1]!),
      0,
    );
    const [a, b, c] = [at.covariance.data[0]!, at.covariance.data[7]!, at.covariance.data[1]!];
    expect(Math.abs(product / 3000 - c)).toBeLessThan(5 * Math.sqrt((a * b + c * c) / 3000));
  });
});

describe("trouble", () => {
  it("is refused at the door", () => {
    const data = { x, y, noiseVariance: 0.1 };
    expect(() => gp(kernel).condition({ ...data, y: rowRange(y, 0, 3) })).toThrow(ShapeError);
    expect(() => gp(kernel).condition({ ...data, noiseVariance: -1 })).toThrow(UsageError);
    const nan = { ...y, data: y.data.map((v, i) => (i === 4 ? Number.NaN : v)) };
    expect(() => gp(kernel).condition({ ...data, y: nan })).toThrow(NonFiniteError);
    expect(() => posterior.at(randomMatrix(2, 2, "z"))).toThrow("n × 3, got 2 × 2");
    expect(() =>
      gp(kernel).condition({ x: rowRange(x, 0, 0), y: rowRange(y, 0, 0), noiseVariance: 1 }),
    ).toThrow("no observations");
  });

  it("duplicated points without noise need jitter, and it is reported", () => {
    const twice = takeRows(x, [0, 0, 1, 1, 2]);
    const p = gp(kernel).condition({ x: twice, y: takeRows(y, [0, 0, 1, 1, 2]), noiseVariance: 0 });
    expect(p.report.jitter).toBeGreaterThan(0);
    expect(p.at(z).variance.data.every((v) => v >= 0)).toBe(true);
  });
});
