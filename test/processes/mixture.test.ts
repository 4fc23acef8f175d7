import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { fix, rbf, withPrior } from "../../src/kernels/index.ts";
import { columnVector, matrix, rowRange } from "../../src/linalg/index.ts";
import { nuts } from "../../src/processes/fit/nuts.ts";
import { fitBayesian, gp, logEvidence, mixture, zeroMean } from "../../src/processes/index.ts";
import { key, normalQuantile } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";

const g = golden("gp");
const [x, y, z] = [rows(g.x), columnVector(g.y), rows(g.z)];
const short = gp(rbf({ lengthscale: 0.7 }), { inputs: 3 }).condition({ x, y, noiseVariance: 0.1 });
const long = gp(rbf({ lengthscale: 3 }), { inputs: 3 }).condition({ x, y, noiseVariance: 0.2 });

describe("a mixture of posteriors", () => {
  const both = mixture([short, long], [1, 3]);
  const at = both.observed(z);
  const [a, b] = [short.observed(z), long.observed(z)];

  it("of one is that one", () => {
    const alone = mixture([short]).observed(z);
    expectClose(alone.mean.data, a.mean.data, 0);
    expectClose(alone.variance.data, a.variance.data, 1e-15);
    const [m, s] = [alone.interval(0.9), a.interval(0.9)];
    expectClose(m.lower.data, s.lower.data, 1e-11);
    expectClose(m.upper.data, s.upper.data, 1e-11);
    const f = columnVector(g.regression.posterior.f);
    expect(alone.logDensity(f)).toBeCloseTo(a.logDensity(f), 12);
  });

  it("has the moments and densities of its definition", () => {
    expectClose(
      at.mean.data,
      a.mean.data.map((v, i) => 0.25 * v + 0.75 * b.mean.data[i]!),
      1e-15,
    );
    const second = a.mean.data.map(
      (m, i) => 0.25 * (a.variance.data[i]! + m ** 2) + 0.75 * (b.variance.data[i]! + b.mean.data[i]! ** 2),
    );
    expectClose(
      at.variance.data,
      second.map((v, i) => v - at.mean.data[i]! ** 2),
      1e-14,
    );
    const f = columnVector(g.regression.posterior.f);
    expect(at.logDensity(f)).toBeCloseTo(
      Math.log(0.25 * Math.exp(a.logDensity(f)) + 0.75 * Math.exp(b.logDensity(f))),
      10,
    );
    expectClose(
      at.logDensities(f).data,
      a
        .logDensities(f)
        .data.map((v, i) => Math.log(0.25 * Math.exp(v) + 0.75 * Math.exp(b.logDensities(f).data[i]!))),
      1e-13,
    );
  });

  it("has quantiles that its draws respect", () => {
    const [low, high] = [at.quantile(0.1), at.quantile(0.8)];
    const draws = at.sample(key(4), 4000).map((d) => d.data);
    for (let i = 0; i < 6; i++) {
      const below = (q: number) => draws.filter((d) => d[i]! < q).length / draws.length;
      // Five standard errors of a share of 4,000 draws.
      expect(Math.abs(below(low.data[i]!) - 0.1)).toBeLessThan(5 * Math.sqrt(0.09 / 4000));
      expect(Math.abs(below(high.data[i]!) - 0.8)).toBeLessThan(5 * Math.sqrt(0.16 / 4000));
    }
    expect(() => at.quantile(1)).toThrow(UsageError);
  });

  it("weighs its components by the density they gave to new observations", () => {
    const more = { x: rowRange(z, 0, 2), y: matrix(2, 1, Float64Array.of(0.5, -0.2)), noiseVariance: 0.1 };
    const next = both.condition(more);
    const likely = [short, long].map((p) => Math.exp(p.at(more.x).withNoise(0.1).logDensity(more.y)));
    const total = 0.25 * likely[0]! + 0.75 * likely[1]!;
    expect(next.weights[0]).toBeCloseTo((0.25 * likely[0]!) / total, 10);
    const [f] = next.sample(key(2), 1);
    expect(f!.at(z).rows).toBe(6);
    expect(() => mixture([])).toThrow("at least one component");
  });
});

describe("NUTS", () => {
  it("draws from a correlated Gaussian of unequal scales", () => {
    // Precision [[1, 0.6], [0.6, 1]] after scaling by 1 and 0.1.
    const density = (w: Float64Array) => {
      const [u, v] = [w[0]!, 10 * w[1]!];
      return {
        value: -0.5 * (u * u + v * v + 1.2 * u * v),
        gradient: Float64Array.of(-(u + 0.6 * v), -10 * (v + 0.6 * u)),
      };
    };
    const steps = nuts(density, Float64Array.of(3, 0.5), { warmup: 300, draws: 2000, key: key(5) });
    let step = steps.next();
    while (!step.done) step = steps.next();
    const { draws, divergences, acceptance } = step.value;
    const mean = (of: (w: Float64Array) => number) => draws.reduce((sum, w) => sum + of(w) / draws.length, 0);
    const variance = 1 / (1 - 0.36);
    // About 1,000 independent draws: means within 5 σ/√1000, second moments within 5 √2 σ²/√1000.
    expect(Math.abs(mean((w) => w[0]!))).toBeLessThan(0.2);
    expect(Math.abs(mean((w) => 10 * w[1]!))).toBeLessThan(0.2);
    expect(Math.abs(mean((w) => w[0]! ** 2) - variance)).toBeLessThan(0.35);
    expect(Math.abs(mean((w) => 100 * w[1]! ** 2) - variance)).toBeLessThan(0.35);
    expect(Math.abs(mean((w) => 10 * w[0]! * w[1]!) + 0.6 * variance)).toBeLessThan(0.35);
    expect(divergences).toBe(0);
    expect(acceptance).toBeGreaterThan(0.65);
  });
});

describe("full Bayesian inference", () => {
  // Two unknowns, so that a grid knows the truth: the lengthscale, and the noise with its weak default prior.
  const kernel = withPrior(fix(rbf({ variance: 1 }), "variance"), "lengthscale", {
    kind: "log-normal",
    mean: 0.5,
    deviation: 0.6,
  });
  const start = 0.1;
  const noise = { start, prior: { kind: "log-normal", mean: Math.log(start), deviation: 1 } } as const;
  const bayes = runSync(
    fitBayesian(
      kernel,
      { x, y },
      { mean: zeroMean(3), noiseVariance: noise, warmup: 300, draws: 1500, components: 150 },
    ),
  );

  const grid = (() => {
    const count = 61;
    const cells: { l: number; s: number; log: number }[] = [];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const l = 0.5 + 0.6 * 5 * ((2 * i) / (count - 1) - 1);
        const s = Math.log(start) + 5 * ((2 * j) / (count - 1) - 1);
        const evidence = logEvidence(rbf({ lengthscale: Math.exp(l) }), Math.exp(s), x, y).value;
        // Uniform cells in the logarithms, so log-normal priors are normal here.
        cells.push({ l, s, log: evidence - 0.5 * ((l - 0.5) / 0.6) ** 2 - 0.5 * (s - Math.log(start)) ** 2 });
      }
    }
    const top = Math.max(...cells.map((c) => c.log));
    const total = cells.reduce((sum, c) => sum + Math.exp(c.log - top), 0);
    const mean = (of: (c: (typeof cells)[number]) => number) =>
      cells.reduce((sum, c) => sum + (of(c) * Math.exp(c.log - top)) / total, 0);
    return { cells, top, total, mean };
  })();

  it("has the moments of a grid", () => {
    const enough = 4 / Math.sqrt(bayes.report.effectiveDraws);
    const of = { l: "kernel.lengthscale", s: "noiseVariance" } as const;
    for (const name of ["l", "s"] as const) {
      const mean = grid.mean((c) => c[name]);
      const deviation = Math.sqrt(grid.mean((c) => (c[name] - mean) ** 2));
      const values = bayes.draws.map((d) => Math.log(d[of[name]]!.value[0]!));
      const own = values.reduce((sum, v) => sum + v / values.length, 0);
      const spread = Math.sqrt(values.reduce((sum, v) => sum + (v - own) ** 2 / values.length, 0));
      // Four standard errors, of the mean and (less exactly) of the standard deviation.
      expect(Math.abs(own - mean)).toBeLessThan(enough * deviation);
      expect(Math.abs(spread / deviation - 1)).toBeLessThan(enough);
    }
    expect(bayes.report.effectiveDraws).toBeGreaterThan(200);
    expect(bayes.report.warnings).toEqual([]);
  });

  it("predicts as the grid's mixture does", () => {
    const point = rowRange(z, 0, 1);
    let [mean, second] = [0, 0];
    for (const c of grid.cells) {
      const weight = Math.exp(c.log - grid.top) / grid.total;
      if (weight < 1e-7) continue;
      const posterior = gp(rbf({ lengthscale: Math.exp(c.l) }), { inputs: 3 }).condition({
        x,
        y,
        noiseVariance: Math.exp(c.s),
      });
      const own = posterior.at(point);
      mean += weight * own.mean.data[0]!;
      second += weight * (own.variance.data[0]! + own.mean.data[0]! ** 2);
    }
    const at = bayes.process.at(point);
    const deviation = Math.sqrt(second - mean ** 2);
    // 150 components out of 1,500 draws: means err by the spread of means over about √100.
    expect(Math.abs(at.mean.data[0]! - mean)).toBeLessThan(0.3 * deviation);
    expect(at.standardDeviation.data[0]! / deviation).toBeGreaterThan(0.8);
    expect(at.standardDeviation.data[0]! / deviation).toBeLessThan(1.25);
    expect(at.interval(0.9).upper.data[0]!).toBeLessThan(mean + 3 * normalQuantile(0.95) * deviation);
  });

  it("refuses to sample nothing", () => {
    const all = fix(rbf(), "*");
    const options = { mean: zeroMean(3), noiseVariance: 0.1 };
    expect(() => runSync(fitBayesian(all, { x, y }, options))).toThrow("every parameter is fixed");
  });
});
