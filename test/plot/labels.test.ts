import { describe, expect, it } from "vitest";
import { apart } from "../../src/plot/labels.ts";
import { cut, textWidth, wrap } from "../../src/plot/text.ts";
import { logTicks, padded, shortNumber } from "../../src/plot/ticks.ts";

describe("apart", () => {
  it("leaves labels that have room where they want to be", () => {
    expect(apart([50, 10, 90], 12, 0, 100)).toEqual([50, 10, 90]);
  });

  it("spreads labels that would touch around what they want", () => {
    expect(apart([50, 50, 50], 10, 0, 100)).toEqual([40, 50, 60]);
    expect(apart([50, 52, 57], 10, 0, 100)).toEqual([43, 53, 63]);
  });

  it("keeps the gap, the order and the bounds, whatever is wanted", () => {
    for (let seed = 1; seed < 200; seed++) {
      const wanted = Array.from(
        { length: 1 + (seed % 9) },
        (_, i) => ((seed * 7919 + i * i * 104729) % 120) - 10,
      );
      const places = apart(wanted, 11, 0, 100);
      const order = wanted.map((_, i) => i).sort((i, j) => wanted[i]! - wanted[j]! || i - j);
      order.forEach((i, k) => {
        expect(places[i]).toBeGreaterThanOrEqual(0);
        expect(places[i]).toBeLessThanOrEqual(100);
        if (k > 0) expect(places[i]! - places[order[k - 1]!]!).toBeGreaterThanOrEqual(11 - 1e-9);
      });
    }
  });

  it("spreads evenly where not all fit", () => {
    expect(apart([5, 5, 5, 5, 5], 30, 0, 100)).toEqual([0, 25, 50, 75, 100]);
    expect(apart([], 30, 0, 100)).toEqual([]);
  });
});

describe("ticks", () => {
  it("are round numbers inside the domain, never more than have room", () => {
    expect(logTicks([0.04, 1.2])).toEqual([0.05, 0.1, 0.2, 0.3, 0.5, 1]);
    expect(logTicks([0.5, 2000])).toEqual([1, 3, 10, 30, 100, 300, 1000]);
    expect(logTicks([1e-12, 1e12]).length).toBeLessThanOrEqual(8);
  });

  it("are written shortly", () => {
    expect([0, 1234567, -0.05, 1e-5, 2.5e11, 0.1 + 0.2].map((v) => shortNumber(v))).toEqual([
      "0",
      "1,234,567",
      "−0.05",
      "1e−5",
      "2.5e11",
      "0.3",
    ]);
  });

  it("leave room around equal values", () => {
    expect(padded([3, 3], false)).toEqual([1.5, 4.5]);
    expect(padded([0, 0], false)).toEqual([-0.5, 0.5]);
    expect(padded([3, 3], true)).toEqual([1.5, 6]);
  });
});

describe("text", () => {
  it("is as wide as DejaVu Sans makes it", () => {
    expect(textWidth("Wi", 100)).toBe(127);
    expect(textWidth("Wi", 100, "bold")).toBeGreaterThan(110 + 34 - 3);
  });

  it("is broken at spaces, and cut where it cannot be", () => {
    const lines = wrap("one two three four", 60, 12);
    expect(lines.join(" ")).toBe("one two three four");
    for (const line of lines) expect(textWidth(line, 12)).toBeLessThanOrEqual(60);
    expect(cut("incomprehensibilities", 60, 12)).toMatch(/^incom.*…$/);
  });
});
