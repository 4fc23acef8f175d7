import { describe, expect, it } from "vitest";
import {
  eigenfunctions,
  kernelStatistics,
  learnedModes,
  learningRateTransfer,
  logSlope,
  steadyLearningRate,
  trainingDynamics,
} from "../../src/dynamics/index.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { infinite } from "../../src/infinite/index.ts";
import { columnVector, gramOf, identity, matrix, multiply } from "../../src/linalg/index.ts";
import { dense, network, sgd, tanh, train } from "../../src/networks/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [2],
  layers: [dense(16), tanh(), dense(16), tanh(), dense(2)],
  seed: 4,
  precision: "f64",
});
const x = randomMatrix(9, 2, "x");
const y = randomMatrix(9, 2, "y");
const points = randomMatrix(5, 2, "points");

describe("the dynamics of a real training", () => {
  it.each([0, 0.5])("of a model linear in its weights is its linearisation's, momentum %f", (momentum) => {
    const linear = network({ inputShape: [2], layers: [dense(2)], seed: 1, precision: "f64" });
    const learningRate = steadyLearningRate(linear, x);
    const { records } = runSync(
      trainingDynamics(linear, { x, y }, points, { steps: 30, learningRate, momentum }),
    );
    for (const { actual, linearised, kernel: moved } of records) {
      expectClose(actual.atPoints.data, linearised.atPoints.data, 1e-10);
      expect(actual.loss).toBeCloseTo(linearised.loss, 10);
      expect(moved.movement).toBeLessThan(1e-14);
    }
  });

  it("is the training that `train` does", () => {
    const learningRate = 0.1;
    const { records } = runSync(
      trainingDynamics(net, { x, y }, points, { steps: 20, learningRate, momentum: 0.9, record: [0, 20] }),
    );
    const trained = runSync(
      train(net, { x, y }, { epochs: 20, batchSize: 9, optimizer: sgd({ learningRate, momentum: 0.9 }) }),
    ).network;
    // `train` meets the examples in another order: sums round differently.
    expectClose(records.at(-1)!.actual.atPoints.data, trained.at(points).data, 1e-10);
    expect(records.map(({ step }) => step)).toEqual([0, 20]);
    expect(records[1]!.kernel.movement).toBeGreaterThan(0.01);
  });

  it("comes to its linearisation's and to the infinite network's as the width grows", () => {
    const wide = (width: number) => {
      const ntk = { parametrisation: "ntk", weightDeviation: Math.SQRT2, biasDeviation: 0.1 } as const;
      const start = network({
        inputShape: [2],
        layers: [dense(width, ntk), tanh(), dense(1, ntk)],
        seed: 2,
        precision: "f64",
      });
      const target = { x, y: columnVector(y.data.filter((_, k) => k % 2 === 0)) };
      const limit = infinite(start);
      const learningRate = steadyLearningRate(start, x);
      const { records } = runSync(
        trainingDynamics(start, target, points, { steps: 60, learningRate, limit, record: [60] }),
      );
      const { actual, linearised, infinite: far, kernel: moved } = records[0]!;
      const rms = (a: Float64Array, b: Float64Array) =>
        Math.sqrt(a.reduce((sum, v, k) => sum + (v - b[k]!) ** 2, 0) / a.length);
      return {
        linear: rms(actual.atPoints.data, linearised.atPoints.data),
        infinite: rms(actual.atPoints.data, far!.atPoints.data),
        movement: moved.movement,
      };
    };
    const [narrow, broad] = [wide(16), wide(1024)];
    // Theory: 1/√width, a factor of 8, with the scatter of one draw each.
    expect(broad!.linear).toBeLessThan(narrow!.linear / 3);
    expect(broad!.infinite).toBeLessThan(narrow!.infinite / 3);
    expect(broad!.movement).toBeLessThan(narrow!.movement / 3);
    expect(broad!.infinite).toBeLessThan(0.05);
  });

  it("learns each eigenvector of the kernel at its own pace: (1 − η′λ)^t for the linearisation", () => {
    const learningRate = steadyLearningRate(net, x);
    const dynamics = runSync(trainingDynamics(net, { x, y }, points, { steps: 50, learningRate }));
    const modes = learnedModes(dynamics, 18);
    for (const { eigenvalue, linearised } of modes) {
      dynamics.records.forEach(({ step }, r) => {
        expect(linearised[r]).toBeCloseTo((1 - (learningRate / 9) * eigenvalue) ** step, 8);
      });
    }
    expect(modes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    // The leading one shrinks by half in the first step, at half the largest rate.
    expect(modes[0]!.learnedAt).toBeLessThanOrEqual(2);
    expect(modes[0]!.eigenvalue).toBeGreaterThan(modes[1]!.eigenvalue);
  });

  it("refuses what does not fit", () => {
    const go = (options: Partial<Parameters<typeof trainingDynamics>[3]>) =>
      runSync(trainingDynamics(net, { x, y }, points, { steps: 5, learningRate: 0.1, ...options }));
    expect(() => go({ learningRate: 0 })).toThrow(UsageError);
    expect(() => go({ record: [7] })).toThrow("between 0 and 5");
    expect(() =>
      runSync(trainingDynamics(net, { x, y: matrix(9, 1) }, points, { steps: 5, learningRate: 0.1 })),
    ).toThrow(ShapeError);
  });
});

describe("a kernel in numbers", () => {
  it("y yᵀ is aligned and of rank 1, the identity of full rank", () => {
    const of = kernelStatistics(gramOf(columnVector(y.data)), y);
    expect(of.alignment).toBeCloseTo(1, 12);
    expect(of.effectiveRank).toBeCloseTo(1, 6);
    const flat = kernelStatistics(identity(18), y);
    expect(flat.effectiveRank).toBeCloseTo(18, 10);
    expect(flat.alignment).toBeCloseTo(1 / Math.sqrt(18), 12);
    expect(flat.norm).toBeCloseTo(Math.sqrt(18), 12);
    expect(() => kernelStatistics(identity(3), y)).toThrow(ShapeError);
  });

  it("has eigenfunctions: orthonormal over the examples, and k φ = λ φ everywhere", () => {
    const one = network({
      inputShape: [2],
      layers: [dense(12), tanh(), dense(1)],
      seed: 5,
      precision: "f64",
    });
    const k = tangentKernel(one);
    const phis = eigenfunctions(one, x, 3);
    const modes = phis.map((phi) => phi.at(x).data);
    modes.forEach((a, i) => {
      modes.forEach((b, j) => {
        const inner = a.reduce((sum, v, r) => sum + (v * b[r]!) / 9, 0);
        expect(inner).toBeCloseTo(i === j ? 1 : 0, 9);
      });
    });
    const applied = multiply(k.cross(points, x), columnVector(modes[0]!)).data;
    const values = phis[0]!.at(points).data;
    const eigenvalue = applied[0]! / values[0]!;
    expectClose(
      applied,
      values.map((v) => eigenvalue * v),
      1e-9,
    );
  });
});

describe("slopes and learning rates", () => {
  it("a power law has its exponent; scatter has a standard error", () => {
    const exact = logSlope([1, 2, 4, 8].map((v) => ({ x: v, y: 3 * v ** -0.5 })));
    expect(exact.slope).toBeCloseTo(-0.5, 12);
    expect(exact.standardError).toBeLessThan(1e-12);
    // y over x = 1, e, e²: logs 0, 1, 0 have slope 0, residual squares 2/3 over 1 degree of freedom and Σ(x − x̄)² = 2.
    const flat = logSlope([0, 1, 0].map((v, i) => ({ x: Math.exp(i), y: Math.exp(v) })));
    expect(flat.slope).toBeCloseTo(0, 12);
    expect(flat.standardError).toBeCloseTo(Math.sqrt(2 / 3 / 2), 12);
    expect(() => logSlope([{ x: 1, y: 0 }])).toThrow(UsageError);
  });

  it("finds the best rate, and says where training diverges", () => {
    const linear = () => network({ inputShape: [2], layers: [dense(2)], seed: 1, precision: "f64" });
    const best = steadyLearningRate(linear(), x);
    const [record] = runSync(
      learningRateTransfer(
        linear,
        { x, y },
        {
          widths: [1],
          seeds: 1,
          rates: [best / 10, best, 100 * best],
          training: (learningRate) => ({ epochs: 400, batchSize: 9, optimizer: sgd({ learningRate }) }),
        },
      ),
    );
    expect(record!.best).toBe(best);
    expect(record!.losses[2]).toBe(Infinity);
    expect(record!.losses[0]).toBeGreaterThan(record!.losses[1]!);
  });
});
