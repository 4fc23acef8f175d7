import { describe, expect, it } from "vitest";
import {
  decay,
  ensemble,
  infinite,
  largestLearningRate,
  linearisedTraining,
  wideNetwork,
} from "../../src/infinite/index.ts";
import { columnVector, eigh, type Matrix, matrix, subtract } from "../../src/linalg/index.ts";
import {
  abs,
  cos,
  dense,
  erf,
  exp,
  flatten,
  gelu,
  type Layer,
  layerNorm,
  leakyRelu,
  type NetworkPart,
  network,
  networkOf,
  relu,
  residual,
  sgd,
  sin,
  softplus,
  tanh,
  train,
  unflatten,
} from "../../src/networks/index.ts";
import { key, split } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("infinite");
const [x, z] = [rows(g.x), rows(g.z)];
const of = (layers: readonly NetworkPart[]) => network({ inputShape: [4], layers, seed: 0 });
const twice = (phi: () => Layer) => of([dense(3), phi(), dense(3), phi(), dense(1)]);
const variances = { weightVariance: 1.3 ** 2, biasVariance: 0.4 ** 2 };
const rowsOf = (values: number[][]) => values.flat();

describe("infinite-width kernels equal neural-tangents'", () => {
  const cases: [string, ReturnType<typeof of>, number][] = [
    ["relu", twice(relu), 1e-12],
    ["leakyRelu", twice(() => leakyRelu(0.2)), 1e-12],
    ["abs", twice(abs), 1e-12],
    ["erf", twice(erf), 1e-12],
    ["gelu", twice(gelu), 1e-9],
    ["sin", twice(sin), 1e-12],
    ["cos", twice(cos), 1e-12],
    // A series here, 200 × 200 nodes there: slowest where a point meets itself.
    ["tanh", twice(tanh), 1e-8],
    ["residual", of([dense(3), residual([relu(), dense(3)]), relu(), dense(1)]), 1e-12],
    ["layerNorm", of([dense(3), layerNorm(), relu(), dense(3), layerNorm(), erf(), dense(1)]), 1e-9],
  ];
  it.each(cases)("%s", (name, net, tolerance) => {
    const limit = infinite(net, variances);
    const cross = limit.both(x, z);
    const own = limit.both(x);
    const close = (a: Matrix, b: number[][]) => {
      const size = Math.max(...b.flat().map(Math.abs));
      a.data.forEach((v, k) => {
        expect(Math.abs(v - b.flat()[k]!) / size).toBeLessThan(tolerance);
      });
    };
    close(cross.nngp, g[name].nngp);
    close(cross.ntk, g[name].ntk);
    close(own.nngp, g[name].nngp_xx);
    // Where a point meets itself neural-tangents' rectifiers have a rounding of 1e-8 in the angle; so do ours.
    own.ntk.data.forEach((v, k) => {
      const b = rowsOf(g[name].ntk_xx);
      expect(Math.abs(v - b[k]!) / Math.max(...b)).toBeLessThan(Math.max(tolerance, 1e-7));
    });
  });
  it("exp", () => {
    const limit = infinite(of([dense(3), exp(), dense(1)]), { weightVariance: 0.49, biasVariance: 0.16 });
    expectClose(limit.both(x, z).ntk.data, rowsOf(g.exp.ntk), 1e-11);
  });
});

describe("infinite-width kernels", () => {
  it.each([
    ["closed forms", twice(relu)],
    ["a series", twice(softplus)],
    ["branches and layer norm", of([dense(3), layerNorm(), residual([erf(), dense(3)]), sin(), dense(1)])],
  ])("have gradients in every layer's variances that agree with differences: %s", (_, net) => {
    for (const which of ["nngp", "ntk"] as const) {
      for (const other of [z, undefined]) {
        const kernel = infinite(net, variances)[which];
        const bar = randomMatrix(6, other ? 5 : 6, "bar");
        if (!other) {
          for (let i = 0; i < 6; i++) for (let j = 0; j < i; j++) bar.data[j * 6 + i] = bar.data[i * 6 + j]!;
        }
        const gradient = kernel.pullback(x, other, bar);
        expect(Object.keys(gradient).sort()).toEqual(Object.keys(kernel.parameters).sort());
        for (const name of Object.keys(kernel.parameters)) {
          const value = (by: number) => {
            const moved = kernel.with({
              ...kernel.parameters,
              [name]: {
                ...kernel.parameters[name]!,
                value: Float64Array.of(kernel.parameters[name]!.value[0]! + by),
              },
            });
            const k = other ? moved.cross(x, other) : moved.gram(x);
            return k.data.reduce((s, v, i) => s + v * bar.data[i]!, 0);
          };
          const h = 1e-5;
          const slope = (value(h) - value(-h)) / (2 * h);
          expect(Math.abs(gradient[name]![0]! - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
        }
      }
    }
  });

  it("are symmetric and positive semi-definite, and the diagonal is the diagonal", () => {
    const { nngp, ntk } = infinite(twice(relu));
    for (const kernel of [nngp, ntk]) {
      const k = kernel.gram(x);
      expect(eigh(k).values[0]!).toBeGreaterThan(-1e-10);
      kernel.diagonal(x).forEach((v, i) => {
        expect(v).toBeCloseTo(k.data[i * 7]!, 7);
      });
    }
  });

  it("are where finite networks tend to, at the rate 1/√width", () => {
    // Design facts, check 4 (c): relative Frobenius error of single networks, averaged over ten of each width.
    const points = randomMatrix(12, 10, "points");
    const net = network({ inputShape: [10], layers: [dense(3), erf(), dense(1)] });
    const limit = infinite(net, { weightVariance: 2, biasVariance: 0.01 });
    const exact = limit.ntk.gram(points);
    const norm = (a: Matrix) => Math.sqrt(a.data.reduce((s, v) => s + v * v, 0));
    const errors = [64, 256, 1024].map((width) => {
      let total = 0;
      for (let t = 0; t < 10; t++) {
        const wide = wideNetwork(net, limit.ntk.parameters, width, split(key(1), t));
        total += norm(subtract(tangentKernel(wide).gram(points), exact)) / norm(exact) / 10;
      }
      return total;
    });
    expect(errors[2]!).toBeLessThan(0.1);
    const slope = Math.log(errors[2]! / errors[0]!) / Math.log(1024 / 64);
    expect(slope).toBeGreaterThan(-0.75);
    expect(slope).toBeLessThan(-0.35);
  });

  it("refuse layers that have no limit", () => {
    expect(() => infinite(of([dense(3), relu()]))).toThrow("last layer should be dense");
  });
});

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
    const limit = infinite(twice(erf));
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
