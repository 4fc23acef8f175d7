import { describe, expect, it } from "vitest";
import {
  adapt,
  adaptClassifier,
  classScores,
  compare,
  compareClassifiers,
  networkProbabilities,
  reliability,
  scores,
} from "../../src/adapt/index.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { fromRows, type Matrix, matrix } from "../../src/linalg/index.ts";
import { binaryCrossEntropy, dense, network, tanh } from "../../src/networks/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

describe("scores of class probabilities", () => {
  const cases: Record<string, { probabilities: number[][]; labels: number[] } & Record<string, number>> =
    golden("class-scores");

  it.each(Object.keys(cases))("equal scikit-learn's: %s classes", (name) => {
    const { probabilities, labels, accuracy, nll, brier, ece } = cases[name]!;
    const found = classScores(rows(probabilities), labels);
    // Sums of some dozens of numbers of about 1.
    expect(found.accuracy).toBeCloseTo(accuracy!, 13);
    expect(found.nll).toBeCloseTo(nll!, 12);
    expect(found.brier).toBeCloseTo(brier!, 12);
    expect(found.ece).toBeCloseTo(ece!, 12);
  });

  it("are those of a certain prediction: right, and wrong", () => {
    const sure = fromRows([
      [1, 0],
      [1, 0],
    ]);
    expect(classScores(sure, [0, 0])).toEqual({ accuracy: 1, nll: 0, brier: 0, ece: 0 });
    expect(classScores(sure, [1, 0])).toEqual({ accuracy: 0.5, nll: Infinity, brier: 1, ece: 0.5 });
  });

  it("bin by confidence, the upper end included", () => {
    const p = fromRows([
      [0.6, 0.4],
      [0.4, 0.6],
      [0.2, 0.8],
    ]);
    const [first, second, ...none] = reliability(p, [0, 0, 1], 5);
    expect(none).toEqual([]);
    expect(first).toMatchObject({ count: 2, accuracy: 0.5 });
    expect(first!.confidence).toBeCloseTo(0.6, 15);
    expect(second).toMatchObject({ count: 1, accuracy: 1, confidence: 0.8 });
  });

  it("refuse labels that do not fit", () => {
    expect(() => classScores(matrix(2, 2), [0])).toThrow(ShapeError);
    expect(() => classScores(matrix(1, 2), [2])).toThrow(UsageError);
  });
});

describe("binary cross-entropy", () => {
  it("is −log σ(±f) with its own slope, far out too", () => {
    const { evaluate } = binaryCrossEntropy();
    const f = Float64Array.of(0.3, -2, 50, -800);
    const y = matrix(4, 1, Float64Array.of(1, 1, 0, 0));
    const at = (data: Float64Array) => evaluate({ shape: [4, 1], data }, y);
    const expected = (Math.log1p(Math.exp(-0.3)) + Math.log1p(Math.exp(2)) + 50 + 0) / 4;
    expect(at(f).value).toBeCloseTo(expected, 12);
    f.forEach((_, k) => {
      const moved = (h: number) => at(f.map((v, i) => (i === k ? v + h : v))).value;
      // Central differences with h = 1e-5 err by about 1e-10.
      expect(at(f).dy.data[k]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 8);
    });
  });
});

describe("ways of meeting new data side by side", () => {
  const x = randomMatrix(24, 2, "x");
  const far = randomMatrix(50, 2, "test");
  const net = (outputs: number) =>
    network({ inputShape: [2], layers: [dense(6), tanh(), dense(outputs)], seed: 1, precision: "f64" });

  it("for numbers: each way's own predictions, scored", () => {
    const truth = (m: Matrix) =>
      matrix(
        m.rows,
        1,
        Float64Array.from({ length: m.rows }, (_, i) => Math.sin(m.data[2 * i]!)),
      );
    const fresh = { x, y: truth(x) };
    const test = { x: far, y: truth(far) };
    const options = { scales: "layer" } as const;
    const found = runSync(compare(net(1), fresh, test, options));
    expect(found.map(({ name }) => name)).toEqual([
      ...["network as it is", "plus a constant", "last layer only"],
      ...["fine-tuned", "GP from scratch", "adapted", "adapted about fine-tuned"],
    ]);
    // A way without a distribution has the noise that its residuals on the new examples show.
    const mean = net(1).at(far);
    const square = net(1)
      .at(x)
      .data.reduce((sum, v, i) => sum + (fresh.y.data[i]! - v) ** 2 / x.rows, 0);
    const variance = { ...mean, data: mean.data.map(() => square) };
    const plain = scores({ mean, variance }, test.y);
    expect(found[0]!.scores.nlpd).toBeCloseTo(plain.nlpd, 12);
    expect(found[0]!.scores.coverage95).toBe(plain.coverage95);
    expect(found[5]!.scores).toEqual(scores(adapt(net(1), fresh, options).process.observed(far), test.y));
    const about = adapt(net(1), fresh, { ...options, mean: "fine-tuned" });
    expect(found[6]!.scores).toEqual(scores(about.process.observed(far), test.y));
    const known = runSync(compare(net(1), fresh, test, { ...options, mean: "network" }));
    expect(known.map(({ scores: s }) => s)).toEqual(found.slice(0, 6).map(({ scores: s }) => s));
    expect(found[2]!.scores).toEqual(
      scores(adapt(net(1), fresh, { ...options, approximation: "last-layer" }).process.observed(far), test.y),
    );
  });

  it.each([1, 3])("for classes: each way's own probabilities, scored (%i outputs)", (outputs) => {
    const classesOf = (m: Matrix) =>
      Array.from({ length: m.rows }, (_, i) => {
        const [a, b] = [m.data[2 * i]!, m.data[2 * i + 1]!];
        return outputs === 3 && a > 0.7 ? 2 : b > 0 ? 1 : 0;
      });
    const fresh = { x, labels: classesOf(x) };
    const test = { x: far, labels: classesOf(far) };
    const found = runSync(compareClassifiers(net(outputs), fresh, test));
    expect(found.map(({ name }) => name)).toEqual([
      "network as it is",
      "last layer only",
      "fine-tuned",
      "GP from scratch",
      "adapted, labels regressed",
      "adapted",
    ]);
    expect(found[0]!.probabilities).toEqual(networkProbabilities(net(outputs), far));
    expect(found[5]!.probabilities).toEqual(adaptClassifier(net(outputs), fresh).probabilities(far));
    for (const { probabilities, name: _, milliseconds: _ms, ...all } of found) {
      expect(all).toEqual(classScores(probabilities, test.labels));
    }
    // Classes split by a line: whatever has met the labels is better than a network with drawn weights.
    for (const c of found.slice(1)) expect(c.accuracy).toBeGreaterThan(found[0]!.accuracy);
  });

  it("for classes that the new labels lack: a Gaussian process from scratch does not expect them", () => {
    const fresh = { x, labels: Array.from({ length: 24 }, (_, i) => (x.data[2 * i + 1]! > 0 ? 1 : 0)) };
    const test = { x: far, labels: Array.from({ length: 50 }, (_, i) => (far.data[2 * i + 1]! > 0 ? 1 : 0)) };
    const found = runSync(compareClassifiers(net(3), fresh, test));
    expect(found[3]!.accuracy).toBeGreaterThan(0.9);
    expect(Number.isFinite(found[3]!.nll)).toBe(true);
  });
});
