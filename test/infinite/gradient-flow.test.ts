import { describe, expect, it } from "vitest";
import {
  decay,
  ensemble,
  infinite,
  largestLearningRate,
  linearisedTraining,
  wideNetwork,
} from "../../src/infinite/index.ts";
import { columnVector, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  dense,
  erf,
  flatten,
  network,
  networkOf,
  sgd,
  tanh,
  train,
  unflatten,
} from "../../src/networks/index.ts";
import { key, split } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("infinite");
const [x, z] = [rows(g.x), rows(g.z)];

describe("training in function space", () => {
  const net = network({
    inputShape: [1],
    layers: [dense(24), tanh(), dense(24), tanh(), dense(1)],
    seed: 3,
    precision: "f64",
  });
  const data = {
    x: columnVector([-1.5, -0.8, -0.1, 0.6, 1.3]),
    y: columnVector([0.4, -0.9, 0.1, 1.1, -0.3]),
  };
  const points = columnVector([-1, 0.2, 0.9]);
  const theta = tangentKernel(net).gram(data.x);
  const learningRate = 0.5 * largestLearningRate(theta);

  it("a linearised network trained by gradient descent is the closed form, with momentum too", () => {
    // Design facts, check 4 (b): the linear model's weights, moved step by step.
    for (const momentum of [0, 0.8]) {
      const jacobian = Array.from({ length: 5 }, (_, i) => rowOfJacobian(data.x, i));
      const residual = (w: Float64Array) =>
        data.y.data.map((y, i) => net.at(data.x).data[i]! + inner(jacobian[i]!, w) - y);
      const w = new Float64Array(flatten(net.weights).length);
      const v = new Float64Array(w.length);
      for (let t = 0; t < 40; t++) {
        const r = residual(w);
        for (let k = 0; k < w.length; k++) {
          let slope = 0;
          for (let i = 0; i < 5; i++) slope += jacobian[i]![k]! * r[i]!;
          v[k] = momentum * v[k]! + slope;
        }
        for (let k = 0; k < w.length; k++) w[k]! -= learningRate * v[k]!;
      }
      const closed = linearisedTraining(net, data, { learningRate, steps: 40, momentum }).at(points);
      points.data.forEach((_, i) => {
        const stepped = net.at(points).data[i]! + inner(rowOfJacobian(points, i), w);
        expect(Math.abs(closed.data[i]! - stepped)).toBeLessThan(1e-9);
      });
    }
  });
  const inner = (a: Float64Array, b: Float64Array) => a.reduce((s, q, k) => s + q * b[k]!, 0);
  const rowOfJacobian = (at: Matrix, i: number): Float64Array => {
    const w = flatten(net.weights);
    const out = new Float64Array(w.length);
    const point = matrix(1, 1, at.data.slice(i, i + 1));
    const h = 1e-5;
    const value = (k: number, by: number) => {
      const moved = w.slice();
      moved[k]! += by;
      return networkOf(net, unflatten(moved, net.weights, "f64")).at(point).data[0]!;
    };
    for (let k = 0; k < w.length; k++) {
      // Fourth-order differences: error 1e-13.
      out[k] =
        (8 * (value(k, h * 100) - value(k, -h * 100)) - (value(k, h * 200) - value(k, -h * 200))) /
        (1200 * h);
    }
    return out;
  };

  it("a flow is the limit of many small steps, and forever is interpolation", () => {
    const flow = linearisedTraining(net, data, { learningRate, steps: 3.5, rule: "flow" }).at(points).data;
    const small = linearisedTraining(net, data, { learningRate: learningRate / 1e5, steps: 350_000 }).at(
      points,
    ).data;
    // The error of Euler's rule: half a step.
    flow.forEach((v, i) => {
      expect(Math.abs(v - small[i]!)).toBeLessThan(1e-4);
    });
    const end = linearisedTraining(net, data, { learningRate, steps: Infinity }).at(data.x).data;
    end.forEach((v, i) => {
      expect(v).toBeCloseTo(data.y.data[i]!, 6);
    });
    expect(decay(0, { learningRate: 1, steps: Infinity })).toBe(1);
  });

  it("the infinite ensemble starts as the NNGP and ends at the targets without spread", () => {
    const limit = infinite(
      network({ inputShape: [4], layers: [dense(3), erf(), dense(3), erf(), dense(1)] }),
    );
    const inputs = { x, y: matrix(6, 2, randomMatrix(6, 2, "targets").data) };
    const first = ensemble(limit, inputs, z, { learningRate: 0.1, steps: 0 });
    expect(first.mean.data.every((v) => v === 0)).toBe(true);
    const k = limit.nngp.gram(z);
    first.variance.data.forEach((v, i) => {
      expect(v).toBeCloseTo(k.data[Math.floor(i / 2) * 6]!, 12);
    });
    const last = ensemble(limit, inputs, x, { learningRate: 0.1, steps: Infinity });
    last.mean.data.forEach((v, i) => {
      expect(v).toBeCloseTo(inputs.y.data[i]!, 6);
    });
    for (const v of last.variance.data) expect(Math.abs(v)).toBeLessThan(1e-6);
  });

  it("wide networks trained by gradient descent have its mean and spread", () => {
    const shape = network({ inputShape: [1], layers: [dense(3), erf(), dense(1)] });
    const limit = infinite(shape, { weightVariance: 2, biasVariance: 0.05 });
    const time = { learningRate: 0.1, steps: 60 };
    const exact = ensemble(limit, data, points, time);
    const members = 30;
    const values = Array.from({ length: members }, (_, t) => {
      const wide = wideNetwork(shape, limit.ntk.parameters, 1024, split(key(7), t));
      const { network: trained } = runSync(
        // The mean of squares over 5 examples, against half their sum.
        train(wide, data, { epochs: 60, batchSize: 5, optimizer: sgd({ learningRate: (0.1 * 5) / 2 }) }),
      );
      return trained.at(points).data;
    });
    points.data.forEach((_, i) => {
      const all = values.map((v) => v[i]!);
      const mean = all.reduce((a, b) => a + b, 0) / members;
      const variance = all.reduce((s, v) => s + (v - mean) ** 2, 0) / (members - 1);
      const expected = exact.variance.data[i]!;
      // Four standard errors of the mean; the variance of 30 is good to a factor of two.
      expect(Math.abs(mean - exact.mean.data[i]!)).toBeLessThan(4 * Math.sqrt(expected / members));
      expect(variance / expected).toBeGreaterThan(0.4);
      expect(variance / expected).toBeLessThan(2.2);
    });
  });
});
