import { describe, expect, it } from "vitest";
import { key, normal, normalQuantile, permutation, split, uniform } from "../../src/random/index.ts";
import { threefry } from "../../src/random/threefry.ts";
import { golden } from "../support/golden.ts";

describe("threefry", () => {
  it("gives Random123's published vectors and JAX's", () => {
    const { random123, jax } = golden("threefry");
    for (const { key: k, counter: c, result } of [...random123, ...jax]) {
      const out = new Uint32Array(2);
      threefry(k[0], k[1], c[0], c[1], out, 0);
      expect([...out]).toEqual(result);
    }
  });
});

describe("keys", () => {
  it("give the same numbers for ever (a change here changes every seeded result)", () => {
    // Key 0's first number, by hand from Random123's published words for key 0 and counter 0.
    const [high, low] = [0x6b200159, 0x99ba4efe];
    expect(uniform(key(0), 1)[0]).toBe(((high >>> 6) * 2 ** 26 + (low >>> 6) + 0.5) / 2 ** 52);
    expect(uniform(key(0), 2)).toEqual(uniform(key(0), 5).slice(0, 2));
    expect(split(key(7), "weights")).toEqual(split(key(7), "weights"));
  });

  it("split by name into unrelated streams, prefixes included", () => {
    const names = ["", "a", "aa", "aaa", "ab", "b", 1, "1", 11, "a\u0000"];
    const seen = new Set(names.map((name) => JSON.stringify(split(key(3), name))));
    expect(seen.size).toBe(names.length);
    const [a, b] = [normal(split(key(3), "a"), 4000), normal(split(key(3), "b"), 4000)];
    const correlation = a.reduce((sum, v, i) => sum + v * b[i]!, 0) / 4000;
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(4000)); // five standard errors
  });

  it("draw uniform and normal numbers with the right moments", () => {
    const n = 100_000;
    const u = uniform(key(5), n);
    const z = normal(key(5), n);
    const mean = (v: Float64Array, power: number) => v.reduce((sum, q) => sum + q ** power, 0) / n;
    expect(u.every((v) => v > 0 && v < 1)).toBe(true);
    // Five standard errors of each moment's estimate.
    expect(Math.abs(mean(u, 1) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(mean(u, 2) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / n));
    expect(Math.abs(mean(z, 1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(z, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(mean(z, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it("invert the normal cumulative to full precision, far tails included", () => {
    const { p, value } = golden("tail").normal_quantile;
    for (let i = 0; i < p.length; i++) {
      // A probability near 1 is itself rounded: its quantile moves by the rounding over the density.
      const rounding = p[i] > 0.9 ? 2e-16 * Math.sqrt(2 * Math.PI) * Math.exp(value[i] ** 2 / 2) : 0;
      expect(Math.abs(normalQuantile(p[i]) - value[i])).toBeLessThanOrEqual(
        1e-13 * Math.abs(value[i]) + rounding,
      );
    }
  });

  it("permute fairly", () => {
    const counts = new Float64Array(24);
    for (let s = 0; s < 4800; s++) {
      const p = permutation(split(key(1), s), 4);
      const order = [...p].join("");
      counts[orders.indexOf(order)]! += 1;
    }
    // χ² with 23 degrees of freedom: beyond 57 once in ten thousand.
    const chi = counts.reduce((sum, c) => sum + (c - 200) ** 2 / 200, 0);
    expect(chi).toBeLessThan(57);
  });

  it("refuse seeds that are no whole numbers", () => {
    expect(() => key(0.5)).toThrow("whole number");
    expect(() => key(-1)).toThrow("whole number");
  });
});

const orders = [0, 1, 2, 3].flatMap((a) =>
  [0, 1, 2, 3].flatMap((b) =>
    [0, 1, 2, 3].flatMap((c) =>
      [0, 1, 2, 3].flatMap((d) => (new Set([a, b, c, d]).size === 4 ? [`${a}${b}${c}${d}`] : [])),
    ),
  ),
);
