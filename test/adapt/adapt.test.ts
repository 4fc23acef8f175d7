import { describe, expect, it } from "vitest";
import { adapt, conditionInWeightSpace, conditionTangent, scores } from "../../src/adapt/index.ts";
import { evidenceOfFeatures, evidenceOfShares } from "../../src/adapt/layer-scales.ts";
import { noiseSearch, type ScaleEvidence } from "../../src/adapt/scale-search.ts";
import {
  fitSharedScale,
  spectralEvidence,
  spectrumOfFeatures,
  spectrumOfGram,
} from "../../src/adapt/shared-scale.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { columnVector, dot, eigh, gramOf, matrix, multiply, rowRange } from "../../src/linalg/index.ts";
import { activations, dense, network } from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { jacobian, tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { goldenNetwork } from "../support/networks.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("adapt");
const net = goldenNetwork(g);
const [x, y, z] = [rows(g.x), columnVector(g.y), rows(g.z)];

/** The golden file's kernel with the scales it was made with. */
function goldenKernel(which: "one_scale" | "layer_scales") {
  const scales: number[] = g[which].scales;
  const kernel = tangentKernel(net, { scales: which === "one_scale" ? "shared" : "layer" });
  const names = Object.keys(kernel.parameters);
  return kernel.with(
    Object.fromEntries(
      names.map((name, l) => [name, { value: Float64Array.of(scales[l]!), support: "positive" as const }]),
    ),
  );
}

describe.each(["one_scale", "layer_scales"] as const)(
  "the adapted posterior equals PyTorch and SciPy's (%s)",
  (which) => {
    const expected = g[which];
    const data = { x, y, noiseVariance: expected.noise_variance };
    it.each(["function", "weight"] as const)(
      "in %s space: evidence, mean, covariance, leave-one-out",
      (space) => {
        const { process } = conditionTangent(goldenKernel(which), data, { space });
        // The golden script's own two routes agree to 1e-9.
        expect(process.logEvidence).toBeCloseTo(expected.log_marginal_likelihood, 8);
        expectClose(process.at(z).mean.data, expected.posterior_mean, 1e-9);
        expectClose(process.at(z).covariance.data, expected.posterior_covariance.flat(), 1e-9);
        expectClose(
          process.at(z).variance.data,
          expected.posterior_covariance.map((row: number[], i: number) => row[i]),
          1e-9,
        );
        const loo = process.leaveOneOut();
        expectClose(loo.mean.data, expected.leave_one_out_mean, 1e-8);
        expectClose(loo.variance.data, expected.leave_one_out_variance, 1e-8);
      },
    );
  },
);

/** Our derivatives against central differences, in the logarithms. */
function expectGradient(evidence: ScaleEvidence, scales: Float64Array, noise: number): void {
  const at = evidence(scales, noise);
  const h = 1e-5;
  const slope = (f: (factor: number) => number) => (f(Math.exp(h)) - f(Math.exp(-h))) / (2 * h);
  scales.forEach((s, l) => {
    const moved = slope(
      (q) =>
        evidence(
          scales.map((v, i) => (i === l ? v * q : v)),
          noise,
        ).value,
    );
    // Differences err by h² and by rounding of the value over h: about 1e-8 of the value.
    expect(Math.abs(at.scaleGradient[l]! * s - moved)).toBeLessThan(1e-7 * Math.max(10, Math.abs(at.value)));
  });
  const inNoise = slope((q) => evidence(scales, noise * q).value);
  expect(Math.abs(at.noiseGradient * noise - inNoise)).toBeLessThan(1e-7 * Math.max(10, Math.abs(at.value)));
}

describe("marginal likelihood of scales and noise", () => {
  const residual = matrix(
    10,
    1,
    y.data.map((v, i) => v - g.network_at_x[i]),
  );
  const kernel = tangentKernel(net);
  const j = jacobian(net, x);

  it("golden value and gradient, one scale (spectrum) and one a layer", () => {
    const one = spectralEvidence(spectrumOfGram(eigh(kernel.gram(x)), residual));
    const [s, noise] = [g.one_scale.scales[0], g.one_scale.noise_variance];
    const at = one(Float64Array.of(s), noise);
    expect(at.value).toBeCloseTo(g.one_scale.log_marginal_likelihood, 9);
    expect(at.scaleGradient[0]! * s).toBeCloseTo(g.one_scale.gradient_log_scales[0], 8);
    expect(at.noiseGradient * noise).toBeCloseTo(g.one_scale.gradient_log_noise, 8);
    const layers = evidenceOfShares(kernel.shares(x), residual);
    const scales = Float64Array.from(g.layer_scales.scales);
    const per = layers(scales, g.layer_scales.noise_variance);
    expect(per.value).toBeCloseTo(g.layer_scales.log_marginal_likelihood, 9);
    expectClose(
      per.scaleGradient.map((v, l) => v * scales[l]!),
      g.layer_scales.gradient_log_scales,
      1e-9,
    );
    expect(per.noiseGradient * g.layer_scales.noise_variance).toBeCloseTo(
      g.layer_scales.gradient_log_noise,
      8,
    );
  });

  it("is the same from the Gram matrix and from the features, with right gradients", () => {
    const tall = randomMatrix(40, 5, "tall");
    const r = randomMatrix(40, 1, "r");
    const moments = {
      squares: gramOf(tall, true),
      projected: multiply(tall, r, { a: true }),
      total: dot(r.data, r.data),
      count: 40,
    };
    const gram = spectralEvidence(spectrumOfGram(eigh(gramOf(tall)), r));
    const features = spectralEvidence(spectrumOfFeatures(eigh(moments.squares), moments.projected, r));
    const shared = Float64Array.of(0.7);
    expect(features(shared, 0.3).value).toBeCloseTo(gram(shared, 0.3).value, 9);
    expectGradient(gram, shared, 0.3);
    expectGradient(features, shared, 0.3);
    // Two layers: the first two columns and the last three.
    const split = [0, 2, 5].slice(0, 2).map((from, l) => {
      const part = matrix(40, l === 0 ? 2 : 3);
      for (let i = 0; i < 40; i++)
        for (let c = 0; c < part.cols; c++) part.data[i * part.cols + c] = tall.data[i * 5 + from + c]!;
      return gramOf(part);
    });
    const shares = evidenceOfShares(split, r);
    const layered = evidenceOfFeatures(moments, [2, 3]);
    const scales = Float64Array.of(0.4, 2.5);
    expect(layered(scales, 0.3).value).toBeCloseTo(shares(scales, 0.3).value, 9);
    expectClose(layered(scales, 0.3).scaleGradient, shares(scales, 0.3).scaleGradient, 1e-9);
    expectGradient(shares, scales, 0.3);
    expectGradient(layered, scales, 0.3);
  });

  it("is a direct normal density", () => {
    const noise = 0.05;
    const direct = conditionTangent(kernel, { x, y, noiseVariance: noise }, { space: "function" });
    // N(y; net(x), J Jᵀ + σ² I) by the eigenvalues of the explicit matrix.
    const k = gramOf(j);
    const s = spectrumOfGram(eigh(k), residual);
    const value = s.values.reduce(
      (sum, v, i) => sum - 0.5 * (Math.log(2 * Math.PI * (v + noise)) + s.squares[i]! / (v + noise)),
      0,
    );
    expect(direct.logEvidence).toBeCloseTo(value, 9);
  });

  it("finds a maximum: nothing near it is better", () => {
    const spectrum = spectrumOfGram(eigh(kernel.gram(x)), residual);
    const found = fitSharedScale(spectrum, noiseSearch(residual, y, undefined));
    const evidence = spectralEvidence(spectrum);
    for (const a of [0.5, 0.9, 1, 1.1, 2]) {
      for (const b of [0.5, 0.9, 1, 1.1, 2]) {
        const near = evidence(
          found.scales.map((s) => a * s),
          b * found.noiseVariance,
        ).value;
        expect(near).toBeLessThanOrEqual(found.logEvidence + 1e-9);
      }
    }
  });
});

describe("adapt", () => {
  const wide = network({
    inputShape: [2],
    layers: [dense(5), activations.tanh!(), dense(2)],
    seed: 8,
    precision: "f64",
  });
  const many = randomMatrix(60, 2, "many"); // 120 values, 27 parameters
  const targets = {
    rows: 60,
    cols: 2,
    data: wide
      .at(many)
      .data.map((v, i) => v + 0.5 * Math.sin(3 * many.data[i]!) + 0.1 * randomMatrix(60, 2, "e").data[i]!),
  };

  it.each(["shared", "layer"] as const)(
    "chooses the space by size and gives one answer in both, two outputs (%s)",
    (scales) => {
      const auto = adapt(wide, { x: many, y: targets }, { scales });
      expect(auto.space).toBe("weight");
      expect(adapt(wide, { x: rowRange(many, 0, 13), y: rowRange(targets, 0, 13) }, { scales }).space).toBe(
        "function",
      );
      const other = conditionTangent(
        auto.kernel,
        { x: many, y: targets, noiseVariance: auto.noiseVariance },
        { space: "function" },
      ).process;
      const points = randomMatrix(9, 2, "points");
      const [a, b] = [auto.process.at(points), other.at(points)];
      expectClose(a.mean.data, b.mean.data, 1e-8);
      expectClose(a.variance.data, b.variance.data, 1e-8);
      expectClose(a.covariance.data, b.covariance.data, 1e-8);
      expect(auto.logEvidence).toBeCloseTo(other.logEvidence, 6);
      const [l, m] = [auto.process.leaveOneOut(), other.leaveOneOut()];
      expectClose(l.mean.data, m.mean.data, 1e-8);
      expectClose(l.variance.data, m.variance.data, 1e-8);
      expect(l.logDensity).toBeCloseTo(m.logDensity, 6);
      // The fit itself is the same too, as far as the optimum is sharp.
      const fitted = adapt(wide, { x: many, y: targets }, { scales, space: "function" });
      expect(fitted.logEvidence).toBeCloseTo(auto.logEvidence, 4);
    },
  );

  it("one scale a layer is never worse in evidence than one for all", () => {
    const data = { x: many, y: targets };
    const [shared, layer] = [adapt(wide, data), adapt(wide, data, { scales: "layer" })];
    expect(layer.logEvidence).toBeGreaterThanOrEqual(shared.logEvidence - 1e-9);
  });

  it("leave-one-out of several outputs equals refits, in both spaces", () => {
    const part = { x: rowRange(many, 0, 8), y: rowRange(targets, 0, 8) };
    for (const space of ["function", "weight"] as const) {
      const { kernel, noiseVariance, process } = adapt(wide, part, { space });
      const loo = process.leaveOneOut();
      const rest = { x: rowRange(many, 1, 8), y: rowRange(targets, 1, 8), noiseVariance };
      const refit = conditionTangent(kernel, rest, { space }).process.observed(rowRange(many, 0, 1));
      expectClose(loo.mean.data.slice(0, 2), refit.mean.data, 1e-9);
      expectClose(loo.variance.data.slice(0, 2), refit.variance.data, 1e-9);
    }
  });

  it("conditions further in weight space as all at once", () => {
    const { kernel } = adapt(wide, { x: many, y: targets });
    const part = (a: number, b: number, noiseVariance: number) => ({
      x: rowRange(many, a, b),
      y: rowRange(targets, a, b),
      noiseVariance,
    });
    const twice = conditionInWeightSpace(kernel, wide, [part(0, 20, 0.1)]).condition(part(20, 60, 0.4));
    const exact = conditionTangent(kernel, part(0, 20, 0.1), { space: "function" }).process.condition(
      part(20, 60, 0.4),
    );
    const points = randomMatrix(5, 2, "points");
    expectClose(twice.at(points).covariance.data, exact.at(points).covariance.data, 1e-8);
    expectClose(twice.at(points).mean.data, exact.at(points).mean.data, 1e-8);
    expect(twice.logEvidence).toBeCloseTo(exact.logEvidence, 6);
    expectClose(twice.leaveOneOut().variance.data, exact.leaveOneOut().variance.data, 1e-8);
  });

  it.each(["function", "weight"] as const)("draws functions from the posterior in %s space", (space) => {
    const { process } = adapt(wide, { x: rowRange(many, 0, 12), y: rowRange(targets, 0, 12) }, { space });
    const points = randomMatrix(3, 2, "points");
    const draws = process.sample(key(2), 1500).map((f) => f.at(points).data);
    const at = process.at(points);
    for (let i = 0; i < 6; i++) {
      const mean = draws.reduce((sum, v) => sum + v[i]!, 0) / draws.length;
      const variance = draws.reduce((sum, v) => sum + (v[i]! - mean) ** 2, 0) / draws.length;
      // Five standard errors.
      expect(Math.abs(mean - at.mean.data[i]!)).toBeLessThan(
        5 * Math.sqrt(at.variance.data[i]! / draws.length),
      );
      expect(Math.abs(variance / at.variance.data[i]! - 1)).toBeLessThan(5 * Math.sqrt(2 / draws.length));
    }
  });

  it("interpolates as the noise vanishes, and trusts the network where there is nothing new", () => {
    const few = { x: rowRange(many, 0, 6), y: rowRange(targets, 0, 6) };
    const { process } = adapt(wide, few, { noiseVariance: 1e-10 });
    expectClose(process.at(few.x).mean.data, few.y.data, 1e-5);
    const same = adapt(wide, { x: few.x, y: wide.at(few.x) });
    expectClose(same.process.at(many).mean.data, wide.at(many).data, 1e-6);
  });

  it("works from one example, and in f32", () => {
    const single = network({ inputShape: [2], layers: [dense(8), activations.relu!(), dense(1)], seed: 1 });
    const { process } = adapt(single, { x: randomMatrix(1, 2, "x"), y: columnVector([3]) });
    expect(process.at(many).variance.data.every((v) => v >= 0)).toBe(true);
    const both = (["function", "weight"] as const).map((space) =>
      conditionTangent(
        tangentKernel(single),
        { x: many, y: rowRange({ ...targets, cols: 1, rows: 120 }, 0, 60), noiseVariance: 0.1 },
        { space },
      ).process.at(many),
    );
    // The Jacobian is the same f32 numbers in both; only the mean's own passes differ, at single precision.
    expectClose(both[0]!.variance.data, both[1]!.variance.data, 1e-7);
    expectClose(both[0]!.mean.data, both[1]!.mean.data, 1e-4);
  });

  it("falls back to the mean that was asked for, in both spaces alike", () => {
    const part = { x: rowRange(many, 0, 13), y: rowRange(targets, 0, 13) };
    const spaces = ["function", "weight"] as const;
    const [f, w] = spaces.map((space) => adapt(wide, part, { mean: "constant", space, noiseVariance: 0.01 }));
    const points = randomMatrix(9, 2, "points");
    expectClose(f!.process.at(points).mean.data, w!.process.at(points).mean.data, 1e-8);
    expectClose(f!.process.at(points).covariance.data, w!.process.at(points).covariance.data, 1e-8);
    // With noise that drowns the data, what is left is the mean of y.
    const means = [0, 1].map((c) =>
      part.y.data.filter((_, i) => i % 2 === c).reduce((sum, v) => sum + v / 13, 0),
    );
    for (const space of spaces) {
      const data = { ...part, noiseVariance: 1e12 };
      const { process } = conditionTangent(tangentKernel(wide), data, { space, mean: "constant" });
      expectClose(process.at(rowRange(points, 0, 1)).mean.data, means, 1e-8);
    }
  });

  it("scores predictions", () => {
    const { process } = adapt(wide, { x: many, y: targets });
    const s = scores(process.observed(many), targets);
    const at = process.observed(many);
    const brute =
      targets.data.filter(
        (v, i) => Math.abs(v - at.mean.data[i]!) < 1.959964 * Math.sqrt(at.variance.data[i]!),
      ).length / 120;
    expect(s.coverage95).toBe(brute);
    expect(s.rmse).toBeGreaterThan(0);
    expect(s.nlpd).toBeCloseTo(-at.logDensities(targets).data.reduce((a, b) => a + b, 0) / 120, 12);
  });

  it("says what does not fit", () => {
    expect(() => adapt(wide, { x: randomMatrix(3, 3, "x"), y: randomMatrix(3, 2, "y") })).toThrow(ShapeError);
    expect(() => adapt(wide, { x: rowRange(many, 0, 3), y: randomMatrix(3, 1, "y") })).toThrow(ShapeError);
    expect(() => adapt(wide, { x: rowRange(many, 0, 0), y: rowRange(targets, 0, 0) })).toThrow(
      "no observations",
    );
    expect(() => adapt(wide, { x: many, y: targets }, { noiseVariance: 0 })).toThrow(UsageError);
  });
});
