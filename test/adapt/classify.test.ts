import { describe, expect, it } from "vitest";
import { probitProbabilities, sampledProbabilities } from "../../src/adapt/class-probabilities.ts";
import { fitCommonScale } from "../../src/adapt/common-scale.ts";
import { featuresOf } from "../../src/adapt/features.ts";
import { evidenceOfMode } from "../../src/adapt/function-mode.ts";
import {
  type AdaptedClassifier,
  adaptClassifier,
  conditionClassifier,
  type LatentProcess,
  prepare,
} from "../../src/adapt/index.ts";
import { classLikelihood, gaussianLikelihood, type Likelihood } from "../../src/adapt/likelihoods.ts";
import { logProbability } from "../../src/adapt/temperature.ts";
import { evidenceOfWeightMode } from "../../src/adapt/weight-mode.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  cholesky,
  identity,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  solve,
  takeRows,
} from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { functionMode } from "../../src/processes/latent/index.ts";
import { key, permutation } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const three = network({ inputShape: [2], layers: [dense(6), tanh(), dense(3)], seed: 3, precision: "f64" });
const one = network({ inputShape: [2], layers: [dense(5), tanh(), dense(1)], seed: 4, precision: "f64" });
const x = randomMatrix(30, 2, "x");
const threeLabels = Float64Array.from({ length: 30 }, (_, i) => {
  const [a, b] = [x.data[2 * i]!, x.data[2 * i + 1]!];
  return a > 0.3 ? 2 : b > 0 ? 1 : 0;
});
const twoLabels = threeLabels.map((v) => (v === 2 ? 1 : 0));

const cases: readonly [name: string, likelihood: Likelihood][] = [
  ["softmax", classLikelihood(threeLabels, 3)],
  ["sigmoid", classLikelihood(twoLabels, 1)],
  ["Gaussian", gaussianLikelihood(randomMatrix(30, 2, "y"), randomMatrix(60, 1, "noise").data.map(Math.exp))],
];

describe.each(cases)("the %s likelihood", (_, likelihood) => {
  const { outputs: o, rank: r, examples } = likelihood;
  const f = randomMatrix(examples, o, "f");
  const moved = (k: number, h: number) => ({ ...f, data: f.data.map((v, i) => (i === k ? v + h : v)) });
  // Central differences with h = 1e-5 err by about 1e-10.
  const h = 1e-5;
  const slope = (of: (f: Matrix) => number, k: number) => (of(moved(k, h)) - of(moved(k, -h))) / (2 * h);

  it("has its own derivatives: gradient, and curvature by the roots", () => {
    const gradient = likelihood.gradient(f);
    expectClose(
      gradient.data,
      f.data.map((_v, k) => slope(likelihood.logDensity, k)),
      1e-8,
    );
    const root = likelihood.root(f);
    for (let k = 0; k < f.data.length; k++) {
      const i = Math.floor(k / o);
      for (let p = 0; p < o; p++) {
        let w = 0;
        for (let b = 0; b < r; b++) w += root.data[k * r + b]! * root.data[(i * o + p) * r + b]!;
        expect(w).toBeCloseTo(-slope((g) => likelihood.gradient(g).data[i * o + p]!, k), 8);
      }
    }
  });

  it("knows how the trace of its curvature moves", () => {
    if (!likelihood.traceSlope) return;
    // Σ_i of any covariances; through the roots they are Rᵀ Σ R.
    const half = randomMatrix(examples * o, o, "half");
    const sigma = (i: number, p: number, q: number) => {
      let sum = 0;
      for (let b = 0; b < o; b++) sum += half.data[(i * o + p) * o + b]! * half.data[(i * o + q) * o + b]!;
      return sum;
    };
    const through = (g: Matrix) => {
      const root = likelihood.root(g);
      const out = matrix(examples * r, r);
      for (let i = 0; i < examples; i++)
        for (let a = 0; a < r; a++)
          for (let b = 0; b < r; b++)
            for (let p = 0; p < o; p++)
              for (let q = 0; q < o; q++)
                out.data[(i * r + a) * r + b]! +=
                  root.data[(i * o + p) * r + a]! * sigma(i, p, q) * root.data[(i * o + q) * r + b]!;
      return out;
    };
    const trace = (g: Matrix) => {
      const c = through(g);
      let sum = 0;
      for (let k = 0; k < c.rows; k++) sum += c.data[k * r + (k % r)]!;
      return sum;
    };
    expectClose(
      likelihood.traceSlope(f, through(f)).data,
      f.data.map((_v, k) => slope(trace, k)),
      1e-8,
    );
  });
});

describe("Laplace's approximation", () => {
  const kernel = tangentKernel(three, { scales: "layer" });
  const likelihood = classLikelihood(threeLabels, 3);
  const shares = kernel.shares(x);
  const mean = three.at(x);
  const scales = Float64Array.of(0.7, 0.2);
  const evidence = evidenceOfMode(shares, mean, likelihood);

  it("is the written-out formula in the weights: log p − ½|w|²/s − ½ log det(S H + I)", () => {
    const features = featuresOf(
      kernel.with({
        "scale.0": { value: Float64Array.of(0.7), support: "positive" },
        "scale.2": { value: Float64Array.of(0.2), support: "positive" },
      }),
    );
    const phi = features.rows(x);
    const p = features.count;
    // Gradient ascent's fixed point by plain Newton in the weights, W written out as diag(p) − p pᵀ.
    let u = matrix(p, 1);
    let value = 0;
    for (let step = 0; step < 30; step++) {
      const f = { ...mean, data: multiply(phi, u).data.map((v, k) => v + mean.data[k]!) };
      const w = matrix(90, 90);
      for (let i = 0; i < 30; i++) {
        const e = [0, 1, 2].map((c) => Math.exp(f.data[3 * i + c]!));
        const total = e[0]! + e[1]! + e[2]!;
        for (let a = 0; a < 3; a++)
          for (let b = 0; b < 3; b++)
            w.data[(3 * i + a) * 90 + 3 * i + b] = ((a === b ? e[a]! : 0) - (e[a]! * e[b]!) / total) / total;
      }
      const precision = multiply(multiply(phi, w, { a: true }), phi);
      for (let i = 0; i < p; i++) precision.data[i * p + i]! += 1;
      const factor = cholesky(precision);
      const gradient = multiply(phi, { rows: 90, cols: 1, data: likelihood.gradient(f).data }, { a: true });
      const move = solve(factor, { ...gradient, data: gradient.data.map((v, i) => v - u.data[i]!) });
      value =
        likelihood.logDensity(f) -
        0.5 * u.data.reduce((sum, v) => sum + v * v, 0) -
        0.5 * logDeterminant(factor);
      u = { ...u, data: u.data.map((v, i) => v + move.data[i]!) };
    }
    expect(evidence(scales, 1).value).toBeCloseTo(value, 9);
  });

  it("has the right gradient in the scales, in function space and in weight space", () => {
    const featuresAt = (s: Float64Array) =>
      featuresOf(
        kernel.with({
          "scale.0": { value: s.slice(0, 1), support: "positive" },
          "scale.2": { value: s.slice(1), support: "positive" },
        }),
      );
    const inWeights = evidenceOfWeightMode(featuresAt, x, mean, likelihood);
    expect(inWeights(scales, 1).value).toBeCloseTo(evidence(scales, 1).value, 8);
    for (const of of [evidence, inWeights]) {
      const { scaleGradient } = of(scales, 1);
      [0, 1].forEach((l) => {
        const h = 1e-4;
        const at = (e: number) =>
          of(
            scales.map((s, j) => (j === l ? s * Math.exp(e) : s)),
            1,
          ).value;
        // The mode is found to about 1e-10 of the value, over 2h.
        expect(scaleGradient[l]! * scales[l]!).toBeCloseTo((at(h) - at(-h)) / (2 * h), 5);
      });
    }
  });

  it("leaves a gradient that the prior balances, from any start", () => {
    const gram = kernel.gram(x);
    const mode = functionMode(gram, mean, likelihood);
    expectClose(mode.alpha.data, likelihood.gradient(mode.f).data, 1e-7);
    const far = functionMode(gram, mean, likelihood, randomMatrix(90, 1, "far"));
    expectClose(far.f.data, mode.f.data, 1e-7);
    expect(far.logEvidence).toBeCloseTo(mode.logEvidence, 8);
  });

  it("of Gaussian noise is the Gaussian process itself", () => {
    const y = randomMatrix(30, 3, "y");
    const noise = randomMatrix(90, 1, "noise").data.map(Math.exp);
    const mode = functionMode(kernel.gram(x), mean, gaussianLikelihood(y, noise));
    const covariance = kernel.gram(x);
    noise.forEach((v, k) => {
      covariance.data[k * 91]! += v;
    });
    const factor = cholesky(covariance);
    const r = matrix(
      90,
      1,
      y.data.map((v, k) => v - mean.data[k]!),
    );
    const alpha = solve(factor, r);
    expectClose(mode.alpha.data, alpha.data, 1e-9);
    const square = r.data.reduce((sum, v, k) => sum + v * alpha.data[k]!, 0);
    expect(mode.logEvidence).toBeCloseTo(
      -0.5 * (square + logDeterminant(factor) + 90 * Math.log(2 * Math.PI)),
      8,
    );
  });
});

describe("the search of a common scale", () => {
  // Evidence −log cosh(log s − peak): flat far away, its maximum known.
  const evidence = (peak: number) => (scales: Float64Array) => {
    const gap = Math.log(scales[0]!) - peak;
    return {
      value: -Math.log(Math.cosh(gap)),
      scaleGradient: Float64Array.of(-Math.tanh(gap) / scales[0]!),
      noiseGradient: 0,
    };
  };
  it("finds the maximum on either side, in a few evaluations, and stops at the ceiling", () => {
    for (const peak of [-9, -0.4, 0, 3, 6]) {
      let count = 0;
      const counted = (scales: Float64Array) => {
        count++;
        return evidence(peak)(scales);
      };
      const { scales } = fitCommonScale(counted, Float64Array.of(1), 1e4, 1e-6);
      expect(Math.log(scales[0]!)).toBeCloseTo(peak, 5);
      expect(count).toBeLessThan(20);
    }
    expect(fitCommonScale(evidence(20), Float64Array.of(1), 1e4, 1e-6).scales[0]).toBeCloseTo(1e4, 6);
    // A maximum at no signal at all ends where looking ends.
    expect(fitCommonScale(evidence(-90), Float64Array.of(1), 1e4, 1e-6).scales[0]).toBeCloseTo(
      Math.exp(-30),
      20,
    );
  });
});

describe("adaptClassifier", () => {
  it.each([
    ["three classes", three, threeLabels],
    ["two classes by one output", one, twoLabels],
  ] as const)("gives one answer in function space and in weight space: %s", (_name, net, labels) => {
    const points = randomMatrix(9, 2, "points");
    for (const scales of ["shared", "layer"] as const) {
      const [f, w] = (["function", "weight"] as const).map((space) =>
        adaptClassifier(net, { x, labels }, { space, scales, method: "laplace" }),
      );
      // The two searches end near the same optimum; the posterior of one kernel is the same to rounding.
      expect(w!.logEvidence).toBeCloseTo(f!.logEvidence, 2);
      const again = conditionClassifier(f!.kernel, { x, labels }, { space: "weight" });
      expect(again.logEvidence).toBeCloseTo(f!.logEvidence, 7);
      expectClose(again.process.at(points).mean.data, f!.process.at(points).mean.data, 1e-7);
      expectClose(again.process.at(points).variance.data, f!.process.at(points).variance.data, 1e-7);
      expectClose(again.process.at(points).covariance.data, f!.process.at(points).covariance.data, 1e-7);
      const [a, b] = [again, f!].map(({ process }) => (process as LatentProcess).blocks(points));
      expectClose(a!.covariance.data, b!.covariance.data, 1e-7);
      const o = net.outputs;
      const whole = f!.process.at(points).covariance;
      expectClose(
        b!.covariance.data,
        Array.from(b!.covariance.data, (_v, k) => {
          const row = Math.floor(k / o);
          return whole.data[row * whole.cols + row - (row % o) + (k % o)]!;
        }),
        1e-10,
      );
      expectClose(again.probabilities(points).data, f!.probabilities(points).data, 1e-7);
    }
  });

  it("learns labels the network did not know", () => {
    const before = three.at(x);
    const right = (p: Matrix) =>
      Array.from({ length: p.rows }, (_, i) => {
        const row = Array.from(p.data.subarray(i * p.cols, (i + 1) * p.cols));
        return row.indexOf(Math.max(...row)) === threeLabels[i];
      }).filter(Boolean).length;
    for (const options of [{}, { mean: "network" }, { mean: "constant" }] as const) {
      const { probabilities } = adaptClassifier(three, { x, labels: threeLabels }, options);
      expect(right(probabilities(x))).toBeGreaterThanOrEqual(27);
    }
    expect(right(before)).toBeLessThan(20);
  });

  it("pools the ways of meeting labels by how well each predicts labels left out", () => {
    const data = { x, labels: threeLabels };
    const pool = adaptClassifier(three, data);
    const value = (c: AdaptedClassifier) => logProbability(c.leaveOneOut!(), threeLabels);
    const parts = pool.parts!;
    const exponents = parts.map(({ exponent }) => exponent);
    expect(exponents).toEqual([...exponents].sort((a, b) => b - a));
    // No worse than the best of them on what was left out, but for the prior and the one even example.
    expect(value(pool)).toBeGreaterThan(Math.max(...parts.map((p) => value(p.classifier))) - 1);
    const points = randomMatrix(7, 2, "pool");
    const said = pool.probabilities(points);
    const told = parts.map((p) => p.classifier.probabilities(points).data);
    const kept = exponents.map((a) => (a >= 0.01 ? a : 0));
    for (let i = 0; i < 7; i++) {
      const powers = [0, 1, 2].map((c) =>
        kept.reduce((product, a, k) => product * told[k]![3 * i + c]! ** a, 1),
      );
      const whole = powers.reduce((sum, v) => sum + v, 0);
      for (let c = 0; c < 3; c++) expect(said.data[3 * i + c]!).toBeCloseTo(powers[c]! / whole, 10);
    }
    const [first] = parts;
    expect([pool.method, pool.kernel, pool.mean]).toEqual([
      "pool",
      first!.classifier.kernel,
      first!.classifier.mean,
    ]);
    const given = adaptClassifier(three, data, { mean: "network" }).parts!;
    expect(given.map((p) => p.classifier.mean)).toEqual(["network", "network"]);
    // No example can be taken out of an approximate covariance.
    const cheap = adaptClassifier(three, data, { approximation: "diagonal" });
    expect([cheap.method, cheap.leaveOneOut]).toEqual(["laplace", undefined]);
  });

  it("unless told all ways have one scale a layer, as the posterior expects it; of highest evidence where asked", () => {
    const data = { x: rowRange(x, 0, 8), labels: threeLabels.subarray(0, 8) };
    const scalesOf = (c: AdaptedClassifier) =>
      new Set(c.parts!.map(({ classifier: { kernel } }) => kernel.scales));
    const pool = adaptClassifier(three, data);
    expect(scalesOf(pool)).toEqual(new Set(["layer"]));
    const laplace = pool.parts!.find(({ classifier: c }) => c.method === "laplace" && c.mean === "network")!;
    const alone = adaptClassifier(three, data, { method: "laplace" });
    expectClose(laplace.classifier.probabilities(x).data, alone.probabilities(x).data, 1e-9);
    const likeliest = adaptClassifier(three, data, { method: "laplace", scales: "layer" });
    expect(likeliest.logEvidence).toBeGreaterThan(alone.logEvidence);
    for (const scales of ["shared", "layer"] as const) {
      expect(scalesOf(adaptClassifier(three, data, { scales }))).toEqual(new Set([scales]));
      const prepared = prepare(three, data.x, { scales }).adaptClassifier(data.labels);
      expect(scalesOf(prepared)).toEqual(new Set([scales]));
    }
    const cheap = adaptClassifier(three, data, { approximation: "diagonal" });
    expect(cheap.kernel.scales).toBe("shared");
  });

  it("of more labels fits the scales of labels as numbers to a thousand values", () => {
    const many = randomMatrix(400, 2, "many labels");
    const labels = Array.from({ length: 400 }, (_, i) =>
      many.data[2 * i]! > 0 ? 1 : many.data[2 * i + 1]! > 0 ? 2 : 0,
    );
    const found = adaptClassifier(three, { x: many, labels }, { method: "regression", space: "function" });
    expect(found.kernel.scales).toBe("layer");
    // As far as a thousand values and the lot tell the same.
    const whole = adaptClassifier(
      three,
      { x: many, labels },
      { method: "regression", space: "function", scales: "layer" },
    );
    expect(Math.abs(Math.log(found.noiseVariance! / whole.noiseVariance!))).toBeLessThan(0.2);
    // Of three values an example 333 examples, drawn as the sample is: their own scales.
    const drawn = permutation(key(0), 400).subarray(0, 333).sort();
    const some = adaptClassifier(
      three,
      { x: takeRows(many, drawn), labels: Array.from(drawn, (i) => labels[i]!) },
      { method: "regression", space: "function" },
    );
    expectClose(found.kernel.layerScales, some.kernel.layerScales, 1e-9);
  });

  it.each(["function", "weight"] as const)("draws functions from the posterior in %s space", (space) => {
    const { process } = conditionClassifier(tangentKernel(three), { x, labels: threeLabels }, { space });
    const points = randomMatrix(3, 2, "points");
    const draws = process.sample(key(2), 1500).map((f) => f.at(points).data);
    const at = process.at(points);
    for (let i = 0; i < 9; i++) {
      const mean = draws.reduce((sum, v) => sum + v[i]!, 0) / draws.length;
      const variance = draws.reduce((sum, v) => sum + (v[i]! - mean) ** 2, 0) / draws.length;
      // Five standard errors.
      expect(Math.abs(mean - at.mean.data[i]!)).toBeLessThan(
        5 * Math.sqrt(at.variance.data[i]! / draws.length),
      );
      expect(Math.abs(variance / at.variance.data[i]! - 1)).toBeLessThan(5 * Math.sqrt(2 / draws.length));
    }
  });

  it("says what does not fit", () => {
    expect(() => adaptClassifier(three, { x, labels: [0, 1] })).toThrow(ShapeError);
    expect(() => adaptClassifier(three, { x: rowRange(x, 0, 2), labels: [0, 3] })).toThrow(
      /class numbers from 0 to 2/,
    );
    expect(() => adaptClassifier(one, { x: rowRange(x, 0, 2), labels: [0, 2] })).toThrow(UsageError);
    expect(() => adaptClassifier(one, { x: rowRange(x, 0, 0), labels: [] })).toThrow(UsageError);
  });
});

describe("probabilities of uncertain logits", () => {
  it("are the softmax where nothing is uncertain, add to 1, and ignore what moves all logits", () => {
    const mean = randomMatrix(5, 4, "mean");
    const half = randomMatrix(4, 4, "half");
    const cov = multiply(half, half, { b: true });
    const stacked = (c: Matrix) =>
      matrix(
        20,
        4,
        Float64Array.from({ length: 80 }, (_, k) => c.data[k % 16]!),
      );
    const certain = probitProbabilities({ mean, covariance: matrix(20, 4) });
    for (let i = 0; i < 5; i++) {
      const e = Array.from({ length: 4 }, (_, j) => Math.exp(mean.data[4 * i + j]!));
      const total = e.reduce((a, b) => a + b, 0);
      expectClose(
        certain.data.slice(4 * i, 4 * i + 4),
        e.map((v) => v / total),
        1e-12,
      );
    }
    const probit = probitProbabilities({ mean, covariance: stacked(cov) });
    const common = { ...cov, data: cov.data.map((v) => v + 7) };
    expectClose(probitProbabilities({ mean, covariance: stacked(common) }).data, probit.data, 1e-12);
    const sampled = sampledProbabilities({ mean, covariance: stacked(cov) }, 40_000, key(1));
    for (const p of [probit, sampled]) {
      for (let i = 0; i < 5; i++) {
        expect(p.data.slice(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      }
    }
    const worst = (p: Matrix) => Math.max(...p.data.map((v, k) => Math.abs(v - sampled.data[k]!)));
    // The formula is an approximation, at variances up to 5 still far closer than to ignore them.
    expect(worst(probit)).toBeLessThan(0.08);
    expect(worst(probit)).toBeLessThan(worst(certain) / 3);
  });

  it("by drawing equal quadrature for two classes", () => {
    const [m, v] = [0.8, 2.5];
    // ∫ σ(f) N(f; m, v) df by the trapezium rule, which is exact to rounding here.
    let exact = 0;
    for (let z = -12; z <= 12; z += 0.01) {
      exact +=
        (0.01 * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI) / (1 + Math.exp(-(m + Math.sqrt(v) * z)));
    }
    const logits = { mean: matrix(1, 1, Float64Array.of(m)), covariance: identity(1, v) };
    // Standard error below 0.3 / √200,000.
    expect(sampledProbabilities(logits, 200_000, key(3)).data[1]).toBeCloseTo(exact, 2);
    expect(probitProbabilities(logits).data[1]).toBeCloseTo(exact, 1);
  });
});
