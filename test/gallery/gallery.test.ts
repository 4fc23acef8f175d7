import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../../src/errors/index.ts";
import { gallery, page, readCo2, type Section, sectionIds } from "../../src/gallery/index.ts";
import { runSync } from "../../src/tasks/index.ts";

const csv = readFileSync(
  join(createRequire(import.meta.url).resolve("vega-datasets"), "../../data/co2-concentration.csv"),
  "utf8",
);
const co2 = readCo2(csv, "co2-concentration.csv");

let sections: readonly Section[];
let html: string;
const all = () => sections.flatMap((section) => Object.entries(section.numbers));

beforeAll(() => {
  sections = runSync(gallery(0, co2));
  html = page(sections, { seed: 0 });
}, 600_000);

describe("the gallery", () => {
  it("has a section for each slide, each with figures, words and code", () => {
    expect(sections.map(({ id }) => id)).toEqual(sectionIds);
    for (const { pictures, text, code } of sections) {
      expect(pictures.length).toBeGreaterThan(0);
      expect(text.join(" ").length).toBeGreaterThan(200);
      expect(code.length).toBeGreaterThan(40);
    }
    for (const [name, value] of all()) expect([name, Number.isFinite(value)]).toEqual([name, true]);
  });

  it("stands alone: no script, nothing fetched, under 3 MB", () => {
    expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(sections.length);
    expect(html).not.toMatch(/<script|<link|<img|url\(http|src=|NaN|undefined/);
    expect(html.replace(/xmlns="[^"]*"/g, "")).not.toMatch(/https?:/);
    expect(html.length).toBeLessThan(3e6);
  });

  it("shows what it says", () => {
    const kernels = sections.find(({ id }) => id === "kernels")!.numbers;
    expect(kernels.rbfAtOne).toBeCloseTo(Math.exp(-0.5), 12);
    expect(kernels.cosineRank).toBe(2); // cos(x − x′) = cos x cos x′ + sin x sin x′
    const flat = Object.fromEntries(all());
    expect(flat.largestChange).toBeLessThan(1e-12); // marginals are consistent
    expect(flat.sumError).toBeLessThan(1e-6); // the parts add up, in ppm of 300 to 400
    expect(flat.posteriorSpread).toBeLessThan(flat.priorSpread!);
    expect(flat.noiseLengthscale).toBeGreaterThan(2 * flat.signalLengthscale!); // two optima
    expect([flat.caught, flat.left, flat.controlFindings]).toEqual([2, 0, 0]); // all that was spoiled, and no more
    expect(flat.errorTreated).toBeLessThan(0.6 * flat.errorSick!);
    expect(flat.iterativeGap).toBeLessThan(1e-3); // conjugate gradients are exact to their tolerance
    expect(flat.enoughGap).toBeLessThan(0.1 * flat.fewGap!);
    expect(flat.fewBelow).toBeGreaterThan(flat.enoughBelow!); // bounds stay below the evidence
    expect(flat.enoughBelow).toBeGreaterThan(0);
    expect(flat.flatAtDepth8).toBeGreaterThan(3 * flat.flatAtDepth1!);
    expect(flat.secondDirectionWithSkips).toBeGreaterThan(10 * flat.secondDirection!);
    expect(flat.overshootOfDeep).toBeLessThan(0.5 * flat.overshootOfOne!);
    expect(flat.errorOfDeep).toBeLessThan(0.5 * flat.errorOfOne!);
    expect(flat.atLevelsLast).toBeGreaterThan(flat.atLevelsFirst!);
    expect(flat.swing2010).toBeGreaterThan(flat.swing1960!);
    expect(flat.errorAfter).toBeLessThan(flat.errorBefore!);
    // The limit's variance is known: of 1,500 draws with an excess kurtosis near 0, four standard errors are 15 %.
    expect(Math.abs(flat.widestVariance! / flat.limitVariance! - 1)).toBeLessThan(0.15);
    expect(flat.linearisationGap).toBeLessThan(0.2 * flat.functionMoved!);
    expect(flat.exactError).toBeLessThan(1e-10);
    expect(flat.errorRatio).toBeGreaterThan(1.8); // the error halves with the learning rate
    expect(flat.errorRatio).toBeLessThan(2.2);
    expect(flat.ntkKernelSlope).toBeLessThan(-0.6);
    expect(Math.abs(flat.mupFeatureSlope!)).toBeLessThan(0.15);
    expect(flat.armErrorAfter).toBeLessThan(0.6 * flat.armErrorBefore!);
  });

  it("refuses a record that is none", () => {
    expect(() => readCo2("a,b\n1,2\n", "x.csv")).toThrow(DataError);
  });
});
