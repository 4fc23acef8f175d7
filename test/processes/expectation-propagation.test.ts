import { describe, expect, it } from "vitest";
import { fromVector, gradientVector, joinParts, partOf, rbf, toVector } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix, rowRange } from "../../src/linalg/index.ts";
import {
  conditionLatent,
  constantMean,
  fitLikelihood,
  gp,
  type LikelihoodModel,
  likelihoods,
  logEvidence,
  zeroMean,
} from "../../src/processes/index.ts";
import { latentMethod, latentParameters } from "../../src/processes/latent/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const { bernoulli, constrained, gaussian, poisson } = likelihoods;
const method = "expectation-propagation";
const kernel = rbf({ lengthscale: [0.9, 1.3], variance: 1.1 });
const n = 14;
const x = randomMatrix(n, 2, "points");
const z = randomMatrix(5, 2, "elsewhere");
const noise = normal(key(3), n);
const labels = columnVector(
  Array.from({ length: n }, (_, i) => (Math.sin(2 * x.data[2 * i]!) + 0.5 * noise[i]! > 0 ? 1 : 0)),
);

/** Log evidence and means by a sum over a fine grid of the values at few points. */
function byGrid(model: LikelihoodModel, points: Matrix, y: Matrix, per: number) {
  const prior = gp(model.kernel, { mean: model.mean, inputs: points.cols }).at(points);
  const d = points.rows;
  const step = 12 / per;
  let total = 0;
  const sums = new Float64Array(d);
  const squares = new Float64Array(d);
  for (let k = 0; k < per ** d; k++) {
    const f = matrix(d, 1);
    for (let c = 0, rest = k; c < d; c++, rest = Math.floor(rest / per)) {
      // Midpoints: a step at 0 then falls between two of them.
      f.data[c] = -6 + step * ((rest % per) + 0.5);
    }
    const logs = model.likelihood.logDensity(f, y);
    const weight = Math.exp(prior.logDensity(f) + logs.reduce((s, v) => s + v, 0)) * step ** d;
    total += weight;
    for (let c = 0; c < d; c++) {
      sums[c]! += weight * f.data[c]!;
      squares[c]! += weight * f.data[c]! ** 2;
    }
  }
  const mean = sums.map((s) => s / total);
  return { logEvidence: Math.log(total), mean, variance: squares.map((s, c) => s / total - mean[c]! ** 2) };
}

describe("expectation propagation", () => {
  const model = { kernel, mean: constantMean(2, [0.2]), likelihood: bernoulli("probit") };

  it("is exact for one label", () => {
    const one = rowRange(x, 0, 1);
    const y = columnVector([0]);
    const found = conditionLatent(model, { x: one, y }, method);
    const exact = byGrid(model, one, y, 4000);
    expect(found.logEvidence).toBeCloseTo(exact.logEvidence, 6);
    expectClose(found.at(one).mean.data, exact.mean, 1e-6);
    expectClose(found.at(one).variance.data, exact.variance, 1e-5);
  });

  it("is nearer to the integral over two labels than Laplace's approximation and the bound", () => {
    const two = rowRange(x, 0, 2);
    const y = columnVector([1, 0]);
    const exact = byGrid(model, two, y, 240);
    const error = (name: "laplace" | "variational" | "expectation-propagation") => {
      const found = conditionLatent(model, { x: two, y }, name);
      const means = found.at(two).mean.data.map((m, i) => Math.abs(m - exact.mean[i]!));
      return { evidence: Math.abs(found.logEvidence - exact.logEvidence), mean: Math.max(...means) };
    };
    const own = error(method);
    expect(own.evidence).toBeLessThan(1e-3);
    expect(own.mean).toBeLessThan(2e-3);
    for (const other of ["laplace", "variational"] as const) {
      expect(own.evidence).toBeLessThan(error(other).evidence);
      expect(own.mean).toBeLessThan(error(other).mean);
    }
  });

  it("is exact inference under Gaussian noise, with its gradient", () => {
    const y = randomMatrix(n, 1, "targets");
    const own = { kernel, mean: zeroMean(2), likelihood: gaussian(0.2) };
    const found = conditionLatent(own, { x, y }, method);
    const exact = gp(kernel).condition({ x, y, noiseVariance: 0.2 });
    expect(found.logEvidence).toBeCloseTo(exact.logEvidence, 10);
    expectClose(found.at(z).mean.data, exact.at(z).mean.data, 1e-10);
    expectClose(found.at(z).covariance.data, exact.at(z).covariance.data, 1e-10);
    const parts = latentMethod(method)(own, x, y).gradient();
    const { gradient } = logEvidence(kernel, 0.2, x, y);
    const slopes = [
      ...gradientVector(kernel.parameters, parts.kernel),
      ...gradientVector(own.likelihood.parameters, parts.likelihood),
    ];
    expectClose(slopes, gradient, 1e-9);
  });

  // Of labels alone, and of numbers with soft and hard steps between them.
  const mixed = matrix(n, 3);
  for (let i = 0; i < n; i++) {
    mixed.data.set(
      i % 3 === 0 ? [0.1, i % 2 === 0 ? 1 : -1, i % 4 === 0 ? 1e-6 : 0.5] : [noise[i]!, 0, 0],
      3 * i,
    );
  }
  it.each([
    ["labels", model, labels],
    ["numbers and steps", { ...model, likelihood: constrained(gaussian(0.1)) }, mixed],
  ] as const)("has the gradient of its evidence: %s", (_, given: LikelihoodModel, y) => {
    const at = latentParameters(given);
    const u = toVector(at);
    const approximate = latentMethod(method);
    const gradient = gradientVector(at, joinParts(approximate(given, x, y).gradient()));
    const differences = u.map((v, i) => {
      const side = (sign: number) => {
        const w = u.slice();
        w[i] = v + sign * 1e-4;
        const p = fromVector(w, at);
        const moved = {
          kernel: given.kernel.with(partOf(p, "kernel")),
          mean: given.mean.with(partOf(p, "mean")),
          likelihood: given.likelihood.with(partOf(p, "likelihood")),
        };
        return approximate(moved, x, y).logEvidence;
      };
      return (side(1) - side(-1)) / 2e-4;
    });
    expectClose(gradient, differences, 1e-7);
  });

  it("given more labels equals all at once, and fits", () => {
    const half = conditionLatent(model, { x: rowRange(x, 0, 8), y: rowRange(labels, 0, 8) }, method);
    const both = half.condition({ x: rowRange(x, 8, n), y: rowRange(labels, 8, n) });
    const whole = conditionLatent(model, { x, y: labels }, method);
    expect(both.logEvidence).toBeCloseTo(whole.logEvidence, 9);
    const fitted = runSync(
      fitLikelihood(rbf(), { x, y: labels }, bernoulli("probit"), { method, starts: 1 }),
    );
    expect(fitted.logEvidence).toBeGreaterThan(-n * Math.log(2));
  });

  it("says which likelihoods it knows", () => {
    const counts = { kernel, mean: zeroMean(2), likelihood: poisson() };
    expect(() => conditionLatent(counts, { x, y: labels }, method)).toThrow(/not poisson/);
  });
});
