import { describe, expect, it } from "vitest";
import { expectations, type Latents } from "../../../src/deep/latent/index.ts";
import { fromTriangle } from "../../../src/deep/latent/triangle.ts";
import { UsageError } from "../../../src/errors/index.ts";
import { type Kernel, linear, matern32, rbf, sum } from "../../../src/kernels/index.ts";
import { dot, type Matrix, matrix, multiply } from "../../../src/linalg/index.ts";
import { key, normal, split, uniform } from "../../../src/random/index.ts";

const root = key(3);
const [n, m, q] = [4, 5, 2];
const latents: Latents = {
  mean: matrix(n, q, normal(split(root, "mean"), n * q)),
  variance: matrix(n, q, uniform(split(root, "variance"), n * q)),
};
const inducing = matrix(m, q, normal(split(root, "inducing"), m * q));
const kernels: Readonly<Record<string, Kernel>> = {
  "rbf with a lengthscale each": rbf({ lengthscale: [0.7, 1.6], variance: 1.3 }),
  "rbf with one lengthscale": rbf({ lengthscale: 0.9, variance: 0.8 }),
  "linear with a variance each": linear({ variance: [0.6, 1.7] }),
  "linear with one variance": linear({ variance: 1.2 }),
  "rbf and linear added": sum(
    rbf({ lengthscale: [0.7, 1.6], variance: 1.3 }),
    linear({ variance: [0.6, 1.7] }),
  ),
  "linear and rbf added, one value for all": sum(
    linear({ variance: 0.9 }),
    rbf({ lengthscale: 1.1, variance: 0.8 }),
  ),
};

describe.each(Object.entries(kernels))("expectations of %s", (_name, kernel) => {
  const { psi0, psi1, psi2, pullback, pullLatents } = expectations(kernel, latents, inducing);

  it("are the integrals, by a grid over ±9 deviations", () => {
    // The trapezium rule on smooth functions that vanish at the ends is exact to rounding.
    const steps = 61;
    const step = 18 / (steps - 1);
    const count = steps * steps;
    const u = Array.from({ length: count }, (_, k) => [
      -9 + step * (k % steps),
      -9 + step * Math.floor(k / steps),
    ]);
    const weight = u.map(([a, b]) => (Math.exp(-(a! ** 2 + b! ** 2) / 2) / (2 * Math.PI)) * step ** 2);
    for (let i = 0; i < n; i++) {
      const [mean, sd] = [rowOf(latents.mean, i), rowOf(latents.variance, i).map(Math.sqrt)];
      const x = matrix(
        count,
        q,
        Float64Array.from(u.flat(), (v, k) => mean[k % q]! + sd[k % q]! * v),
      );
      const k = kernel.cross(x, inducing);
      const weighted = matrix(
        count,
        m,
        k.data.map((v, p) => v * weight[Math.floor(p / m)]!),
      );
      expect(psi0[i]).toBeCloseTo(dot(Float64Array.from(weight), kernel.diagonal(x)), 9);
      const first = multiply(matrix(1, count, Float64Array.from(weight)), k);
      first.data.forEach((v, p) => {
        expect(psi1.data[i * m + p]).toBeCloseTo(v, 9);
      });
      const ours = fromTriangle(rowOf(psi2, i), m);
      multiply(k, weighted, { a: true }).data.forEach((v, p) => {
        expect(ours.data[p]).toBeCloseTo(v, 9);
      });
    }
  });

  it("pull derivatives back to everything, as finite differences say", () => {
    const bars = {
      psi0: normal(split(root, "bar0"), n),
      psi1: matrix(n, m, normal(split(root, "bar1"), n * m)),
      psi2: matrix(n, psi2.cols, normal(split(root, "bar2"), n * psi2.cols)),
    };
    const value = (k: Kernel, l: Latents, z: Matrix) => {
      const e = expectations(k, l, z);
      return dot(bars.psi0, e.psi0) + dot(bars.psi1.data, e.psi1.data) + dot(bars.psi2.data, e.psi2.data);
    };
    const slopes = pullback(bars);
    const check = (ours: Float64Array, at: Float64Array, f: (moved: Float64Array) => number) => {
      at.forEach((_, k) => {
        const h = 1e-5;
        const side = (sign: number) => f(at.map((v, i) => (i === k ? v + sign * h : v)));
        // Central differences: errors of h² and of rounding / h, both about 1e-9 here.
        expect(ours[k]).toBeCloseTo((side(1) - side(-1)) / (2 * h), 6);
      });
    };
    check(slopes.latents.mean.data, latents.mean.data, (data) =>
      value(kernel, { ...latents, mean: matrix(n, q, data) }, inducing),
    );
    check(slopes.latents.variance.data, latents.variance.data, (data) =>
      value(kernel, { ...latents, variance: matrix(n, q, data) }, inducing),
    );
    check(slopes.inducing.data, inducing.data, (data) => value(kernel, latents, matrix(m, q, data)));
    for (const [name, parameter] of Object.entries(kernel.parameters)) {
      check(slopes.parameters[name]!, parameter.value, (moved) =>
        value(
          kernel.with({ ...kernel.parameters, [name]: { ...parameter, value: moved } }),
          latents,
          inducing,
        ),
      );
    }
    expect(pullLatents(bars)).toEqual(slopes.latents);
  });

  it("are products of kernels where the latents are certain", () => {
    const certain = { mean: latents.mean, variance: matrix(n, q) };
    const exact = expectations(kernel, certain, inducing);
    const k = kernel.cross(latents.mean, inducing).data;
    k.forEach((v, i) => {
      expect(exact.psi1.data[i]).toBeCloseTo(v, 12);
    });
    for (let i = 0; i < n; i++) {
      const whole = fromTriangle(rowOf(exact.psi2, i), m);
      whole.data.forEach((v, p) => {
        expect(v).toBeCloseTo(k[i * m + Math.floor(p / m)]! * k[i * m + (p % m)]!, 12);
      });
    }
  });
});

it("of a sum are averages over latents drawn, too", () => {
  const kernel = kernels["rbf and linear added"]!;
  const { psi0, psi1, psi2 } = expectations(kernel, latents, inducing);
  const count = 20_000;
  for (let i = 0; i < n; i++) {
    const [mean, variance] = [rowOf(latents.mean, i), rowOf(latents.variance, i)];
    const noise = normal(split(split(root, "draws"), i), count * q);
    const x = matrix(
      count,
      q,
      noise.map((z, k) => mean[k % q]! + Math.sqrt(variance[k % q]!) * z),
    );
    const k = kernel.cross(x, inducing);
    const diagonal = kernel.diagonal(x);
    const own = fromTriangle(rowOf(psi2, i), m);
    // Five standard errors of each average.
    const close = (of: (draw: number) => number, expected: number) => {
      let [first, second] = [0, 0];
      for (let s = 0; s < count; s++) {
        first += of(s) / count;
        second += of(s) ** 2 / count;
      }
      const error = Math.sqrt((second - first * first) / count);
      expect(Math.abs(first - expected)).toBeLessThan(5 * error);
    };
    close((s) => diagonal[s]!, psi0[i]!);
    for (let a = 0; a < m; a++) {
      close((s) => k.data[s * m + a]!, psi1.data[i * m + a]!);
      for (let b = 0; b <= a; b++)
        close((s) => k.data[s * m + a]! * k.data[s * m + b]!, own.data[a * m + b]!);
    }
  }
});

it("refuses kernels whose expectations have no closed form", () => {
  expect(() => expectations(matern32(), latents, inducing)).toThrow(UsageError);
  expect(() => expectations(sum(rbf(), matern32()), latents, inducing)).toThrow(/a sum of rbf, matern32/);
});

function rowOf({ cols, data }: Matrix, i: number): Float64Array {
  return data.slice(i * cols, (i + 1) * cols);
}
