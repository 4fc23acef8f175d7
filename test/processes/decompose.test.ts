import { describe, expect, it } from "vitest";
import { constant, linear, periodic, rbf, sum, white } from "../../src/kernels/index.ts";
import { add, type Matrix, matrix, subtract } from "../../src/linalg/index.ts";
import { decompose, gp, linearMean } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const trend = rbf({ lengthscale: 3, variance: 2 });
const season = periodic({ period: 1, lengthscale: 0.8, variance: 0.5 });
const x = matrix(
  40,
  1,
  Float64Array.from({ length: 40 }, (_, i) => i / 8),
);
const z = randomMatrix(6, 1, "decompose.z");
const mean = linearMean(1).startAt!(x, { ...x, data: x.data.map((v) => 3 + 2 * v) });
const y = { ...x, data: x.data.map((v) => 3 + 2 * v + Math.sin(v) + 0.7 * Math.sin(2 * Math.PI * v)) };

describe("a sum taken apart", () => {
  const posterior = gp(sum(trend, season), { mean }).condition({ x, y, noiseVariance: 1e-4 });
  const { mean: expected, parts } = decompose(posterior);
  const [ofTrend, ofSeason] = [parts[0]!, parts[1]!];

  it("has means that add up, with the mean function, to the whole", () => {
    const total = [expected.at(z), ...parts.map((p) => p.at(z).mean)].reduce((a, b) => add(a, b));
    expectClose(total.data, posterior.at(z).mean.data, 1e-11);
    expect(parts.map((p) => p.kernel)).toEqual((posterior.prior.kernel as ReturnType<typeof sum>).terms);
  });

  it("finds the trend and the season that made the data, up to a shift between them", () => {
    const inside = matrix(
      20,
      1,
      Float64Array.from({ length: 20 }, (_, i) => 1 + i / 7),
    );
    const error = (found: Matrix, truth: (v: number) => number) => {
      const gaps = found.data.map((v, i) => v - truth(inside.data[i]!));
      const shift = gaps.reduce((a, b) => a + b, 0) / gaps.length;
      return Math.max(...gaps.map((g) => Math.abs(g - shift)));
    };
    expect(error(ofTrend.at(inside).mean, Math.sin)).toBeLessThan(0.02);
    expect(error(ofSeason.at(inside).mean, (v) => 0.7 * Math.sin(2 * Math.PI * v))).toBeLessThan(0.02);
  });

  it("has the conditional covariances of the joint Gaussian of (trend, season, data)", () => {
    // Two processes side by side: cov(trend) + cov(season) + 2 cov(trend, season) is the whole's.
    const whole = posterior.at(z).covariance;
    const [a, b] = [ofTrend.at(z).covariance, ofSeason.at(z).covariance];
    const crossed = crossCovariance(posterior.solution.factor.lower, trend.cross(z, x), season.cross(z, x));
    const total = a.data.map((v, k) => {
      const [i, j] = [Math.floor(k / 6), k % 6];
      return v + b.data[k]! + crossed[i * 6 + j]! + crossed[j * 6 + i]!;
    });
    expectClose(total, whole.data, 1e-9);
    expectClose(
      ofTrend.at(z).variance.data,
      a.data.filter((_, k) => k % 7 === 0),
      1e-10,
    );
  });

  it("has samples that add up to the whole's of the same key, and the parts' moments", () => {
    const wholes = posterior.sample(key(2), 3);
    const drawn = parts.map((p) => p.sample(key(2), 3));
    wholes.forEach((whole, s) => {
      const total = drawn.map((paths) => paths[s]!.at(z)).reduce((a, b) => add(a, b), expected.at(z));
      expectClose(total.data, whole.at(z).data, 1e-10);
    });
    const count = 400;
    const values = ofSeason.sample(key(3), count).map((path) => path.at(z).data);
    const { mean: m, variance: v } = ofSeason.at(z);
    for (let i = 0; i < 6; i++) {
      const average = values.reduce((s, d) => s + d[i]!, 0) / count;
      const spread = values.reduce((s, d) => s + (d[i]! - average) ** 2, 0) / count;
      // Five standard errors of a mean and of a variance over 400 draws.
      expect(Math.abs(average - m.data[i]!)).toBeLessThan(5 * Math.sqrt(v.data[i]! / count));
      expect(Math.abs(spread / v.data[i]! - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    }
  });
});

describe("other kernels taken apart", () => {
  it("one that is no sum is its own only part", () => {
    const posterior = gp(trend, { mean }).condition({ x, y, noiseVariance: 0.1 });
    const { parts, mean: expected } = decompose(posterior);
    expect(parts).toHaveLength(1);
    expectClose(subtract(posterior.at(z).mean, expected.at(z)).data, parts[0]!.at(z).mean.data, 1e-11);
    expectClose(posterior.at(z).covariance.data, parts[0]!.at(z).covariance.data, 1e-11);
    const [whole] = posterior.sample(key(1), 1);
    const [part] = parts[0]!.sample(key(1), 1);
    expectClose(whole!.at(z).data, add(part!.at(z), expected.at(z)).data, 1e-11);
  });

  it("noise in the kernel says nothing of new points", () => {
    const posterior = gp(sum(constant(), linear(), white({ variance: 0.3 }))).condition({
      x,
      y,
      noiseVariance: 0,
    });
    const noise = decompose(posterior).parts[2]!.at(z);
    expect([...noise.mean.data]).toEqual([0, 0, 0, 0, 0, 0]);
    noise.variance.data.forEach((v) => {
      expect(v).toBeCloseTo(0.3, 14);
    });
  });

  it("of several outputs", () => {
    const kernel = sum(twoOutputs(), twoOutputs());
    const posterior = gp(kernel).condition({ x: z, y: randomMatrix(6, 2, "y"), noiseVariance: 0.1 });
    const at = randomMatrix(3, 1, "two");
    const { parts } = decompose(posterior);
    // Two terms alike share evenly.
    for (const part of parts) {
      expectClose(
        part.at(at).mean.data,
        posterior.at(at).mean.data.map((v) => v / 2),
        1e-11,
      );
    }
  });
});

/** −k_a(Z, X) A⁻¹ k_b(X, Z) from the factor of A, by substitution written out. */
function crossCovariance(lower: Matrix, a: Matrix, b: Matrix): Float64Array {
  const n = lower.rows;
  const white = (row: Float64Array) => {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = row[i]!;
      for (let j = 0; j < i; j++) sum -= lower.data[i * n + j]! * out[j]!;
      out[i] = sum / lower.data[i * n + i]!;
    }
    return out;
  };
  const rows = (m: Matrix) =>
    Array.from({ length: m.rows }, (_, i) => white(m.data.subarray(i * n, (i + 1) * n)));
  const [wa, wb] = [rows(a), rows(b)];
  return Float64Array.from(wa.flatMap((p) => wb.map((q) => -p.reduce((s, v, k) => s + v * q[k]!, 0))));
}
