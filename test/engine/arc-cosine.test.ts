import { describe, expect, it } from "vitest";
import { reference } from "../../src/engine/index.ts";

const { sqrt, PI } = Math;

/** E[relu u relu w] and E[relu′ u relu′ w] of standard Gaussians with correlation c, by Cho & Saul's closed forms. */
const known: readonly [c: number, value: number, slope: number][] = [
  [1, 1 / 2, 1 / 2],
  [0, 1 / (2 * PI), 1 / 4],
  [-1, 0, 0],
  [1 / 2, (sqrt(3) / 2 + PI / 3) / (2 * PI), 1 / 3],
  [-1 / 2, (sqrt(3) / 2 - PI / 6) / (2 * PI), 1 / 6],
];

describe("the reference's arc-cosine step", () => {
  it.each(known)("knows the moments at correlation %d", (c, value, slope) => {
    const [v, w] = [2.5, 0.7];
    const block = (data: Float64Array) => ({ data, offset: 0, stride: 1 });
    const [k, slopes] = [Float64Array.of(c * sqrt(v * w)), new Float64Array(1)];
    reference.arcCosine(1, 1, block(k), Float64Array.of(v), Float64Array.of(w), block(slopes));
    // acos of a number next to ±1 errs by the root of the rounding unit.
    expect(k[0]).toBeCloseTo(value * sqrt(v * w), 14);
    expect(slopes[0]).toBeCloseTo(slope, Math.abs(c) === 1 ? 7 : 14);
  });
});
