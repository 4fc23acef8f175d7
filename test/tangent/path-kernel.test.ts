import { describe, expect, it } from "vitest";
import { columnVector, eigh } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { pathKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";

// Design facts, check 5: 1-32-32-1 tanh, 16 points, trained for a time of 20.
const net = network({
  inputShape: [1],
  layers: [dense(32), tanh(), dense(32), tanh(), dense(1)],
  seed: 3,
  precision: "f64",
});
const x = columnVector(Array.from({ length: 16 }, (_, i) => -2 + (4 * i) / 15));
const y = columnVector(Array.from(x.data, (v) => 1.5 * Math.sin(2 * v)));
const points = columnVector([-1.9, -1.2, -0.3, 0.4, 1.1, 1.7]);
const along = (learningRate: number, rule: "euler" | "exact", time: number) =>
  runSync(pathKernel(net, { x, y }, points, { steps: Math.round(time / learningRate), learningRate, rule }));
const error = ({ change, contributions }: ReturnType<typeof along>) =>
  Math.max(
    ...change.data.map((moved, r) =>
      Math.abs(moved - contributions.data.subarray(r * 16, r * 16 + 16).reduce((a, b) => a + b, 0)),
    ),
  );

describe("the path kernel", () => {
  it("adds up to what training changed, with an error that halves with the learning rate", () => {
    // The facts take half the squared error: their rates of 0.04 and 0.02 for a time of 20.
    const [coarse, fine] = [along(0.02, "euler", 10), along(0.01, "euler", 10)];
    // The function itself moves by about one.
    expect(Math.max(...coarse.change.data.map(Math.abs))).toBeGreaterThan(0.5);
    expect(error(coarse)).toBeLessThan(5e-3);
    expect(error(coarse) / error(fine)).toBeGreaterThan(1.8);
    expect(error(coarse) / error(fine)).toBeLessThan(2.2);
  });
  it("is an identity with the Jacobian averaged over each step, whatever the learning rate", () => {
    for (const rate of [0.02, 0.1]) expect(error(along(rate, "exact", 4))).toBeLessThan(1e-10);
    // Steps so long that four nodes a step miss by 1e-3.
    expect(error(along(0.1, "exact", 10))).toBeLessThan(1e-10);
  });
  it("of the examples with themselves is symmetric and positive semi-definite", () => {
    const { kernel } = runSync(pathKernel(net, { x, y }, x, { steps: 100, learningRate: 0.02 }));
    kernel.data.forEach((v, k) => {
      expect(v).toBeCloseTo(kernel.data[(k % 16) * 16 + Math.floor(k / 16)]!, 10);
    });
    const { values } = eigh(kernel);
    expect(values[0]!).toBeGreaterThan(-1e-8 * values.at(-1)!);
  });
});
