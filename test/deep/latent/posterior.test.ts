import { describe, expect, it } from "vitest";
import {
  inferLatents,
  type LatentModel,
  type Latents,
  latentBound,
  latentPosterior,
  seenValues,
} from "../../../src/deep/latent/index.ts";
import { inducingFactor } from "../../../src/deep/latent/latent-bound.ts";
import { rbf } from "../../../src/kernels/index.ts";
import {
  add,
  cholesky,
  identity,
  type Matrix,
  matrix,
  multiply,
  scale,
  solve,
  stackRows,
} from "../../../src/linalg/index.ts";
import { key, normal, split, uniform } from "../../../src/random/index.ts";

const root = key(11);
const [n, m, q, d] = [10, 6, 2, 3];
const draw = (name: string, rows: number, cols: number) =>
  matrix(rows, cols, normal(split(root, name), rows * cols));
const kernel = rbf({ lengthscale: [0.9, 1.5], variance: 1.2 });
const noiseVariance = 0.1;
const y = draw("y", n, d);
const gaps = matrix(
  n,
  d,
  y.data.map((v, k) => (k % 7 === 2 ? Number.NaN : v)),
);
const model: LatentModel = {
  levels: [
    {
      mean: draw("x", n, q),
      variance: matrix(n, q, uniform(split(root, "variance"), n * q)),
    },
  ],
  views: [{ kernel, inducing: draw("z", m, q), noiseVariance, jitter: 1e-6 }],
  links: [],
};
const certain = (mean: Matrix): Latents => ({ mean, variance: matrix(mean.rows, mean.cols) });
const certainModel = { ...model, levels: [certain(model.levels[0]!.mean)] };

describe("a view given the data", () => {
  it("predicts as SGPR's equations say where all latents are certain, columns with gaps too", () => {
    // Without the divergence the bound is not asked for here: variances of 0 have none.
    const seen = seenValues(gaps, "y", true);
    const tiny = {
      mean: certainModel.levels[0]!.mean,
      variance: matrix(n, q, new Float64Array(n * q).fill(1e-14)),
    };
    const view = latentPosterior({ ...model, levels: [tiny] }, ["y"], [seen]).view("y");
    const at = draw("new", 5, q);
    const found = view.at(certain(at));
    const z = model.views[0]!.inducing;
    const kzz = add(kernel.gram(z), identity(m, 1e-6 * 1.2));
    const ks = kernel.cross(at, z);
    for (let c = 0; c < d; c++) {
      const rows = Array.from({ length: n }, (_, i) => i).filter((i) => !Number.isNaN(gaps.data[i * d + c]!));
      const x = stackRows(rows.map((i) => matrix(1, q, tiny.mean.data.slice(i * q, i * q + q))));
      const kzx = kernel.cross(z, x);
      const values = matrix(
        rows.length,
        1,
        Float64Array.from(rows, (i) => gaps.data[i * d + c]! - seen.centre[c]!),
      );
      // Titsias (2009), equation 6: Σ = (K + σ⁻² Kzx Kxz)⁻¹.
      const sigma = cholesky(add(kzz, scale(multiply(kzx, kzx, { b: true }), 1 / noiseVariance)));
      const mean = multiply(ks, scale(solve(sigma, multiply(kzx, values)), 1 / noiseVariance));
      const prior = solve(cholesky(kzz), kernel.cross(z, at));
      const left = solve(sigma, kernel.cross(z, at));
      for (let i = 0; i < at.rows; i++) {
        expect(found.mean.data[i * d + c]).toBeCloseTo(mean.data[i]! + seen.centre[c]!, 8);
        let variance = 1.2;
        for (let k = 0; k < m; k++) {
          variance += ks.data[i * m + k]! * (left.data[k * at.rows + i]! - prior.data[k * at.rows + i]!);
        }
        expect(found.variance.data[i * d + c]).toBeCloseTo(variance, 7);
      }
    }
  });

  const posterior = latentPosterior(model, ["y"], [seenValues(gaps, "y", true)]);
  const view = posterior.view("y");

  it("averages over uncertain latents, as 20,000 draws of them do", () => {
    const count = 20000;
    const latents = { mean: draw("one", 1, q), variance: matrix(1, q, Float64Array.of(0.3, 0.5)) };
    const { mean, variance } = view.at(latents);
    const u = normal(split(root, "draws"), count * q);
    const x = matrix(
      count,
      q,
      u.map((v, k) => latents.mean.data[k % q]! + Math.sqrt(latents.variance.data[k % q]!) * v),
    );
    const each = view.at(certain(x));
    for (let c = 0; c < d; c++) {
      let [first, second] = [0, 0];
      for (let i = 0; i < count; i++) {
        first += each.mean.data[i * d + c]! / count;
        second += (each.mean.data[i * d + c]! ** 2 + each.variance.data[i * d + c]!) / count;
      }
      // Five standard errors of means of values of sd about 1.
      expect(Math.abs(mean.data[c]! - first)).toBeLessThan(0.035);
      expect(Math.abs(variance.data[c]! - (second - first ** 2))).toBeLessThan(0.07);
    }
  });

  it("draws functions with its means and variances", () => {
    const at = draw("places", 4, q);
    const count = 150;
    const draws = posterior.sample("y", split(root, "functions"), count).map((f) => f.at(at).data);
    const { mean, variance } = view.at(certain(at));
    mean.data.forEach((expected, k) => {
      const values = draws.map((f) => f[k]!);
      const average = values.reduce((a, b) => a + b, 0) / count;
      const spread = values.reduce((a, b) => a + (b - average) ** 2, 0) / count;
      const v = variance.data[k]!;
      // Five standard errors; paths of finitely many features have the kernel's variance to a few per cent.
      expect(Math.abs(average - expected)).toBeLessThan(5 * Math.sqrt(v / count) + 0.01);
      expect(Math.abs(spread - v)).toBeLessThan(5 * v * Math.sqrt(2 / count) + 0.05);
    });
  });
});

describe("the latents of a new row", () => {
  it("are where the bound of the data with that row is largest, q(u) kept", () => {
    // A grid over means of one dimension, everything else as found: no place is better than the one found.
    const posterior = latentPosterior(model, ["y"], [seenValues(y, "y", false)]);
    const row = { y: matrix(1, d, y.data.slice(0, d)) };
    const found = inferLatents(posterior, row);
    const view = posterior.view("y");
    const value = (latents: Latents) => {
      // E log p(y | f) = Σ log N(y; mean, σ²) − variance / 2σ², less the divergence.
      const { mean, variance } = view.at(latents);
      let sum = 0;
      for (let c = 0; c < d; c++) {
        const error = row.y.data[c]! - mean.data[c]!;
        sum -= (error ** 2 + variance.data[c]!) / (2 * noiseVariance);
      }
      latents.mean.data.forEach((v, k) => {
        const s = latents.variance.data[k]!;
        sum -= 0.5 * (v * v + s - Math.log(s) - 1);
      });
      return sum;
    };
    const best = value(found);
    for (const move of [-1, -0.1, -0.01, 0.01, 0.1, 1]) {
      for (let k = 0; k < q; k++) {
        const mean = matrix(
          1,
          q,
          found.mean.data.map((v, i) => (i === k ? v + move : v)),
        );
        const variance = matrix(
          1,
          q,
          found.variance.data.map((v, i) => (i === k ? v * Math.exp(move) : v)),
        );
        // The search stops where a step gains less than 1e-8.
        expect(value({ ...found, mean })).toBeLessThan(best + 1e-6);
        expect(value({ ...found, variance })).toBeLessThan(best + 1e-6);
      }
    }
  });

  it("are refused where nothing was seen", () => {
    const posterior = latentPosterior(model, ["y"], [seenValues(y, "y", false)]);
    const nothing = matrix(1, d, new Float64Array(d).fill(Number.NaN));
    expect(() => inferLatents(posterior, { y: nothing })).toThrow(/nothing was seen of row 0/);
    expect(() => inferLatents(posterior, { z: nothing })).toThrow(/no view "z"; there are y/);
  });
});

it("jitter is a share of the kernel's variance", () => {
  const { lower } = inducingFactor(model.views[0]!);
  // The first diagonal entry of K is L₀₀².
  expect(lower.data[0]! ** 2).toBeCloseTo(1.2 * (1 + 1e-6), 12);
  expect(Number.isFinite(latentBound(model, [seenValues(y, "y", false)]).value)).toBe(true);
});
