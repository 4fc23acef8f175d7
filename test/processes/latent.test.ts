import { describe, expect, it } from "vitest";
import {
  fromVector,
  gradientVector,
  independent,
  joinParts,
  linear,
  matern52,
  partOf,
  rbf,
  repeated,
  sum,
  toVector,
} from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix, rowRange } from "../../src/linalg/index.ts";
import {
  conditionLatent,
  constantMean,
  fitLikelihood,
  gp,
  type LatentMethodName,
  type LikelihoodModel,
  likelihoods,
  logEvidence,
  zeroMean,
} from "../../src/processes/index.ts";
import { evidenceSearch } from "../../src/processes/latent/evidence-search.ts";
import { latentMethod, latentParameters } from "../../src/processes/latent/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const { bernoulli, gaussian, heteroscedastic, ordinal, poisson, softmax, studentT } = likelihoods;
const g = golden("latent");
const [x, z] = [rows(g.x), rows(g.z)];
const kernel = rbf({ lengthscale: g.lengthscales, variance: g.variance });

describe("Laplace's approximation equals scikit-learn's", () => {
  const model = { kernel, mean: zeroMean(2), likelihood: bernoulli() };
  const data = { x, y: columnVector(g.labels) };
  const process = conditionLatent(model, data);

  it("evidence, mode and gradient", () => {
    expect(process.logEvidence).toBeCloseTo(g.laplace.log_evidence, 8);
    const { gradient } = latentMethod("laplace")(model, data.x, data.y);
    const [variance, ...lengthscales] = g.laplace.gradient;
    expectClose(
      gradientVector(kernel.parameters, gradient().kernel),
      [...lengthscales, variance],
      // Its Newton iteration stops at a gain of 1e-10.
      1e-5,
    );
    expectClose(process.at(x).mean.data, g.laplace.mode, 1e-6);
  });

  it("latents and probabilities at new points", () => {
    const at = process.at(z);
    expectClose(at.mean.data, g.laplace.mean, 1e-6);
    expectClose(at.variance.data, g.laplace.variance, 1e-6);
    const found = process.predictive(z);
    if (found.kind !== "classes") throw new Error("a classifier predicts classes");
    expectClose(
      found.probabilities.data.filter((_, k) => k % 2 === 1),
      g.laplace.probability,
      1e-6,
    );
  });
});

describe("variational inference equals GPyTorch's optimum", () => {
  // GPyTorch's own log Φ is an approximation (4e-4 nats here), which moves its optimum a little.
  it.each([
    ["bernoulli", bernoulli("probit"), g.labels],
    ["student", studentT(0.5, 4), g.outliers],
  ] as const)("%s", (name, likelihood, y) => {
    const process = conditionLatent(
      { kernel, mean: zeroMean(2), likelihood },
      { x, y: columnVector(y) },
      "variational",
    );
    // The bound at GPyTorch's optimum, its expectation by 200 nodes: second order in what its search missed.
    expect(process.logEvidence).toBeCloseTo(g[name].bound, 5);
    expectClose(process.at(z).mean.data, g[name].mean, 2e-4);
    expectClose(process.at(z).variance.data, g[name].variance, 2e-4);
  });
});

const n = 14;
const points = randomMatrix(n, 2, "points");
const wave = Array.from(
  points.data.filter((_, k) => k % 2 === 0),
  (v) => Math.sin(2 * v),
);
const cases: readonly (readonly [string, LikelihoodModel, Matrix])[] = [
  ["gaussian", one(gaussian(0.2)), column((w, e) => w + 0.3 * e)],
  ["bernoulli", one(bernoulli()), column((w, e) => (w + 0.5 * e > 0 ? 1 : 0))],
  ["probit", one(bernoulli("probit")), column((w, e) => (w + 0.5 * e > 0 ? 1 : 0))],
  ["poisson", one(poisson()), column((w, e) => Math.round(Math.exp(1 + w + 0.2 * e)))],
  ["student-t", one(studentT(0.3, 5)), column((w, e, i) => w + 0.2 * e + (i % 5 === 0 ? 2 : 0))],
  [
    "ordinal",
    one(ordinal(4, [-1, 0.1, 1.2])),
    column((w, e) => Math.max(0, Math.min(3, Math.round(1.5 + w + e)))),
  ],
  [
    "softmax",
    { kernel: repeated(kernelOf(), 3), mean: zeroMean(2, 3), likelihood: softmax(3) },
    column((w, e) => Math.max(0, Math.min(2, Math.round(1 + w + 0.5 * e)))),
  ],
  [
    "heteroscedastic",
    {
      kernel: independent([kernelOf(), matern52({ lengthscale: 2, variance: 0.6 })]),
      mean: constantMean(2, [0.1, -1]),
      likelihood: heteroscedastic(),
    },
    column((w, e) => w + Math.exp(w - 1) * e),
  ],
];

function kernelOf() {
  return rbf({ lengthscale: [0.9, 1.3], variance: 1.1 });
}

function one(likelihood: LikelihoodModel["likelihood"]): LikelihoodModel {
  return { kernel: kernelOf(), mean: constantMean(2, [0.2]), likelihood };
}

function column(of: (wave: number, noise: number, i: number) => number): Matrix {
  const noise = normal(key(3), n);
  return columnVector(wave.map((w, i) => of(w, noise[i]!, i)));
}

describe.each(["laplace", "variational"] as const)("%s", (method) => {
  it.each(cases)("has the gradient of its evidence: %s", (name, model, y) => {
    const at = latentParameters(model);
    const u = toVector(at);
    const moved = (v: Float64Array): LikelihoodModel => {
      const p = fromVector(v, at);
      return {
        kernel: model.kernel.with(partOf(p, "kernel")),
        mean: model.mean.with(partOf(p, "mean")),
        likelihood: model.likelihood.with(partOf(p, "likelihood")),
      };
    };
    const approximate = latentMethod(method);
    const found = approximate(model, points, y);
    const gradient = gradientVector(at, joinParts(found.gradient()));
    const differences = u.map((v, i) => {
      const h = 1e-4;
      const side = (s: number) => {
        const w = u.slice();
        w[i] = v + s * h;
        return approximate(moved(w), points, y, found.alpha).logEvidence;
      };
      return (8 * (side(1) - side(-1)) - (side(2) - side(-2))) / (12 * h);
    });
    // Searches end at relative gains of 1e-11 and 1e-10, which a step of 1e-4 makes 1e-6 or so of a slope.
    expectClose(gradient, differences, name === "softmax" && method === "variational" ? 1e-4 : 2e-5);
  });

  it("is exact for a Gaussian", () => {
    const y = randomMatrix(n, 1, "targets");
    const model = { kernel: kernelOf(), mean: zeroMean(2), likelihood: gaussian(0.2) };
    const process = conditionLatent(model, { x: points, y }, method);
    const exact = gp(model.kernel).condition({ x: points, y, noiseVariance: 0.2 });
    expect(process.logEvidence).toBeCloseTo(exact.logEvidence, 9);
    expectClose(process.at(z).mean.data, exact.at(z).mean.data, 1e-9);
    expectClose(process.at(z).covariance.data, exact.at(z).covariance.data, 1e-8);
    const predicted = process.predictive(z);
    if (predicted.kind !== "number") throw new Error("a Gaussian predicts numbers");
    expectClose(predicted.variance.data, exact.observed(z).variance.data, 1e-8);
    const { gradient } = latentMethod(method)(model, points, y);
    const parts = gradient();
    const { gradient: known } = logEvidence(model.kernel, 0.2, points, y);
    expectClose(
      [
        ...gradientVector(model.kernel.parameters, parts.kernel),
        ...gradientVector(model.likelihood.parameters, parts.likelihood),
      ],
      known,
      1e-7,
    );
  });

  it("samples functions with its own mean and variance", () => {
    const [, model, y] = cases[3]!;
    const process = conditionLatent(model, { x: points, y }, method);
    const few = rowRange(z, 0, 3);
    const draws = process.sample(key(5), 600).map((f) => f.at(few).data);
    const { mean, variance } = process.at(few);
    for (let i = 0; i < few.rows; i++) {
      const values = draws.map((d) => d[i]!);
      const average = values.reduce((s, v) => s + v / values.length, 0);
      const square = values.reduce((s, v) => s + (v - average) ** 2 / values.length, 0);
      // Four standard errors of 600 draws.
      expect(Math.abs(average - mean.data[i]!)).toBeLessThan(4 * Math.sqrt(variance.data[i]! / 600));
      expect(square / variance.data[i]!).toBeGreaterThan(0.77);
      expect(square / variance.data[i]!).toBeLessThan(1.25);
    }
  });

  it("given more data equals all data at once", () => {
    const [, model, y] = cases[1]!;
    const half = conditionLatent(model, { x: rowRange(points, 0, 8), y: rowRange(y, 0, 8) }, method);
    const both = half.condition({ x: rowRange(points, 8, n), y: rowRange(y, 8, n) });
    const whole = conditionLatent(model, { x: points, y }, method);
    expect(both.logEvidence).toBeCloseTo(whole.logEvidence, 7);
    expectClose(both.at(z).mean.data, whole.at(z).mean.data, 1e-5);
  });

  it("without some data, or with one changed, equals a new posterior", () => {
    // Three latents, so that a row is three of the values that searches start at.
    const [, model, y] = cases[6]!;
    const few = rowRange(points, 0, 8);
    const whole = conditionLatent(model, { x: few, y: rowRange(y, 0, 8) }, method);
    const less = whole.without([0, 1, 7]);
    const anew = conditionLatent(model, { x: rowRange(few, 2, 7), y: rowRange(y, 2, 7) }, method);
    expect(less.logEvidence).toBeCloseTo(anew.logEvidence, 6);
    expectClose(less.at(z).mean.data, anew.at(z).mean.data, 1e-4);
    const other = { x: rowRange(points, 9, 10), y: columnVector([2]) };
    const changed = whole.replace(7, other);
    const other7 = whole.without([7]).condition(other);
    expect(changed.logEvidence).toBeCloseTo(other7.logEvidence, 6);
    expectClose(changed.at(z).mean.data, other7.at(z).mean.data, 1e-4);
    expect(() => whole.without([8])).toThrow(/from 0 to 7/);
  });
});

describe("the bound", () => {
  it("stays below the evidence by quadrature", () => {
    // Two observations: the evidence as an integral over a grid.
    const two = rowRange(points, 0, 2);
    const y = columnVector([1, 0]);
    const model = { kernel: kernelOf(), mean: zeroMean(2), likelihood: bernoulli() };
    const prior = gp(model.kernel).at(two);
    const grid = Array.from({ length: 121 }, (_, i) => -7 + (14 * i) / 120);
    let evidence = 0;
    for (const a of grid)
      for (const b of grid) {
        const f = columnVector([a, b]);
        const [first, second] = model.likelihood.logDensity(f, y);
        evidence += Math.exp(prior.logDensity(f) + first! + second!) * (14 / 120) ** 2;
      }
    const bound = conditionLatent(model, { x: two, y }, "variational").logEvidence;
    expect(bound).toBeLessThan(Math.log(evidence));
    expect(bound).toBeGreaterThan(Math.log(evidence) - 0.05);
  });
});

describe("what is expected of the amplitude", () => {
  it("enters the search with its gradient, for several latents and kernels without a diagonal of their own", () => {
    const three = cases[6]!;
    const kernel = repeated(sum(kernelOf(), linear({ variance: [0.5, 0.5] })), 3);
    const model = { ...three[1], kernel };
    const data = { x: rowRange(points, 0, 9), y: rowRange(three[2], 0, 9) };
    const length = toVector(latentParameters(model)).length;
    const amplitude = { variance: 4, logDeviation: 0.5 };
    const steps = new Float64Array(length).fill(1);
    const search = (prior?: typeof amplitude) =>
      evidenceSearch(model, data, latentMethod("laplace"), steps, prior);
    const at = new Float64Array(length).map((_, i) => 0.1 * (i + 1));
    const { gradient, value } = search(amplitude).negative(at);
    const differences = at.map((v, i) => {
      const side = (sign: number) =>
        search(amplitude).negative(at.map((w, j) => (j === i ? v + sign * 1e-4 : w))).value;
      return (side(1) - side(-1)) / 2e-4;
    });
    expectClose(gradient, differences, 1e-5);
    const own = search().model(at).kernel.diagonal(data.x);
    const z = Math.log(own.reduce((s, v) => s + v / own.length, 0) / 4) / 0.5;
    expect(value - search().negative(at).value).toBeCloseTo(0.5 * z * z, 8);
    const fitted = fitLikelihood(rbf(), data, softmax(3), { amplitude: { variance: 0, logDeviation: 1 } });
    expect(() => runSync(fitted)).toThrow(/amplitude/);
  });
});

describe("fitLikelihood", () => {
  const many = matrix(
    80,
    1,
    uniform(key(9), 80).map((v) => 6 * v - 3),
  );
  const noise = normal(split(key(9), "noise"), 80);
  const run = (
    y: readonly number[],
    likelihood: LikelihoodModel["likelihood"],
    method: LatentMethodName = "laplace",
  ) => runSync(fitLikelihood(rbf(), { x: many, y: columnVector(y) }, likelihood, { method, starts: 1 }));

  it("finds a rate that counts follow", () => {
    const rate = (v: number) => Math.exp(1.5 + Math.sin(v));
    const counts = Array.from(many.data, (v, i) =>
      Math.max(0, Math.round(rate(v) + Math.sqrt(rate(v)) * noise[i]!)),
    );
    const { process } = run(counts, poisson());
    const found = process.predictive(columnVector([-1.5, 0, 1.5]));
    if (found.kind !== "number") throw new Error("counts are numbers");
    [-1.5, 0, 1.5].forEach((v, i) => {
      expect(found.mean.data[i]! / rate(v)).toBeGreaterThan(0.75);
      expect(found.mean.data[i]! / rate(v)).toBeLessThan(1.33);
    });
  });

  it("is not moved by outliers that move a Gaussian", () => {
    const truth = (v: number) => Math.sin(v);
    const y = Array.from(many.data, (v, i) => truth(v) + 0.1 * noise[i]! + (i % 10 === 0 ? 5 : 0));
    const at = columnVector([-2, -1, 0, 1, 2]);
    const worst = (mean: Float64Array) =>
      at.data.reduce((w, v, i) => Math.max(w, Math.abs(mean[i]! - truth(v))), 0);
    for (const method of ["laplace", "variational"] as const) {
      expect(worst(run(y, studentT(), method).process.at(at).mean.data)).toBeLessThan(0.15);
    }
    expect(worst(run(y, gaussian()).process.at(at).mean.data)).toBeGreaterThan(0.3);
  });

  it("learns noise that varies", () => {
    const sd = (v: number) => 0.05 + 0.45 / (1 + Math.exp(-3 * v));
    const y = Array.from(many.data, (v, i) => Math.sin(v) + sd(v) * noise[i]!);
    for (const method of ["laplace", "variational"] as const) {
      const found = run(y, heteroscedastic(), method).process.predictive(columnVector([-2, 2]));
      if (found.kind !== "number") throw new Error("targets are numbers");
      const [left, right] = found.variance.data;
      expect(Math.sqrt(left!)).toBeLessThan(0.15);
      expect(Math.sqrt(right!)).toBeGreaterThan(0.3);
    }
  });

  it("tells three classes apart", () => {
    // Labels that are sometimes wrong: without any, Laplace's evidence would have the logits ever larger.
    const y = Array.from(many.data, (v, i) => (i % 8 === 0 ? i % 3 : v < -1 ? 0 : v < 1 ? 1 : 2));
    const found = run(y, softmax(3)).process.predictive(columnVector([-2, 0, 2]));
    if (found.kind !== "classes") throw new Error("classes");
    for (let i = 0; i < 3; i++) expect(found.probabilities.data[i * 3 + i]!).toBeGreaterThan(0.6);
  });

  it("says what does not fit", () => {
    expect(() => run([1, 2, 3], bernoulli())).toThrow();
    expect(() =>
      run(
        Array.from(many.data, () => 0.5),
        bernoulli(),
      ),
    ).toThrow(/0 or 1/);
    expect(() =>
      run(
        Array.from(many.data, () => 1),
        bernoulli(),
        "ep" as LatentMethodName,
      ),
    ).toThrow(/one of laplace, variational, expectation-propagation/);
  });
});
