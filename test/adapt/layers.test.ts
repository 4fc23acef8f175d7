import { describe, expect, it } from "vitest";
import { affordableLayers } from "../../src/adapt/affordable-layers.ts";
import { adapt, adaptClassifier } from "../../src/adapt/index.ts";
import { multiply, transpose } from "../../src/linalg/index.ts";
import { conv2d, dense, globalAveragePool, network, relu, tanh } from "../../src/networks/index.ts";
import { jacobian, shareCosts, type TangentLayers } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [3],
  layers: [dense(6), tanh(), dense(5), tanh(), dense(2)],
  seed: 1,
  precision: "f64",
});
const x = randomMatrix(12, 3, "x");
const far = randomMatrix(7, 3, "far");
const y = randomMatrix(12, 2, "y");

/** Which of the 71 weights move: 18 + 6, 30 + 5, 10 + 2. */
const moving: readonly (readonly [TangentLayers, (place: number) => boolean])[] = [
  ["last", (k) => k >= 59],
  [[0, 4], (k) => k < 24 || k >= 59],
  ["biases", (k) => (k >= 18 && k < 24) || (k >= 54 && k < 59) || k >= 69],
];

describe("where all layers would cost too much", () => {
  const conv = network({
    inputShape: [64, 32, 32],
    layers: [
      conv2d(64, 3, { padding: 1 }),
      relu(),
      conv2d(64, 3, { padding: 1 }),
      globalAveragePool(),
      dense(10),
    ],
  });

  it("the operations are those of the cheaper way, counted", () => {
    const [first, second, last] = shareCosts(conv, 500);
    const pairs = (500 * 501) / 2;
    expect(first!.operations).toBe(pairs * 100 * 64 * (576 + 1));
    expect(second!.operations).toBe(first!.operations);
    // One position: the inputs' product, and for each pair of outputs the cotangents'.
    expect(last!.operations).toBe(pairs * Math.min(100 * 650, 64 + 100 * (10 + 32)));
  });

  it("those at the end move, as many as take minutes", () => {
    expect(affordableLayers(conv, 100)).toBe("all");
    expect(affordableLayers(conv, 200)).toEqual([2, 4]);
    expect(affordableLayers(conv, 500)).toEqual([4]);
    expect(affordableLayers(net, 5000)).toBe("all");
  });
});

describe("adapting some of the weights", () => {
  it.each(moving)("%s: the kernel is of their columns of the Jacobian, in both spaces", (layers, moves) => {
    const [f, w] = (["function", "weight"] as const).map((space) =>
      adapt(net, { x, y }, { layers, space, scales: "shared" }),
    );
    const j = jacobian(net, far);
    const kept = { ...j, data: j.data.map((v, k) => (moves(k % j.cols) ? v : 0)) };
    const { kernel } = f!;
    const scale = kernel.layerScales[0]!;
    const gram = multiply(kept, transpose(kept));
    expectClose(
      kernel.gram(far).data,
      gram.data.map((v) => scale * v),
      1e-10,
    );
    // The optima are found to a gradient of 1e-5.
    expect(w!.logEvidence).toBeCloseTo(f!.logEvidence, 6);
    expectClose(w!.process.at(far).mean.data, f!.process.at(far).mean.data, 1e-4);
    for (const adapted of [f!, w!]) {
      adapted.shift().forEach((v, k) => {
        expect(v !== 0).toBe(moves(k));
      });
    }
  });

  it("classifiers too", () => {
    const labels = Array.from({ length: 12 }, (_, i) => i % 2);
    const [f, w] = (["function", "weight"] as const).map((space) =>
      adaptClassifier(net, { x, labels }, { layers: [2], space, method: "laplace" }),
    );
    // Scales are found to a hundredth of a nat.
    expectClose(w!.probabilities(far).data, f!.probabilities(far).data, 2e-2);
    f!.shift().forEach((v, k) => {
      if (k < 24 || k >= 59) expect(v).toBe(0);
    });
  });

  it("refuse layers without weights, and biases with what is of whole layers", () => {
    expect(() => adapt(net, { x, y }, { layers: [1] })).toThrow("0, 2, 4");
    expect(() => adapt(net, { x, y }, { layers: "biases", approximation: "kronecker" })).toThrow(
      "whole layers",
    );
  });
});
