import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, fromRows, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  curves,
  evidenceSurface,
  type Figure,
  gaussianDensity,
  gaussianEllipse,
  kernelMatrix,
  parallelCoordinates,
  seriesParts,
} from "../../src/plot/index.ts";
import { diverging, ramp } from "../../src/plot/ramp.ts";
import { stacked } from "../../src/plot/stacked.ts";
import { count, lawsOfFigures, parse, texts } from "../support/figures.ts";
import { randomMatrix } from "../support/random.ts";

const x = columnVector(Array.from({ length: 30 }, (_, i) => i / 3));
const ratios = (from: number, factor: number, n: number) =>
  Array.from({ length: n }, (_, i) => from * factor ** i);

/** A hill in the logarithms, with its top at lengthscale 2, noise 0.3. */
const surface = (values: { x: number[]; y: number[] }): Matrix =>
  fromRows(values.y.map((b) => values.x.map((a) => -10 * Math.log(a / 2) ** 2 - 8 * Math.log(b / 0.3) ** 2)));

const grid = { x: ratios(0.2, 1.2, 26), y: ratios(0.05, 1.2, 20) };

const figures: Record<string, (width: number) => Figure> = {
  curves: (width) =>
    curves({
      width,
      title: "Two kernels",
      input: "distance",
      output: "k(x, x′)",
      places: [2, 4],
      curves: [
        { name: "RBF kernel", hue: "blue", x: x.data, y: x.data.map((v) => Math.exp(-v * v)) },
        { name: "cosine kernel", hue: "vermillion", dashed: true, x: x.data, y: x.data.map(Math.cos) },
      ],
    }),
  "costs on log axes": (width) =>
    curves({
      width,
      title: "Time of a step",
      input: "rows",
      output: "seconds",
      log: true,
      curves: [
        { name: "exact", hue: "blue", x: [1000, 2000, 4000], y: [0.1, 0.8, 6.4] },
        { name: "sparse", hue: "green", x: [1000, 16000], y: [0.1, 1.6] },
      ],
    }),
  "kernel matrix": (width) =>
    kernelMatrix({ width, title: "RBF kernel", gram: rbf().gram(x), from: 0, to: 10, input: "x" }),
  density: (width) =>
    gaussianDensity({ width, title: "f(½)", value: "f(½)", mean: 1, variance: 4, samples: [0, 1, 3] }),
  ellipse: (width) =>
    gaussianEllipse({
      width,
      title: "Two values",
      first: "f(⅓)",
      second: "f(⅔)",
      mean: columnVector([1, -1]),
      covariance: fromRows([
        [2, 0.8],
        [0.8, 0.5],
      ]),
      samples: randomMatrix(40, 2, "dots"),
      named: 5,
    }),
  "parallel coordinates": (width) =>
    parallelCoordinates({
      width,
      title: "5 coordinates",
      subtitle: "of four samples",
      value: "f(x)",
      samples: randomMatrix(4, 5, "lines"),
    }),
  "evidence surface": (width) =>
    evidenceSurface({
      width,
      title: "Log marginal likelihood",
      x: { label: "lengthscale", values: grid.x },
      y: { label: "noise sd", values: grid.y },
      values: surface(grid),
      paths: [
        {
          name: "signal, −8.1 nats",
          points: [
            { x: 0.5, y: 0.1 },
            { x: 2, y: 0.3 },
          ],
        },
      ],
    }),
};

describe.each(
  Object.entries(figures).flatMap(([name, draw]) => [360, 640].map((width) => [name, width, draw] as const)),
)("the figure %s at %i pixels", (_, width, draw) => {
  lawsOfFigures(() => draw(width));

  it("is as wide as asked", () => {
    expect(parse(draw(width)).getAttribute("width")).toBe(String(width));
  });
});

describe("kernelMatrix", () => {
  it("covers the square once, in few elements, the first row on top", () => {
    const { svg } = kernelMatrix({ title: "", gram: rbf().gram(x), from: 0, to: 10, input: "x" });
    const runs = [...svg.matchAll(/M([\d.]+),([\d.]+)H([\d.]+)V([\d.]+)H/g)].map((m) =>
      m.slice(1).map(Number),
    );
    const area = runs.reduce(
      (sum, [left, top, right, bottom]) => sum + (right! - left!) * (bottom! - top!),
      0,
    );
    const edges = (k: number) => runs.map((run) => run[k]!);
    const square =
      (Math.max(...edges(2)) - Math.min(...edges(0))) * (Math.max(...edges(3)) - Math.min(...edges(1)));
    expect(area / square).toBeCloseTo(1, 3);
    expect(runs.length).toBeLessThan(30 * 30);
    expect(texts(parse({ svg }))).toContain("↓ x′");
  });

  it("refuses what is not square", () => {
    const bad = { title: "", from: 0, to: 1, input: "x" };
    expect(() => kernelMatrix({ ...bad, gram: matrix(2, 3) })).toThrow(ShapeError);
    expect(() => kernelMatrix({ ...bad, gram: matrix(1, 1) })).toThrow(UsageError);
  });
});

describe("evidenceSurface", () => {
  it("has its smallest contour around the top", () => {
    const { svg } = figures["evidence surface"]!(640);
    const paths = [...svg.matchAll(/<path fill="#[0-9a-f]{6}" d="(M[^"]*)"/g)].map((m) => m[1]!);
    const points = [...paths.at(-1)!.matchAll(/[ML]([\d.]+),([\d.]+)/g)].map((m) => [
      Number(m[1]),
      Number(m[2]),
    ]);
    const middle = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k]! / points.length, 0));
    const star = /translate\(([\d.]+),([\d.]+)\)[^>]*>(?![\s\S]*translate[\s\S]*star)/;
    expect(star.test(svg)).toBe(true);
    // The path's end was put on the top: its line ends where the contour stands.
    const line = [...svg.matchAll(/d="M[\d.,]+L([\d.]+),([\d.]+)"/g)].map((m) => [
      Number(m[1]),
      Number(m[2]),
    ]);
    const near = line.some(([a, b]) => Math.hypot(a! - middle[0]!, b! - middle[1]!) < 6);
    expect(near).toBe(true);
  });

  it("refuses values that do not fit the axes", () => {
    const axis = (n: number) => ({ label: "a", values: ratios(1, 2, n) });
    expect(() =>
      evidenceSurface({ title: "", x: axis(3), y: axis(2), values: matrix(3, 2), paths: [] }),
    ).toThrow(ShapeError);
  });
});

describe("gaussianEllipse", () => {
  it("has one scale for both axes", () => {
    const root = parse(figures.ellipse!(500));
    expect(count(root, '[aria-label="line"] path')).toBe(2);
    const ring = [...root.querySelectorAll('[aria-label="line"] path')][0]!.getAttribute("d")!;
    const points = [...ring.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
    const span = (k: number) => Math.max(...points.map((p) => p[k]!)) - Math.min(...points.map((p) => p[k]!));
    // The ellipse is as wide and high as the standard deviations, √2 and √½: twice as wide.
    expect(span(0) / span(1)).toBeCloseTo(2, 1);
  });

  it("refuses other than two values", () => {
    const bad = { title: "", first: "a", second: "b", covariance: matrix(2, 2), samples: matrix(0, 2) };
    expect(() => gaussianEllipse({ ...bad, mean: columnVector([1, 2, 3]) })).toThrow(ShapeError);
  });
});

it("gaussianDensity refuses a variance of 0", () => {
  expect(() => gaussianDensity({ title: "", value: "", mean: 0, variance: 0, samples: [] })).toThrow(
    UsageError,
  );
});

it("parallelCoordinates drops dots and axes where they would fill the picture", () => {
  const samples = randomMatrix(3, 100, "many");
  const root = parse(parallelCoordinates({ title: "100", value: "f", samples }));
  expect(count(root, "circle")).toBe(0);
  expect(count(root, '[aria-label="line"] path')).toBe(3);
  expect(() => parallelCoordinates({ title: "", value: "f", samples, places: [1] })).toThrow(UsageError);
});

it("curves refuses lengths that differ and nothing to draw", () => {
  const frame = { title: "", input: "x", output: "y" };
  expect(() => curves({ ...frame, curves: [{ hue: "blue", x: [1, 2], y: [1] }] })).toThrow(ShapeError);
  expect(() => curves({ ...frame, curves: [] })).toThrow(UsageError);
  expect(() => curves({ ...frame, log: true, curves: [{ hue: "blue", x: [0, 1], y: [1, 2] }] })).toThrow(
    /positive/,
  );
});

describe("seriesParts", () => {
  const years = Array.from({ length: 61 }, (_, i) => 1960 + i);
  const panel = (name: string, scale: number) => ({
    name,
    hue: "blue" as const,
    mean: years.map((v) => scale * Math.sin(v)),
    lower: years.map((v) => scale * (Math.sin(v) - 0.2)),
    upper: years.map((v) => scale * (Math.sin(v) + 0.2)),
    dots: { x: years, y: years.map((v) => scale * Math.cos(v)) },
  });
  const { svg } = seriesParts({
    title: "A <record> & its parts",
    input: "year",
    x: years,
    seenUntil: 2010,
    panels: [panel("whole", 300), panel("season", 1)],
  });

  it("aligns its panels and names years as years, once", () => {
    const bands = [...svg.matchAll(/<path[^>]*fill-opacity[^>]*d="M([\d.]+),|d="M([\d.]+),[^"]*Z"/g)].map(
      (m) => m[1] ?? m[2],
    );
    expect(bands.length).toBeGreaterThanOrEqual(2);
    expect(new Set(bands).size).toBe(1);
    expect(svg.match(/>1980</g)).toHaveLength(1);
    expect(svg).not.toContain("1,980");
    expect(svg).toContain('aria-label="A &lt;record&gt;'.slice(0, 20));
    expect(svg).not.toMatch(/<style|class=|<script|href|NaN|undefined|Infinity/);
  });

  it("refuses no panels", () => {
    expect(() => seriesParts({ title: "", input: "", x: years, panels: [] })).toThrow(UsageError);
  });

  it("stacks figures below each other", () => {
    const one = figures.curves!(400);
    const both = stacked([one, one], "twice");
    const height = Number(parse(one).getAttribute("height"));
    expect(both.svg).toMatch(new RegExp(`^<svg [^>]*width="400" height="${2 * height}"`));
    expect(both.svg).toContain(`y="${height}"`);
  });
});

it("ramps mix between their stops and keep to them outside", () => {
  const grey = ramp("#000000", "#ffffff");
  expect([grey(-1), grey(0.5), grey(2)]).toEqual(["#000000", "#808080", "#ffffff"]);
  expect(diverging(0.5)).toBe("#ffffff");
});
