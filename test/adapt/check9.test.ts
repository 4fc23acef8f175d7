import { describe, expect, it } from "vitest";
import { featuresOf } from "../../src/adapt/features.ts";
import { adapt, conditionTangent } from "../../src/adapt/index.ts";
import { gaussianLikelihood } from "../../src/adapt/likelihoods.ts";
import { fullCovariance } from "../../src/adapt/weight-covariance.ts";
import { weightProcess } from "../../src/adapt/weight-process.ts";
import { positive } from "../../src/kernels/index.ts";
import {
  cholesky,
  columnVector,
  gramOf,
  lbfgs,
  logDeterminant,
  type Matrix,
  toTensor,
} from "../../src/linalg/index.ts";
import {
  adam,
  dense,
  flatten,
  forward,
  gradient,
  type Network,
  network,
  networkOf,
  tanh,
  train,
  unflatten,
} from "../../src/networks/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { jacobian, tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";

// Acceptance check 9 (a)–(d) of the design's facts: linearised Laplace on 1-50-50-1 tanh, 100 points in two clusters,
// noise of deviation 0.3. (e) is in approximations.test.ts.

const sigma = 0.3;
const truth = (v: number) => Math.sin(1.5 * v) + 0.3 * v;

/** Points of the clusters [−4, −1] and [1, 4], or of the gap between them, with noisy values. */
function examples(count: number, name: string, place: "clusters" | "gap") {
  const u = uniform(split(key(9), name), count);
  const noise = normal(split(key(9), `${name} noise`), count);
  const x = u.map((v, i) => (place === "gap" ? 2 * v - 1 : (i % 2 ? 1 : -1) * (1 + 3 * v)));
  return { x: columnVector(x), y: columnVector(x.map((v, i) => truth(v) + sigma * noise[i]!)) };
}

/** The weights that maximise log p(y | w) − ½ δ |w|², by L-BFGS. */
function mostProbable(start: Network, { x, y }: { x: Matrix; y: Matrix }, precision: number): Network {
  const input = toTensor(x, [1], "f64");
  const found = lbfgs(
    (w) => {
      const net = networkOf(start, unflatten(w, start.weights, "f64"));
      const out = forward(net, input);
      const gap = Float64Array.from(out.y.data, (f, i) => (f - y.data[i]!) / sigma ** 2);
      const slope = flatten(gradient(net, out.tapes, { shape: out.y.shape, data: gap }));
      const misfit = gap.reduce((sum, g) => sum + 0.5 * (g * sigma) ** 2, 0);
      return {
        value: misfit + w.reduce((sum, v) => sum + 0.5 * precision * v * v, 0),
        gradient: slope.map((g, i) => g + precision * w[i]!),
      };
    },
    flatten(start.weights),
    { maxIterations: 1500 },
  );
  return networkOf(start, unflatten(found.x, start.weights, "f64"));
}

describe("linearised Laplace", () => {
  const data = examples(100, "train", "clusters");
  const test = examples(200, "test", "clusters");
  const gap = examples(100, "gap", "gap");
  const start = network({
    inputShape: [1],
    layers: [dense(50), tanh(), dense(50), tanh(), dense(1)],
    seed: 2,
    precision: "f64",
  });

  describe.each([0.1, 1])("at a prior precision of %d", (precision) => {
    const net = mostProbable(start, data, precision);
    const features = featuresOf(tangentKernel(net).with({ scale: positive("scale", 1 / precision) }));
    const likelihood = gaussianLikelihood(data.y, new Float64Array(100).fill(sigma ** 2));
    const root = { blocks: likelihood.root(data.y), outputs: 1 };
    const covariance = fullCovariance(features, data.x, root);
    // The network stays the mean: Laplace after training.
    const process = weightProcess(features, net, new Float64Array(features.count), covariance);

    it("(a) has the variance of the tangent kernel's Gaussian process, and its determinant", () => {
      const kernel = features.kernel;
      const points = examples(50, "points", "clusters").x;
      const { variance } = conditionTangent(
        kernel,
        { ...data, noiseVariance: sigma ** 2 },
        { space: "function" },
      ).process.at(points);
      const relative = process.at(points).variance.data.map((v, i) => Math.abs(v / variance.data[i]! - 1));
      expect(Math.max(...relative)).toBeLessThan(1e-8);
      const j = jacobian(net, data.x);
      const inside = gramOf(j);
      for (let k = 0; k < inside.data.length; k++) {
        inside.data[k] = inside.data[k]! / (precision * sigma ** 2) + (k % 101 === 0 ? 1 : 0);
      }
      const expected = logDeterminant(cholesky(inside));
      expect(Math.abs(covariance.logDeterminant - expected)).toBeLessThan(1e-8 * expected);
    });

    it("(b) predicts far better than networks of sampled weights", () => {
      const density = (f: number, v: number, y: number) =>
        -0.5 * (Math.log(2 * Math.PI * v) + (y - f) ** 2 / v);
      const { mean, variance } = process.at(test.x);
      let linear = 0;
      test.y.data.forEach((y, i) => {
        linear += density(mean.data[i]!, variance.data[i]! + sigma ** 2, y) / 200;
      });
      // The same weights, put into the network instead of its linearisation.
      const w = flatten(net.weights);
      const draws = Array.from({ length: 100 }, (_, s) => {
        const away = features.weights(covariance.rootTimes(normal(split(key(4), s), w.length)));
        return networkOf(
          net,
          unflatten(
            w.map((v, i) => v + away[i]!),
            net.weights,
            "f64",
          ),
        ).at(test.x).data;
      });
      // The networks' mean and variance as a Gaussian.
      let sampled = 0;
      test.y.data.forEach((y, i) => {
        const f = draws.reduce((sum, d) => sum + d[i]! / 100, 0);
        const v = draws.reduce((sum, d) => sum + (d[i]! - f) ** 2 / 99, 0);
        sampled += density(f, v + sigma ** 2, y) / 200;
      });
      expect(linear - sampled).toBeGreaterThan(0.5);
    });

    if (precision === 1) {
      it("(c) covers 95 % where the data are, and widens where they are not", () => {
        const coverage = ({ x, y }: { x: Matrix; y: Matrix }) => {
          const { lower, upper } = process
            .at(x)
            .withNoise(sigma ** 2)
            .interval(0.95);
          return y.data.filter((v, i) => v > lower.data[i]! && v < upper.data[i]!).length / y.data.length;
        };
        expect(coverage(test)).toBeGreaterThanOrEqual(0.9);
        expect(coverage(test)).toBeLessThanOrEqual(0.98);
        expect(coverage(gap)).toBeGreaterThanOrEqual(0.85);
        const deviation = (x: Matrix) =>
          process.at(x).standardDeviation.data.reduce((sum, v) => sum + v / x.rows, 0);
        expect(deviation(gap.x) / deviation(test.x)).toBeGreaterThan(2.5);
      });
    }
  });

  it("(d) empirical Bayes finds the noise of laplace-torch's regression example", () => {
    // 1-50-1 tanh, 150 points of a sine on [0, 8], σ = 0.3, trained by Adam at 1e-2.
    const x = columnVector(uniform(key(1), 150).map((v) => 8 * v));
    const noise = normal(key(2), 150);
    const y = columnVector(x.data.map((v, i) => Math.sin(v) + sigma * noise[i]!));
    const net = network({
      inputShape: [1],
      layers: [dense(50), tanh(), dense(1)],
      seed: 711,
      precision: "f64",
    });
    const options = { epochs: 1000, batchSize: 150, optimizer: adam({ learningRate: 1e-2 }) };
    const { network: trained } = runSync(train(net, { x, y }, options));
    const found = Math.sqrt(adapt(trained, { x, y }).noiseVariance);
    expect(found).toBeGreaterThan(0.25);
    expect(found).toBeLessThan(0.35);
  });
});
