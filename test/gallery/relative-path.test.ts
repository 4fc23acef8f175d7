import { describe, expect, it } from "vitest";
import { inline } from "../../src/gallery/page.ts";
import { relativePath } from "../../src/gallery/relative-path.ts";
import { curves } from "../../src/plot/index.ts";
import { key, uniform } from "../../src/random/index.ts";
import { pathPoints } from "./path-points.ts";

describe("relativePath", () => {
  it("writes cells and lines as one would by hand", () => {
    expect(relativePath("M140,63H144V67H140ZM140,67H144V71H140Z")).toBe("M140 63h4v4h-4Zm0 4h4v4h-4Z");
    expect(relativePath("M1,2L1.5,2.2L1.4,3")).toBe("M1 2l.5 .2-.1 .8");
    expect(relativePath("M0,0L0,5")).toBe("M0 0l0 5");
  });

  it("leads to the same points, to a tenth, over thousands of steps", () => {
    const u = uniform(key(1), 6000);
    const points = Array.from({ length: 3000 }, (_, i) => [600 * u[2 * i]!, 400 * u[2 * i + 1]!] as const);
    const data = points.map(([x, y], i) => `${i === 0 || i % 7 === 3 ? "M" : "L"}${x},${y}`).join("");
    pathPoints(relativePath(data)).forEach(([x, y], i) => {
      expect(Math.abs(x - points[i]![0])).toBeLessThan(0.051);
      expect(Math.abs(y - points[i]![1])).toBeLessThan(0.051);
    });
  });

  it("is how the page shows a figure's lines: at the same places", () => {
    const u = uniform(key(2), 900);
    const { svg } = curves({
      title: "",
      input: "x",
      output: "y",
      curves: [{ name: "a", hue: "blue", x: u.map((_, i) => i), y: u }],
    });
    const longest = (text: string) =>
      [...text.matchAll(/ d="([^"]*)"/g)]
        .map((m) => pathPoints(m[1]!))
        .sort((a, b) => b.length - a.length)[0]!;
    const shown = longest(inline(svg));
    longest(svg).forEach(([x, y], i) => {
      expect(Math.abs(x - shown[i]![0])).toBeLessThan(0.051);
      expect(Math.abs(y - shown[i]![1])).toBeLessThan(0.051);
    });
  });

  it("leaves curves and arcs alone", () => {
    for (const data of ["M0,0C1,1,2,2,3,0", "M1,0A1,1 0 0 1 0,1Z", "", "m1,1l2,2"])
      expect(relativePath(data)).toBe(data);
  });
});
