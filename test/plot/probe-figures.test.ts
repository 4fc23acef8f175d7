import { describe, expect, it, test } from "vitest";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import {
  bars,
  type Figure,
  functionScatter,
  linePanels,
  reliabilityDiagram,
  similarityHeatMap,
} from "../../src/plot/index.ts";
import { count, lawsOfFigures, parse, texts } from "../support/figures.ts";

const names = Array.from({ length: 12 }, (_, i) => `layer ${i % 2 ? 1 : 3}, unit ${7 * i}`);
const sizes = names.map((_, i) => 1 / (i + 1));
const rounds = [100, 64, 41, 26, 17];
const layers = ["0 dense", "1 tanh", "2 dense"];
const heat = (width?: number) =>
  similarityHeatMap({
    title: "CKA",
    ...(width && { width }),
    values: matrix(3, 3, Float64Array.from([1, 0.8, 0.1, 0.8, 1, 0.4, 0.1, 0.4, 1])),
    rowNames: layers,
    columnNames: ["0", "1", "2"],
    rows: "layers of a",
    columns: "layers of b",
  });
const walk = Array.from({ length: 9 }, (_, i) => ({
  x: Math.sqrt(i),
  y: Math.sin(i / 2),
  group: "checkpoints",
  name: `epoch ${2 ** i}`,
}));

const figures: Record<string, () => Figure> = {
  ranked: () =>
    bars({
      title: "Units",
      names,
      groups: names.map((name) => name.slice(0, 7)),
      panels: [{ label: "L2 distance (m)", values: sizes }],
    }),
  signed: () =>
    bars({
      title: "Rows",
      subtitle: "of the table",
      width: 360,
      names: ["row 1", "row 20", "row 3"],
      panels: [
        { label: "contribution", values: [3, -1.2345, 0.02] },
        { label: "leave-one-out effect", values: [-2, -1, -0.5] },
      ],
    }),
  reliability: () =>
    reliabilityDiagram({
      title: "How reliable",
      subtitle: "40 examples",
      bins: [
        { count: 30, confidence: 0.95, accuracy: 0.9 },
        { count: 10, confidence: 0.4, accuracy: 0 },
      ],
    }),
  tickets: () =>
    linePanels({
      title: "Tickets",
      input: "weights that remain (%)",
      descending: true,
      panels: [
        {
          label: "RMSE (m)",
          lines: (["blue", "vermillion"] as const).map((hue, i) => ({
            name: hue,
            hue,
            points: rounds.map((x) => ({ x, y: 1 + (10 * i) / x, error: 0.1 })),
          })),
        },
        {
          label: "distance (m)",
          lines: [{ name: "blue", hue: "blue", points: rounds.map((x) => ({ x, y: x })) }],
        },
      ],
    }),
  similarities: () => heat(),
  map: () =>
    functionScatter({
      title: "Map",
      distance: "L2 distance (m)",
      points: [...walk, { x: 1, y: 0.5, group: "tickets", name: "17 %" }],
      paths: [walk.map((_, i) => i)],
    }),
  "crowded map": () =>
    functionScatter({
      title: "Map",
      width: 360,
      distance: "L2 distance",
      points: Array.from({ length: 40 }, (_, i) => ({
        x: i % 5,
        y: 0.01 * i,
        group: "a",
        name: `model ${i}`,
      })),
    }),
};

describe.each(Object.entries(figures))("the %s figure", (_, make) => {
  lawsOfFigures(make);
});

describe("bars", () => {
  it("has a bar, a name and a number each, and a legend of the groups", () => {
    const root = parse(figures.ranked!());
    expect(count(root, '[aria-label="rect"] rect')).toBe(12);
    expect(texts(root)).toEqual(
      expect.arrayContaining([...names, "0.333", "layer 3", "layer 1", "L2 distance (m) →"]),
    );
  });
  it("panels share their names", () => {
    const root = parse(figures.signed!());
    expect(texts(root).filter((t) => t === "row 20")).toHaveLength(2);
    expect(texts(root)).toContain("−1.23");
  });
  test.each([
    ["nothing", [], [], UsageError],
    ["lengths that differ", ["a"], [1, 2], ShapeError],
    ["NaN", ["a"], [Number.NaN], UsageError],
  ])("refuses %s", (_, rows, values, kind) => {
    expect(() => bars({ title: "b", names: rows, panels: [{ label: "v", values }] })).toThrow(kind);
  });
});

describe("linePanels", () => {
  it("has a line each, an error bar a point that has one, and the axis once", () => {
    const root = parse(figures.tickets!());
    expect(count(root, '[aria-label="line"] path')).toBe(3);
    expect(count(root, '[aria-label="rule"] line')).toBe(10);
    expect(texts(root).filter((t) => t.startsWith("weights that remain"))).toHaveLength(1);
    expect(texts(root).filter((t) => t === "blue")).toHaveLength(1);
  });
  it("from the largest to the smallest where asked", () => {
    const dots = [...parse(figures.tickets!()).querySelectorAll("circle")];
    expect(Number(dots[0]!.getAttribute("cx"))).toBeLessThan(Number(dots[1]!.getAttribute("cx")));
  });
  it("refuses to draw nothing", () => {
    expect(() => linePanels({ title: "t", input: "x", panels: [] })).toThrow(UsageError);
  });
});

describe("similarityHeatMap", () => {
  it("has a cell a pair with its number, and the names of both sides", () => {
    const root = parse(figures.similarities!());
    expect(count(root, '[aria-label="rect"] rect')).toBe(9);
    expect(texts(root)).toEqual(
      expect.arrayContaining([...layers, "0.80", "layers of a", "layers of b", "2"]),
    );
  });
  it("leaves numbers out of cells without room", () => {
    expect(texts(parse(heat(160)))).not.toContain("0.80");
  });
  it("refuses names that do not fit", () => {
    const bad = { title: "t", values: matrix(2, 2), rowNames: ["a"], columnNames: ["b"] };
    expect(() => similarityHeatMap({ ...bad, rows: "r", columns: "c" })).toThrow(ShapeError);
  });
});

describe("functionScatter", () => {
  it("has a dot a function, an arrow a step, a unit as long up as across", () => {
    const root = parse(figures.map!());
    expect(count(root, '[aria-label="dot"] circle')).toBe(10);
    expect(count(root, '[aria-label="arrow"] path')).toBe(8);
    const dots = [...root.querySelectorAll('[aria-label="dot"] circle')];
    const at = (i: number, axis: string) => Number(dots[i]!.getAttribute(axis));
    const across = (at(4, "cx") - at(0, "cx")) / 2;
    expect((at(0, "cy") - at(4, "cy")) / Math.sin(2)).toBeCloseTo(across, 0);
  });
  it("takes a single function, and refuses none", () => {
    const one = { title: "t", distance: "d", points: [{ x: 1, y: 1, group: "a", name: "one" }] };
    expect(texts(parse(functionScatter(one)))).toContain("one");
    expect(() => functionScatter({ ...one, points: [] })).toThrow(UsageError);
  });
});

test("a reliability diagram has a dot a bin, larger for more examples", () => {
  const svg = figures.reliability!().svg;
  const radii = [...svg.matchAll(/<circle[^>]* r="([\d.]+)"/g)].map((m) => Number(m[1]));
  // Areas as the counts; the dot of the legend lies between.
  expect(Math.max(...radii)).toBeCloseTo(Math.sqrt(3) * Math.min(...radii), 1);
  expect(() => reliabilityDiagram({ title: "none", bins: [] })).toThrow(UsageError);
});
