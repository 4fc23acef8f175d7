import { describe, expect, it } from "vitest";
import { diagonalCovariance } from "../../src/adapt/diagonal-covariance.ts";
import { featuresOf } from "../../src/adapt/features.ts";
import { adapt, adaptClassifier, conditionClassifier, conditionTangent } from "../../src/adapt/index.ts";
import { kroneckerCovariance } from "../../src/adapt/kronecker-covariance.ts";
import { classLikelihood, gaussianLikelihood } from "../../src/adapt/likelihoods.ts";
import { lowRankCovariance } from "../../src/adapt/low-rank-covariance.ts";
import { fullCovariance } from "../../src/adapt/weight-covariance.ts";
import { positive } from "../../src/kernels/index.ts";
import {
  add,
  cholesky,
  gramOf,
  identity,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  solve,
  subtract,
} from "../../src/linalg/index.ts";
import {
  conv2d,
  dense,
  flattenLayer,
  globalAveragePool,
  type Layer,
  layerNorm,
  network,
  networkOf,
  parameterCount,
  tanh,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [2],
  layers: [dense(6), layerNorm(), tanh(), dense(3)],
  seed: 3,
  precision: "f64",
});
const x = randomMatrix(30, 2, "x");
const y = randomMatrix(30, 3, "y");
const points = randomMatrix(7, 2, "points");
const labels = Array.from({ length: 30 }, (_, i) =>
  x.data[2 * i]! > 0.3 ? 2 : x.data[2 * i + 1]! > 0 ? 1 : 0,
);
const kernel = tangentKernel(net).with({ scale: positive("scale", 0.4) });
const cheap = ["diagonal", "kronecker", "low-rank"] as const;

describe("forms of the weights' covariance", () => {
  const features = featuresOf(kernel);
  const root = { blocks: classLikelihood(labels, 3).root(net.at(x)), outputs: 3 };
  it.each([
    ["full", fullCovariance(features, x, root)],
    ["diagonal", diagonalCovariance(features, x, root)],
    ["kronecker", kroneckerCovariance(features, x, root)],
    ["low-rank", lowRankCovariance(features, x, root, 10, key(0))],
  ] as const)("%s: the root is a root of what `apply` gives, forwards and backwards", (_name, covariance) => {
    const eye = identity(features.count);
    const whole = covariance.apply(eye);
    expectClose(gramOf(covariance.timesRoot(eye)).data, whole.data, 1e-10);
    const z = randomMatrix(features.count, 1, "z").data;
    const v = randomMatrix(1, features.count, "v");
    // vᵀ (M z) = (vᵀ M) z
    const [a, b] = [covariance.rootTimes(z), covariance.timesRoot(v).data];
    const sum = (of: (i: number) => number) => z.reduce((total, _q, i) => total + of(i), 0);
    expect(sum((i) => v.data[i]! * a[i]!)).toBeCloseTo(
      sum((i) => b[i]! * z[i]!),
      10,
    );
  });
});

describe("Kronecker factors", () => {
  it("are exact for a single linear layer", () => {
    // Check 9 (e) of the design's facts: with a bias, several outputs, and noise of one variance.
    const linear = network({ inputShape: [4], layers: [dense(3)], seed: 1, precision: "f64" });
    const inputs = randomMatrix(20, 4, "inputs");
    const features = featuresOf(tangentKernel(linear).with({ scale: positive("scale", 0.7) }));
    const root = {
      blocks: gaussianLikelihood(randomMatrix(20, 3, "t"), new Float64Array(60).fill(0.3)).root(inputs),
      outputs: 3,
    };
    const [kron, full] = [kroneckerCovariance, fullCovariance].map((make) => make(features, inputs, root));
    expect(Math.abs(kron!.logDeterminant - full!.logDeterminant)).toBeLessThan(1e-8);
    const eye = identity(features.count);
    expectClose(kron!.apply(eye).data, full!.apply(eye).data, 1e-8);
  });
});

describe("Kronecker factors of convolutions", () => {
  const images = randomMatrix(12, 32, "images");
  const root = {
    blocks: gaussianLikelihood(randomMatrix(12, 3, "t"), new Float64Array(36).fill(0.5)).root(images),
    outputs: 3,
  };

  it("are those of a dense layer where the kernel covers the image", () => {
    const build = (layers: readonly Layer[]) =>
      network({ inputShape: [2, 4, 4], layers: [...layers, tanh(), dense(3)], seed: 1, precision: "f64" });
    const conv = build([conv2d(5, 4), flattenLayer()]);
    const start = build([flattenLayer(), dense(5)]);
    const first = conv.weights[0]!;
    const same = [
      {},
      { weight: { ...first.weight!, shape: [5, 32] }, bias: first.bias! },
      ...conv.weights.slice(2),
    ];
    const flat = networkOf(start, same);
    const [a, b] = [conv, flat].map((net) =>
      kroneckerCovariance(
        featuresOf(tangentKernel(net).with({ scale: positive("scale", 0.7) })),
        images,
        root,
      ),
    );
    expect(a!.logDeterminant).toBeCloseTo(b!.logDeterminant, 10);
    const v = randomMatrix(5 * 33 + 18, 2, "v");
    expectClose(a!.apply(v).data, b!.apply(v).data, 1e-10);
  });

  it("at many positions are the sums of Grosse & Martens, written out", () => {
    const net = network({
      inputShape: [2, 4, 4],
      layers: [conv2d(3, 2), globalAveragePool(), flattenLayer()],
      seed: 1,
      precision: "f64",
    });
    const features = featuresOf(tangentKernel(net));
    const covariance = kroneckerCovariance(features, images, root);
    // The cotangent is 1/9 at each of 9 positions of the output's own filter: G = Σ_i Σ_t (1/81) I / 0.5.
    const g = (12 * 9) / 81 / 0.5;
    const patches = matrix(12 * 9, 9);
    for (let i = 0, r = 0; i < 12; i++)
      for (let u = 0; u < 3; u++)
        for (let v = 0; v < 3; v++, r++) {
          for (let c = 0; c < 2; c++)
            for (let p = 0; p < 2; p++)
              for (let q = 0; q < 2; q++)
                patches.data[r * 9 + c * 4 + p * 2 + q] = images.data[i * 32 + c * 16 + (u + p) * 4 + v + q]!;
          patches.data[r * 9 + 8] = 1;
        }
    const a = gramOf(patches, true);
    for (let k = 0; k < a.data.length; k++) a.data[k] = (a.data[k]! * g) / (12 * 9) + (k % 10 === 0 ? 1 : 0);
    expect(covariance.logDeterminant).toBeCloseTo(3 * logDeterminant(cholesky(a)), 9);
  });
});

describe("cheap posteriors", () => {
  const data = { x, y, noiseVariance: 0.2 };
  const exact = conditionTangent(kernel, data, { space: "function" });

  it.each(cheap)("%s: the mean is exact, whatever the covariance", (approximation) => {
    const { process, approximation: said } = conditionTangent(kernel, data, {
      space: "weight",
      approximation,
    });
    expect(said).toBe(approximation);
    expect(process.report.method).toBe("conjugate gradients");
    expect(process.report.residual).toBeLessThan(1e-9);
    expectClose(process.at(points).mean.data, exact.process.at(points).mean.data, 1e-8);
    const whole = conditionClassifier(kernel, { x, labels }, { space: "function" });
    const part = conditionClassifier(kernel, { x, labels }, { space: "weight", approximation });
    expectClose(part.process.at(points).mean.data, whole.process.at(points).mean.data, 1e-6);
    expect(part.process.at(points).variance.data.every((v) => v > 0)).toBe(true);
  });

  it("in single precision the mean is as exact as its products", () => {
    const single = network({ inputShape: [2], layers: [dense(6), layerNorm(), tanh(), dense(3)], seed: 3 });
    const own = tangentKernel(single).with({ scale: positive("scale", 0.4) });
    const reference = conditionTangent(own, data, { space: "function" }).process.at(points);
    for (const approximation of cheap) {
      const { process } = conditionTangent(own, data, { space: "weight", approximation });
      expect(process.report.residual).toBeLessThan(1e-3);
      expectClose(process.at(points).mean.data, reference.mean.data, 1e-2);
    }
  });

  it("low-rank of full rank is the exact posterior; of lower rank it is never surer", () => {
    const rank = parameterCount(net);
    const options = { space: "weight", approximation: "low-rank" } as const;
    const { process, logEvidence } = conditionTangent(kernel, data, { ...options, rank });
    expectClose(process.at(points).covariance.data, exact.process.at(points).covariance.data, 1e-8);
    expect(logEvidence).toBeCloseTo(exact.logEvidence, 6);
    const [l, m] = [process.leaveOneOut(), exact.process.leaveOneOut()];
    expectClose(l.mean.data, m.mean.data, 1e-8);
    expect(l.logDensity).toBeCloseTo(m.logDensity, 6);
    let before: Float64Array = exact.process.at(points).variance.data.map((v) => v - 1e-9);
    for (const fewer of [20, 10, 4, 1]) {
      const { variance } = conditionTangent(kernel, data, { ...options, rank: fewer }).process.at(points);
      expect(variance.data.every((v, k) => v >= before[k]!)).toBe(true);
      before = variance.data;
    }
  });

  it("the last layer alone is the Bayesian linear regression on its inputs", () => {
    const { process, kernel: last, approximation } = adapt(net, { x, y }, { approximation: "last-layer" });
    expect([approximation, ...last.layers]).toEqual(["last-layer", 3]);
    // By hand: features h and 1, weights N(0, s) for each output on its own, noise σ².
    const parts = { inputShape: [2], layers: net.layers.slice(0, 3), precision: "f64" } as const;
    const body = networkOf(parts, net.weights.slice(0, 3));
    const s = last.layerScales[0]!;
    const kernelOf = (a: Matrix, b: Matrix) => {
      const k = multiply(body.at(a), body.at(b), { b: true });
      return { ...k, data: k.data.map((v) => s * (v + 1)) };
    };
    const noisy = add(kernelOf(x, x), identity(30, process.noiseVariance));
    const gain = solve(cholesky(noisy), kernelOf(x, points));
    const moved = multiply(gain, subtract(y, net.at(x)), { a: true });
    const at = process.at(points);
    expectClose(at.mean.data, add(net.at(points), moved).data, 1e-8);
    const left = subtract(kernelOf(points, points), multiply(kernelOf(points, x), gain));
    expectClose(
      at.variance.data,
      at.variance.data.map((_, k) => left.data[Math.floor(k / 3) * 8]!),
      1e-8,
    );
  });

  it.each(cheap)("%s: scales are fitted, examples added, functions drawn", (approximation) => {
    const fitted = adapt(net, { x: rowRange(x, 0, 20), y: rowRange(y, 0, 20) }, { approximation });
    const more = fitted.add({ x: rowRange(x, 20, 30), y: rowRange(y, 20, 30) });
    const { noiseVariance } = fitted;
    const whole = conditionTangent(
      fitted.kernel,
      { x, y, noiseVariance },
      { space: "weight", approximation },
    );
    expectClose(more.process.at(points).mean.data, whole.process.at(points).mean.data, 1e-8);
    expectClose(more.process.at(points).variance.data, whole.process.at(points).variance.data, 1e-8);
    const draws = more.process.sample(key(1), 800).map((f) => f.at(points).data);
    const { mean, variance } = more.process.at(points);
    for (let k = 0; k < 21; k += 5) {
      const middle = draws.reduce((sum, v) => sum + v[k]! / 800, 0);
      const spread = draws.reduce((sum, v) => sum + (v[k]! - middle) ** 2 / 799, 0);
      // Five standard errors.
      expect(Math.abs(middle - mean.data[k]!)).toBeLessThan(5 * Math.sqrt(variance.data[k]! / 800));
      expect(Math.abs(spread / variance.data[k]! - 1)).toBeLessThan(5 * Math.sqrt(2 / 800));
    }
    const classified = adaptClassifier(net, { x, labels }, { approximation });
    const p = classified.probabilities(points);
    for (let i = 0; i < 7; i++) {
      expect(p.data.slice(3 * i, 3 * i + 3).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    }
  });
});
