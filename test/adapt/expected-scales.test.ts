import { describe, expect, it } from "vitest";
import { expectedScales } from "../../src/adapt/expected-scales.ts";
import { adapt } from "../../src/adapt/index.ts";
import { evidenceOfShares } from "../../src/adapt/layer-scales.ts";
import type { ScaleEvidence } from "../../src/adapt/scale-search.ts";
import { add, gramOf, type Matrix, matrix } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({ inputShape: [2], layers: [dense(6), tanh(), dense(1)], seed: 2, precision: "f64" });
const free = { fixed: undefined, floor: 1e-6 };

/** Residuals of a function and noise, and two kernels. */
function problem(n: number) {
  const shares = ["a", "b"].map((name) => gramOf(randomMatrix(n, 3, `expected ${name} ${n}`)));
  const r = add(shares[0]!, shares[1]!).data.slice(0, n);
  const noise = randomMatrix(n, 1, `expected noise ${n}`).data;
  return {
    shares,
    r: matrix(
      n,
      1,
      r.map((v, i) => v / 3 + 0.4 * noise[i]!),
    ),
  };
}

const typical = (shares: readonly Matrix[]) =>
  shares.map(({ data, rows }) => data.reduce((sum, v, k) => (k % (rows + 1) ? sum : sum + v), 0) / rows);
const meanSquare = ({ data }: Matrix) => data.reduce((sum, v) => sum + v * v, 0) / data.length;
const halfCauchy = (v: number) => 0.5 * Math.log(v) - Math.log(1 + v);

describe("the scales that the posterior expects", () => {
  it("of a Gaussian in the logarithms: the mode of it and the priors, moved by a quarter of the variances", () => {
    // −½ (θ − μ)ᵀ A (θ − μ), in two scales and the noise; the floor is too low to matter.
    const [mu, a] = [
      [1, -2, -1],
      [
        [3, 1, 0.5],
        [1, 2, -0.4],
        [0.5, -0.4, 4],
      ],
    ] as const;
    const evidence: ScaleEvidence = (scales, noise) => {
      const theta = [...scales, noise].map(Math.log);
      const off = theta.map((t, i) => t - mu[i]!);
      const slope = a.map((row) => -row.reduce((sum, v, j) => sum + v * off[j]!, 0));
      return {
        value: 0.5 * off.reduce((sum, o, i) => sum + o * slope[i]!, 0),
        scaleGradient: scales.map((s, l) => slope[l]! / s),
        noiseGradient: slope[2]! / noise,
      };
    };
    const units = [16 / 2 / 1, 16 / 2 / 4, 1];
    const found = expectedScales(evidence, { typical: [1, 4], size: 1 }, { fixed: undefined, floor: 1e-12 });
    // Newton's method, with the derivatives by hand: of the prior ½ − v/(1 + v) and −v/(1 + v)².
    let theta: number[] = [...mu];
    let h: number[][] = [];
    for (let step = 0; step < 50; step++) {
      const v = theta.map((t, i) => Math.exp(t) / units[i]!);
      const slope = theta.map(
        (_, i) => 0.5 - v[i]! / (1 + v[i]!) - a[i]!.reduce((sum, q, j) => sum + q * (theta[j]! - mu[j]!), 0),
      );
      h = a.map((row, i) => row.map((q, j) => (i === j ? q + v[i]! / (1 + v[i]!) ** 2 : q)));
      const move = inverse3(h).map((row) => row.reduce((sum, q, j) => sum + q * slope[j]!, 0));
      theta = theta.map((t, i) => t + move[i]!);
    }
    const spread = inverse3(h).map((row, i) => row[i]!);
    const expected = theta.map((t, i) => Math.exp(t + spread[i]! / 4));
    // The search ends at slopes of 1e-4; differences over 0.2 see the prior's curvature to 1e-3.
    expectClose([...found.scales, found.noiseVariance], expected, 2e-3);
  });

  it("of ten values are near the expectations of the deviations, found by summing over a grid", () => {
    const { shares, r } = problem(10);
    const evidence = evidenceOfShares(shares, r);
    const units = { typical: typical(shares), size: meanSquare(r) };
    const found = expectedScales(evidence, units, free);
    const sums = [0, 0, 0];
    let whole = 0;
    const steps = Array.from({ length: 33 }, (_, i) => (i - 16) / 2);
    for (const a of steps) {
      for (const b of steps) {
        for (const c of steps) {
          const v = [a, b, c].map(Math.exp);
          const [s1, s2] = units.typical.map((t, l) => (v[l]! * 8 * units.size) / t);
          const noise = v[2]! * units.size;
          const { value } = evidence(Float64Array.of(s1!, s2!), noise);
          const p = Math.exp(value + v.reduce((sum, q) => sum + halfCauchy(q), 0));
          whole += p;
          [s1!, s2!, noise].forEach((q, k) => {
            sums[k]! += p * Math.sqrt(q);
          });
        }
      }
    }
    const deviations = [...found.scales, found.noiseVariance].map(Math.sqrt);
    // Laplace's approximation of a skewed density.
    deviations.forEach((d, k) => {
      expect(d / (sums[k]! / whole)).toBeGreaterThan(0.8);
      expect(d / (sums[k]! / whole)).toBeLessThan(1.25);
    });
  });

  it("move with the units of the numbers and of each layer", () => {
    const { shares, r } = problem(12);
    const at = (k: readonly Matrix[], residual: Matrix) =>
      expectedScales(
        evidenceOfShares(k, residual),
        { typical: typical(k), size: meanSquare(residual) },
        { fixed: undefined, floor: 1e-6 * meanSquare(residual) },
      );
    const times = (m: Matrix, by: number): Matrix => ({ ...m, data: m.data.map((v) => by * v) });
    const plain = at(shares, r);
    const moved = at([shares[0]!, times(shares[1]!, 50)], times(r, 10));
    expect(moved.noiseVariance / plain.noiseVariance).toBeCloseTo(100, 1);
    expect(moved.scales[0]! / plain.scales[0]!).toBeCloseTo(100, 1);
    expect(moved.scales[1]! / plain.scales[1]!).toBeCloseTo(2, 2);
  });
});

describe("adapting to numbers", () => {
  const x = randomMatrix(12, 2, "expected x");
  const y = matrix(
    12,
    1,
    x.data.filter((_, k) => k % 2 === 0).map((v) => Math.sin(3 * v)),
  );

  it("takes one scale a layer and the same in both spaces, unless asked for another", () => {
    const [f, w] = (["function", "weight"] as const).map((space) => adapt(net, { x, y }, { space }));
    expect(Object.keys(f!.kernel.parameters)).toEqual(["scale.0", "scale.2"]);
    // Both searches end at slopes of 1e-4.
    expectClose(f!.kernel.layerScales, w!.kernel.layerScales, 1e-2);
    expectClose([f!.noiseVariance], [w!.noiseVariance], 1e-2);
    expect(adapt(net, { x, y }, { scales: "shared" }).kernel.scales).toBe("shared");
    expect(adapt(net, { x, y }, { approximation: "last-layer" }).kernel.scales).toBe("shared");
    const many = randomMatrix(501, 2, "expected many");
    const data = {
      x: many,
      y: matrix(
        501,
        1,
        many.data.filter((_, k) => k % 2 === 0),
      ),
    };
    expect(adapt(net, data, { space: "function" }).kernel.scales).toBe("shared");
  });

  it("with many values has the scales of highest evidence, and with few a wider prior and more noise", () => {
    const rows = (n: number) => {
      const points = randomMatrix(n, 2, `expected rows ${n}`);
      const noise = randomMatrix(n, 1, `expected rows noise ${n}`).data;
      const values = noise.map((e, i) => Math.sin(3 * points.data[2 * i]!) + 0.2 * e);
      return { x: points, y: matrix(n, 1, values) };
    };
    const ratio = (n: number) => {
      const [expected, likeliest] = [{}, { scales: "layer" } as const].map((options) =>
        adapt(net, rows(n), options),
      );
      expect(expected!.logEvidence).toBeLessThan(likeliest!.logEvidence + 1e-6);
      return expected!.noiseVariance / likeliest!.noiseVariance;
    };
    expect(ratio(8)).toBeGreaterThan(1.2);
    expect(ratio(400)).toBeCloseTo(1, 1);
  });
});

function inverse3(m: readonly (readonly number[])[]): number[][] {
  const c = (i: number, j: number) => {
    const [r1, r2] = [0, 1, 2].filter((k) => k !== i) as [number, number];
    const [c1, c2] = [0, 1, 2].filter((k) => k !== j) as [number, number];
    return ((i + j) % 2 ? -1 : 1) * (m[r1]![c1]! * m[r2]![c2]! - m[r1]![c2]! * m[r2]![c1]!);
  };
  const det = [0, 1, 2].reduce((sum, j) => sum + m[0]![j]! * c(0, j), 0);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => c(j, i) / det));
}
