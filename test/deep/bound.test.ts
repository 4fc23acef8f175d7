import { describe, expect, it } from "vitest";
import { type DeepBound, deepBound } from "../../src/deep/bound.ts";
import { compose, type DeepProcess } from "../../src/deep/compose.ts";
import { coordinates } from "../../src/deep/coordinates.ts";
import type { DeepModel } from "../../src/deep/deep-model.ts";
import { gpLayer } from "../../src/deep/layer.ts";
import { naturalStep } from "../../src/deep/natural-gradient.ts";
import { divergence } from "../../src/deep/ops/marginal.ts";
import { inducingJitter, predictor, type SparseLayer } from "../../src/deep/sparse-layer.ts";
import { startDeep } from "../../src/deep/start.ts";
import { withNoiseFunction } from "../../src/deep/varying-noise.ts";
import { affine, linear, matern52, rbf, sum, toVector } from "../../src/kernels/index.ts";
import {
  add,
  cholesky,
  gramOf,
  halfSolve,
  identity,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  rowRange,
} from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { constantMean, gp, likelihoods } from "../../src/processes/index.ts";
import { key, normal, split } from "../../src/random/index.ts";
import { learnable, tangentKernel } from "../../src/tangent/index.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(12, 2, "x");
const y = matrix(
  12,
  1,
  Float64Array.from({ length: 12 }, (_, i) => Math.sin(2 * x.data[2 * i]!) + 0.3 * x.data[2 * i + 1]!),
);

/** A started model, moved to where nothing is special: no value 0, no root a multiple of the identity. */
function moved(process: DeepProcess, options: Partial<Parameters<typeof startDeep>[2]> = {}): DeepModel {
  const model = startDeep(process, x, {
    inducing: 5,
    likelihood: likelihoods.gaussian(0.2),
    targets: y,
    index: 0,
    key: key(7),
    ...options,
  });
  const layers = model.layers.map((layer, l) => {
    if (layer.kind === "fn") return layer;
    const { values, roots } = layer;
    const noise = normal(split(key(8), l), roots.data.length);
    const m = roots.cols;
    return {
      ...layer,
      values: add(values, randomMatrix(values.rows, values.cols, `values ${l}`), 0.4),
      roots: matrix(
        roots.rows,
        m,
        roots.data.map((_, k) => {
          const [i, j] = [Math.floor(k / m) % m, k % m];
          return i === j ? 0.5 + 0.1 * i : j < i ? 0.1 * noise[k]! : 0;
        }),
      ),
    };
  });
  return { ...model, layers };
}

/**
 * Central differences of step 1e-5 on a bound of some hundred nats err by about 1e-13 · 100 / 1e-5 = 1e-6 from rounding
 * (and what the factorisation of a nearly singular Gram multiplies it by), and little from curvature: 1e-5 of the slope
 * beside 2e-5.
 */
function checkGradient(model: DeepModel, targets: Matrix = y, samples = 2): void {
  const space = coordinates(model, () => false);
  const at = (arrays: readonly Float64Array[]) => {
    const there = space.at(arrays, model);
    return { there, found: deepBound(there, { x, y: targets, total: 30 }, { samples, key: key(3) }) };
  };
  const arrays = space.of(model);
  const { there, found } = at(arrays);
  const slopes = space.gradient(there, found);
  arrays.forEach((array, a) => {
    // Of long arrays some entries: they all go the same way.
    const stride = Math.max(1, Math.floor(array.length / 6));
    for (let k = 0; k < array.length; k += stride) {
      const value = (by: number) =>
        at(arrays.map((other, b) => (b === a ? other.map((v, i) => (i === k ? v + by : v)) : other))).found
          .value;
      const numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
      const slope = slopes[a]![k]!;
      expect(Math.abs(slope - numeric), `${space.names[a]} ${k}`).toBeLessThan(
        2e-5 + 1e-5 * Math.abs(numeric),
      );
    }
  });
}

describe("the bound's gradient is that of finite differences", () => {
  it("two layers, linear mean, skip connection, several kernels", () => {
    const process = compose(
      gpLayer(rbf({ ard: 2 }), {
        width: 2,
        mean: affine(randomMatrix(2, 2, "w"), Float64Array.of(0.1, -0.1)),
      }),
      gpLayer(sum(matern52({ ard: 4 }), linear()), { skip: true, mean: constantMean(4) }),
    );
    checkGradient(moved(process));
  });

  it("hidden layers with linear means of their own, fitted in units of 1/columns", () => {
    const process = compose(
      gpLayer(rbf({ ard: 2 }), { width: 2, mean: "linear" }),
      gpLayer(rbf({ ard: 4 }), { skip: true }),
    );
    const model = moved(process);
    const { names, of } = coordinates(model, () => false);
    const own = model.layers[0]! as Extract<(typeof model.layers)[number], { kind: "gp" }>;
    const weights = toVector(own.mean.parameters);
    expect(of(model)[names.indexOf("0.mean")]).toEqual(weights.map((w) => 2 * w));
    checkGradient(model);
  });

  it("three layers, zero and identity means", () => {
    checkGradient(
      moved(
        compose(
          gpLayer(rbf(), { mean: "linear", inputs: 2 }),
          gpLayer(matern52(), { width: 2 }),
          gpLayer(rbf()),
        ),
      ),
    );
  });

  it("a network below a Gaussian process, both fitted", () => {
    const net = network({ inputShape: [2], layers: [dense(3), tanh(), dense(2)], seed: 1, precision: "f64" });
    checkGradient(moved(compose(net, gpLayer(rbf(), { width: 1, mean: "identity" }), gp(rbf()))));
    checkGradient(
      moved(compose(gpLayer(rbf(), { width: 2, mean: "identity", inputs: 2 }), learnable(net), gp(rbf()))),
    );
  });

  it("a network's tangent kernel in the first layer, over inducing points that stay", () => {
    const net = network({ inputShape: [2], layers: [dense(3), tanh(), dense(1)], seed: 1, precision: "f64" });
    const model = moved(compose(gp(tangentKernel(net, { scales: "layer" })), gp(rbf())));
    expect((model.layers[0] as SparseLayer).pinned).toBe(true);
    checkGradient(model);
    expect(() => moved(compose(gpLayer(rbf(), { width: 2, inputs: 2 }), gp(tangentKernel(net))))).toThrow(
      /belongs in the first layer/,
    );
  });

  it("other likelihoods, several outputs", () => {
    const classes = { ...y, data: y.data.map((_, i) => i % 3) };
    const labels = { ...y, data: y.data.map((_, i) => i % 2) };
    const wide = compose(
      gpLayer(rbf(), { width: 2, mean: "identity", inputs: 2 }),
      gpLayer(rbf(), { width: 3 }),
    );
    const narrow = compose(gpLayer(rbf(), { width: 2, mean: "identity", inputs: 2 }), gpLayer(rbf()));
    const targets = randomMatrix(12, 3, "three");
    checkGradient(moved(wide, { likelihood: likelihoods.softmax(3), targets }), classes);
    checkGradient(moved(wide, { likelihood: likelihoods.gaussian(0.3, 3), targets }), targets);
    checkGradient(moved(narrow, { likelihood: likelihoods.bernoulli() }), labels);
    checkGradient(moved(narrow, { likelihood: likelihoods.poisson() }), classes);
    checkGradient(moved(narrow, { likelihood: likelihoods.studentT() }));
  });

  it("noise that varies, above a mean of the function's own", () => {
    const mean = affine(randomMatrix(1, 2, "slope"), Float64Array.of(0.2));
    const process = compose(
      gpLayer(rbf(), { width: 2, mean: "identity", inputs: 2 }),
      gpLayer(rbf({ ard: 2 }), { mean }),
    );
    const likelihood = likelihoods.varyingNoise(0.3, 0.7);
    checkGradient(moved(withNoiseFunction(process), { likelihood, targets: randomMatrix(12, 2, "two") }));
  });
});

/** One layer with a Gaussian likelihood, and what the formulas of others say of it. */
describe("a single layer", () => {
  const noise = 0.2;
  const process = compose(gpLayer(rbf({ lengthscale: 0.9, variance: 1.4 }), { inputs: 2 }));
  const model = moved(process);
  const layer = model.layers[0] as SparseLayer;
  const options = { samples: 1, key: key(0) };
  const full = { x, y, total: 12 };
  const kzz = add(layer.kernel.gram(layer.inducing), identity(5, inducingJitter * 1.4));
  const a = halfSolve(cholesky(kzz), layer.kernel.cross(layer.inducing, x));
  const exact = gp(layer.kernel, { inputs: 2 }).condition({ x, y, noiseVariance: noise }).logEvidence;

  it("has SVGP's bound (Hensman et al. 2013, equation 4), here through dense Gaussians of u itself", () => {
    const lower = cholesky(kzz).lower;
    const mean = multiply(lower, layer.values);
    const root = multiply(lower, layer.roots);
    const weights = multiply(invert(kzz), layer.kernel.cross(layer.inducing, x));
    const [s, q] = [gramOf(root), multiply(layer.kernel.cross(layer.inducing, x), weights, { a: true })];
    const moved = multiply(multiply(weights, s, { a: true }), weights);
    const f = multiply(weights, mean, { a: true });
    let value = 0;
    for (let i = 0; i < 12; i++) {
      const spread = 1.4 - q.data[i * 13]! + moved.data[i * 13]!;
      value -= 0.5 * (Math.log(2 * Math.PI * noise) + ((y.data[i]! - f.data[i]!) ** 2 + spread) / noise);
    }
    const trace = multiply(invert(kzz), add(s, gramOf(mean))).data.reduce(
      (t, v, k) => t + (k % 6 === 0 ? v : 0),
      0,
    );
    const kl = 0.5 * (trace - 5 + logDeterminant(cholesky(kzz)) - logDeterminant(cholesky(s)));
    expect(divergence(layer.values, layer.roots)).toBeCloseTo(kl, 8);
    expect(deepBound(model, full, options).value).toBeCloseTo(value - kl, 7);
  });

  it("reaches SGPR's collapsed bound in one natural step of length 1, never above the exact evidence", () => {
    const found = deepBound(model, full, { ...options, natural: () => true });
    const best = { ...model, layers: [naturalStep(layer, found.layers[0]!, 1)] };
    // Titsias 2009, equation 9: log N(y | 0, Q + noise) − tr(K − Q) / (2 noise), Q = AᵀA.
    const q = gramOf(a, true);
    const factor = cholesky(add(q, identity(12, noise)));
    const white = halfSolve(factor, y);
    const density =
      -0.5 *
      (multiply(white, white, { a: true }).data[0]! + logDeterminant(factor) + 12 * Math.log(2 * Math.PI));
    let trace = 0;
    for (let i = 0; i < 12; i++) trace += 1.4 - q.data[i * 13]!;
    const collapsed = density - trace / (2 * noise);
    const value = deepBound(best, full, options).value;
    expect(Math.abs(value - collapsed)).toBeLessThan(1e-6);
    expect(found.value).toBeLessThan(value);
    expect(value).toBeLessThan(exact);
    // With an inducing point on every observation nothing is lost but the jitter's share.
    const all = startDeep(process, x, {
      inducing: 12,
      likelihood: likelihoods.gaussian(noise),
      targets: y,
      index: 0,
      key: key(1),
    });
    const everywhere = deepBound(all, full, { ...options, natural: () => true });
    const tight = { ...all, layers: [naturalStep(all.layers[0] as SparseLayer, everywhere.layers[0]!, 1)] };
    const reached = deepBound(tight, full, options).value;
    expect(reached).toBeLessThan(exact);
    expect(exact - reached).toBeLessThan(1e-3);
  });

  it("predicts as the exact posterior does, and so do its sampled functions", () => {
    const all = startDeep(process, x, {
      inducing: 12,
      likelihood: likelihoods.gaussian(noise),
      targets: y,
      index: 0,
      key: key(1),
    });
    const { layers } = deepBound(all, full, { ...options, natural: () => true });
    const ready = predictor(naturalStep(all.layers[0] as SparseLayer, layers[0]!, 1));
    const points = randomMatrix(6, 2, "points");
    const posterior = gp(layer.kernel, { inputs: 2 }).condition({ x, y, noiseVariance: noise }).at(points);
    // The jitter is a millionth of the variance; correlations of 0.9 amplify it about a hundredfold.
    ready.moments(points).mean.data.forEach((v, i) => {
      expect(Math.abs(v - posterior.mean.data[i]!)).toBeLessThan(1e-4);
    });
    ready.gaussian(points).covariance.data.forEach((v, i) => {
      expect(Math.abs(v - posterior.covariance.data[i]!)).toBeLessThan(1e-4);
    });
    const draws = Array.from({ length: 400 }, (_, s) => ready.path(split(key(5), s)).at(points));
    const n = draws.length;
    for (let i = 0; i < 6; i++) {
      const mean = draws.reduce((t, d) => t + d.data[i]! / n, 0);
      const variance = draws.reduce((t, d) => t + (d.data[i]! - mean) ** 2 / (n - 1), 0);
      const truth = posterior.variance.data[i]!;
      // Five standard errors; a path's 1,024 features blur its variance by 3 % besides.
      expect(Math.abs(mean - posterior.mean.data[i]!)).toBeLessThan(5 * Math.sqrt(truth / n));
      expect(Math.abs(variance / truth - 1)).toBeLessThan(5 * Math.sqrt(2 / n) + 0.03);
    }
  });
});

describe("the bound of two layers", () => {
  const process = compose(gpLayer(rbf(), { mean: "linear", inputs: 2 }), gpLayer(rbf()));
  const model = moved(process);

  it("is estimated without bias: draws average to the quadrature over the hidden value", () => {
    const first = predictor(model.layers[0] as SparseLayer);
    const second = predictor(model.layers[1] as SparseLayer);
    const { mean, variance } = first.moments(x);
    // Simpson's rule over ±8 standard deviations: exact to ten digits for these smooth functions.
    let fit = 0;
    const steps = 400;
    for (let i = 0; i <= steps; i++) {
      const z = -8 + (16 * i) / steps;
      const weight =
        ((i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * (16 / steps / 3) * Math.exp(-0.5 * z * z)) /
        Math.sqrt(2 * Math.PI);
      const h = { ...mean, data: mean.data.map((v, k) => v + Math.sqrt(variance.data[k]!) * z) };
      const at = second.moments(h);
      const { value } = model.likelihood.expected(at.mean, at.variance, y);
      fit += weight * value.reduce((t, v) => t + v, 0);
    }
    const loss = model.layers.reduce(
      (t, l) => t + divergence((l as SparseLayer).values, (l as SparseLayer).roots),
      0,
    );
    const estimates = Array.from(
      { length: 400 },
      (_, s) => deepBound(model, { x, y, total: 12 }, { samples: 3, key: split(key(11), s) }).value,
    );
    const average = estimates.reduce((t, v) => t + v / 400, 0);
    const deviation = Math.sqrt(estimates.reduce((t, v) => t + (v - average) ** 2 / 399, 0));
    expect(Math.abs(average - (fit - loss))).toBeLessThan((4.5 * deviation) / Math.sqrt(400));
  });

  it("minibatches stand for all rows: over a partition they average to the whole", () => {
    const one = compose(gpLayer(rbf(), { inputs: 2 }));
    const single = moved(one);
    const value = (part: { x: Matrix; y: Matrix }): DeepBound =>
      deepBound(single, { ...part, total: 12 }, { samples: 1, key: key(0) });
    const parts = [0, 4, 8].map((from) =>
      value({ x: rowRange(x, from, from + 4), y: rowRange(y, from, from + 4) }),
    );
    expect(parts.reduce((t, b) => t + b.value / 3, 0)).toBeCloseTo(value({ x, y }).value, 9);
  });
});

function invert(a: Matrix): Matrix {
  const white = halfSolve(cholesky(a), identity(a.rows));
  return gramOf(white, true);
}
