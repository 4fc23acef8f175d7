import { describe, expect, it, test } from "vitest";
import { NonFiniteError, ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  errorBySamples,
  type Figure,
  functionBand,
  predictionTruth,
  trainingCurve,
} from "../../src/plot/index.ts";
import { count, lawsOfFigures, parse, texts } from "../support/figures.ts";

const wave = Array.from({ length: 900 }, (_, i) => Math.sin(i * 0.7) + 0.2 * Math.sin(i * 12.3));
const x = Array.from({ length: 50 }, (_, i) => i / 10);
const curve = (f: (x: number) => number) => x.map(f);

const figures: Record<string, () => Figure> = {
  training: () =>
    trainingCurve({
      title: "Training <base> & more",
      loss: "mean squared error (m²)",
      train: [1, 0.3, 0.1, 0.05, 0.04],
      validation: [1.1, 0.4, 0.2, 0.15, 0.17],
      chosenEpoch: 4,
    }),
  prediction: () =>
    predictionTruth({
      target: "torque (N m)",
      truth: wave,
      mean: wave.map((y, i) => y + 0.1 * Math.sin(i * 2.3)),
      interval: {
        lower: wave.map((y) => y - 0.2),
        upper: wave.map((y, i) => y + (i % 9 === 0 ? -0.1 : 0.2)),
      },
    }),
  band: () =>
    functionBand({
      title: "A function",
      input: "angle (rad)",
      output: "torque (N m)",
      x,
      mean: curve(Math.sin),
      lower: curve((v) => Math.sin(v) - 0.3),
      upper: curve((v) => Math.sin(v) + 0.3),
      inducing: [1, 2.5],
      observations: { x: [0.5, 2, 3.3], y: [0.4, 1, -0.2] },
      truth: curve((v) => Math.sin(v * 1.02)),
      before: curve(Math.cos),
      samples: [curve((v) => Math.sin(v + 0.1)), curve((v) => Math.sin(v - 0.1))],
    }),
  samples: () =>
    errorBySamples({
      title: "Error",
      error: "test RMSE (m)",
      methods: ["adapted", "fine-tuned", "from scratch", "as it is", "plus a constant"].map((name, i) => ({
        name,
        main: i === 0,
        points: [20, 100, 1500].map((samples) => ({ samples, error: 0.3 + 0.001 * i + 2 / samples })),
      })),
    }),
};

describe.each(Object.entries(figures))("the %s figure", (_, make) => {
  lawsOfFigures(make);
});

describe("trainingCurve", () => {
  it("has a line each, the chosen epoch, a legend and labels", () => {
    const root = parse(figures.training!());
    expect(count(root, '[aria-label="line"] path')).toBe(2);
    expect(count(root, '[aria-label="dot"] circle')).toBe(1);
    expect(texts(root)).toEqual(
      expect.arrayContaining([
        "Training <base> & more",
        "training",
        "validation",
        "epoch →",
        "↑ mean squared error (m²)",
        "kept: epoch 4 (0.15)",
        "0.05",
      ]),
    );
  });

  it("takes losses below zero, gaps, a single epoch and no validation", () => {
    expect(texts(parse(trainingCurve({ train: [1, -0.5, Number.NaN, -1] })))).toContain("−1.0");
    expect(count(parse(trainingCurve({ train: [2] })), "circle")).toBe(1);
  });

  it("refuses to draw nothing", () => {
    expect(() => trainingCurve({ train: [] })).toThrow(UsageError);
    expect(() => trainingCurve({ train: [Number.NaN] })).toThrow(UsageError);
  });
});

describe("predictionTruth", () => {
  it("shows 400 of many rows, but measures all of them", () => {
    const root = parse(figures.prediction!());
    expect(count(root, '[aria-label="dot"] circle')).toBe(400);
    expect(count(root, '[aria-label="rule"] line')).toBe(400);
    const subtitle = texts(root).find((t) => t.startsWith("RMSE"));
    // sin² averages a half; every ninth interval of 900 ends below its truth.
    expect(subtitle).toBe("RMSE 0.0707 · 95 % intervals cover 88.9 % · 400 of 900 rows shown");
    expect(texts(root)).toEqual(
      expect.arrayContaining(["true torque (N m) →", "↑ predicted torque (N m)", "outside"]),
    );
  });

  it("shows every row of few, without intervals where there are none", () => {
    const root = parse(predictionTruth({ target: "y", truth: [1, 2], mean: [1.5, 1.5] }));
    expect(count(root, '[aria-label="dot"] circle')).toBe(2);
    expect(count(root, '[aria-label="rule"] line')).toBe(0);
    expect(texts(root)).toContain("RMSE 0.5 · 2 rows");
  });

  it("takes a single row", () => {
    expect(texts(parse(predictionTruth({ target: "y", truth: [3], mean: [3] })))).toContain("RMSE 0 · 1 row");
  });

  it("refuses lengths that differ, no rows and NaN", () => {
    expect(() => predictionTruth({ target: "y", truth: [1], mean: [1, 2] })).toThrow(ShapeError);
    expect(() => predictionTruth({ target: "y", truth: [], mean: [] })).toThrow(UsageError);
    expect(() => predictionTruth({ target: "y", truth: [1], mean: [Number.NaN] })).toThrow(NonFiniteError);
  });
});

describe("functionBand", () => {
  it("has band, mean, truth, before, samples and observations", () => {
    const root = parse(figures.band!());
    expect(count(root, '[aria-label="area"] path')).toBe(1);
    expect(count(root, '[aria-label="line"] path')).toBe(5);
    expect(count(root, '[aria-label="dot"] circle')).toBe(3);
    expect(texts(root)).toEqual(
      expect.arrayContaining(["mean", "95 % band", "samples", "before adapting", "truth", "observed"]),
    );
  });

  it("names in its legend only what is there", () => {
    const flat = curve(() => 0);
    const root = parse(
      functionBand({ title: "f", input: "x", output: "y", x, mean: flat, lower: flat, upper: flat }),
    );
    expect(texts(root)).toEqual(expect.arrayContaining(["mean", "95 % band"]));
    expect(texts(root)).not.toContain("samples");
  });

  it("refuses lengths that differ and places that do not ascend", () => {
    const bad = { title: "f", input: "x", output: "y", mean: [1, 2], lower: [1, 2], upper: [1, 2] };
    expect(() => functionBand({ ...bad, x: [1, 2, 3] })).toThrow(ShapeError);
    expect(() => functionBand({ ...bad, x: [2, 1] })).toThrow(/ascending/);
    expect(() => functionBand({ ...bad, x: [1, 2], truth: [1] })).toThrow(ShapeError);
  });
});

describe("errorBySamples", () => {
  it("has a line and a name each, and a tick at each number of samples", () => {
    const root = parse(figures.samples!());
    expect(count(root, '[aria-label="line"] path')).toBe(5);
    expect(texts(root)).toEqual(expect.arrayContaining(["20", "100", "1,500", "adapted", "plus a constant"]));
  });

  it("takes one point, and cuts a name that has no room", () => {
    const name = "a name that is much longer than any margin could be";
    const root = parse(
      errorBySamples({ title: "e", error: "e", methods: [{ name, points: [{ samples: 5, error: 1 }] }] }),
    );
    expect(texts(root).some((t) => t.endsWith("…"))).toBe(true);
  });

  test.each([
    ["no method", []],
    ["no point", [{ name: "a", points: [] }]],
    ["no error", [{ name: "a", points: [{ samples: 20, error: 0 }] }]],
  ])("refuses %s", (_, methods) => {
    expect(() => errorBySamples({ title: "e", error: "e", methods })).toThrow(UsageError);
  });
});

it("figures in one page do not share ids", () => {
  const ids = (figure: Figure) => [...figure.svg.matchAll(/ id="([^"]*)"/g)].map((match) => match[1]);
  const all = Object.values(figures).flatMap((make) => ids(make()));
  expect(new Set(all).size).toBe(all.length);
});

it("characters that XML forbids do not reach the file", () => {
  const { svg } = trainingCurve({ title: "a\u0000b\u001bc", train: [1, 2] });
  expect(svg).toContain(">abc</text>");
});
