import { describe, expect, it } from "vitest";
import { adapt, adaptClassifier, conditionTangent, meanFn, prepare } from "../../src/adapt/index.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  add,
  cholesky,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  solve,
  subtract,
} from "../../src/linalg/index.ts";
import { dense, flatten, network, networkOf, tanh, unflatten } from "../../src/networks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({ inputShape: [2], layers: [dense(5), tanh(), dense(2)], seed: 8, precision: "f64" });
const x = randomMatrix(12, 2, "x"); // 24 values, 27 parameters
const many = randomMatrix(40, 2, "many");
const points = randomMatrix(7, 2, "points");
/** The network's own values moved by a smooth function, with a little noise. */
const targets = (at: Matrix, task: number): Matrix => {
  const noise = randomMatrix(at.rows, 2, `noise ${task}`).data;
  const move = (k: number) => Math.sin(task + at.data[k]! + (k % 2)) + 0.1 * noise[k]!;
  return { ...net.at(at), data: net.at(at).data.map((v, k) => v + move(k)) };
};

describe("many tasks on the same examples", () => {
  it.each(["shared", "layer"] as const)("share what depends on the examples alone (%s)", (scales) => {
    for (const inputs of [x, many]) {
      const base = prepare(net, inputs, { scales });
      for (const task of [0, 1, 2]) {
        const y = targets(inputs, task);
        const [one, alone] = [base.adapt(y), adapt(net, { x: inputs, y }, { scales })];
        expect(one.noiseVariance).toBeCloseTo(alone.noiseVariance, 10);
        expectClose(one.kernel.layerScales, alone.kernel.layerScales, 1e-10);
        expectClose(one.process.at(points).covariance.data, alone.process.at(points).covariance.data, 1e-10);
        const labels = Array.from({ length: inputs.rows }, (_, i) => (y.data[2 * i]! > 0 ? 1 : 0));
        const [both, single] = [
          base.adaptClassifier(labels),
          adaptClassifier(net, { x: inputs, labels }, { scales }),
        ];
        expectClose(both.probabilities(points).data, single.probabilities(points).data, 1e-10);
      }
    }
  });

  it("refuse what does not fit", () => {
    expect(() => prepare(net, rowRange(x, 0, 0))).toThrow(UsageError);
    expect(() => prepare(net, randomMatrix(3, 3, "x"))).toThrow(ShapeError);
    expect(() => prepare(net, x).adapt(randomMatrix(11, 2, "y"))).toThrow(ShapeError);
  });
});

describe("noise that each example has of its own", () => {
  it.each([
    ["function", x],
    ["weight", many],
  ] as const)("is weighed in %s space as by the written-out Gaussian", (space, inputs) => {
    const y = targets(inputs, 4);
    const noiseVariance = randomMatrix(inputs.rows, 1, "variances").data.map((v) => 0.1 * Math.exp(v));
    for (const scales of ["shared", "layer"] as const) {
      const found = adapt(net, { x: inputs, y }, { noiseVariance, scales });
      expect(found.space).toBe(space);
      const covariance = found.kernel.gram({ ...inputs });
      const size = covariance.rows;
      for (let k = 0; k < size; k++) covariance.data[k * (size + 1)]! += noiseVariance[k >> 1]!;
      const factor = cholesky(covariance);
      const r = matrix(size, 1, subtract(y, net.at(inputs)).data);
      const alpha = solve(factor, r);
      const cross = found.kernel.cross(points, inputs);
      const mean = add(net.at(points), matrix(7, 2, multiply(cross, alpha).data));
      expectClose(found.process.at(points).mean.data, mean.data, 1e-8);
      const gone = multiply(cross, solve(factor, found.kernel.cross(inputs, points)));
      const left = subtract(found.kernel.gram(points), gone);
      expectClose(found.process.at(points).covariance.data, left.data, 1e-8);
      const square = r.data.reduce((sum, v, k) => sum + v * alpha.data[k]!, 0);
      const evidence = -0.5 * (square + logDeterminant(factor) + size * Math.log(2 * Math.PI));
      expect(found.logEvidence).toBeCloseTo(evidence, 6);
      // The scale is the best one: none beside it has more evidence.
      for (const factorOf of [0.9, 1.1]) {
        const moved = Object.fromEntries(
          Object.entries(found.kernel.parameters).map(([name, p]) => [
            name,
            { ...p, value: p.value.map((v) => factorOf * v) },
          ]),
        );
        const near = conditionTangent(found.kernel.with(moved), { x: inputs, y, noiseVariance }, { space });
        expect(near.logEvidence).toBeLessThanOrEqual(found.logEvidence + 1e-7);
      }
      const typical = noiseVariance.reduce((sum, v) => sum + v / inputs.rows, 0);
      expect(found.noiseVariance).toBeCloseTo(typical, 12);
    }
  });

  it("of one size is the common noise", () => {
    const y = targets(x, 5);
    const each = adapt(net, { x, y }, { noiseVariance: new Float64Array(12).fill(0.3) });
    const common = adapt(net, { x, y }, { noiseVariance: 0.3 });
    expect(each.logEvidence).toBeCloseTo(common.logEvidence, 7);
    expect(() => adapt(net, { x, y }, { noiseVariance: [1, 2] })).toThrow(ShapeError);
    expect(() => adapt(net, { x, y }, { noiseVariance: new Float64Array(12) })).toThrow(UsageError);
  });
});

describe("examples one by one", () => {
  it.each([
    ["function", x],
    ["weight", many],
  ] as const)("end where all at once do, in %s space", (space, inputs) => {
    const y = targets(inputs, 6);
    const first = { x: rowRange(inputs, 0, inputs.rows - 3), y: rowRange(y, 0, inputs.rows - 3) };
    const fitted = adapt(net, first, { space });
    let grown = fitted;
    for (let i = inputs.rows - 3; i < inputs.rows; i++) {
      grown = grown.add({ x: rowRange(inputs, i, i + 1), y: rowRange(y, i, i + 1) });
    }
    const { noiseVariance } = fitted;
    const whole = conditionTangent(fitted.kernel, { x: inputs, y, noiseVariance }, { space });
    expect(grown.logEvidence).toBeCloseTo(whole.logEvidence, 7);
    expectClose(grown.process.at(points).mean.data, whole.process.at(points).mean.data, 1e-8);
    expectClose(grown.process.at(points).covariance.data, whole.process.at(points).covariance.data, 1e-8);
    expectClose(grown.shift(), whole.shift(), 1e-7);
  });

  it.each(["laplace", "regression"] as const)("teach a classifier as all at once do (%s)", (method) => {
    const labels = Array.from({ length: 12 }, (_, i) => (x.data[2 * i]! > 0 ? 1 : 0));
    for (const space of ["function", "weight"] as const) {
      const first = { x: rowRange(x, 0, 9), labels: labels.slice(0, 9) };
      const fitted = adaptClassifier(net, first, { method, space });
      let grown = fitted;
      for (let i = 9; i < 12; i++) grown = grown.add({ x: rowRange(x, i, i + 1), labels: [labels[i]!] });
      const once = fitted.add({ x: rowRange(x, 9, 12), labels: labels.slice(9) });
      expect(grown.logEvidence).toBeCloseTo(once.logEvidence, 7);
      expectClose(grown.probabilities(points).data, once.probabilities(points).data, 1e-7);
    }
  });
});

describe("the mean of an adapted network as a function", () => {
  it.each(["function", "weight"] as const)("is the posterior mean (%s space)", (space) => {
    const y = targets(many, 7);
    for (const mean of ["network", "constant"] as const) {
      const adapted = adapt(net, { x: many, y }, { space, mean });
      expectClose(meanFn(adapted).at(points).data, adapted.process.at(points).mean.data, 1e-9);
    }
    const labels = Array.from({ length: 40 }, (_, i) => (many.data[2 * i]! > 0 ? 1 : 0));
    for (const method of ["laplace", "regression"] as const) {
      const adapted = adaptClassifier(net, { x: many, labels }, { space, method });
      expectClose(meanFn(adapted).at(points).data, adapted.process.at(points).mean.data, 1e-7);
    }
  });

  it("is not the network of moved weights, but its tangent", () => {
    const adapted = adapt(net, { x, y: targets(x, 8) });
    const shift = adapted.shift();
    const w = flatten(net.weights);
    const moved = (t: number) =>
      networkOf(
        net,
        unflatten(
          w.map((v, i) => v + t * shift[i]!),
          net.weights,
          "f64",
        ),
      );
    const mean = meanFn(adapted).at(points);
    const gap = (t: number) =>
      Math.max(
        ...moved(t)
          .at(points)
          .data.map((v, k) => {
            const linear = net.at(points).data[k]! + t * (mean.data[k]! - net.at(points).data[k]!);
            return Math.abs(v - linear);
          }),
      );
    expect(gap(1)).toBeGreaterThan(1e-3);
    // What is left is of second order in the step.
    expect(gap(1e-3) / gap(1e-4)).toBeGreaterThan(80);
    expect(gap(1e-3) / gap(1e-4)).toBeLessThan(120);
  });
});

describe("labels regressed as numbers", () => {
  it("become probabilities that know the classes, by any prior mean", () => {
    const labels = Array.from({ length: 40 }, (_, i) => (many.data[2 * i]! > 0 ? 1 : 0));
    for (const mean of ["network", "constant"] as const) {
      const { probabilities, process, method } = adaptClassifier(
        net,
        { x: many, labels },
        { method: "regression", mean },
      );
      expect(method).toBe("regression");
      const p = probabilities(many);
      const right = labels.filter((label, i) => p.data[2 * i + label]! > 0.5).length;
      expect(right).toBeGreaterThanOrEqual(36);
      const sampled = probabilities(points, { predictive: "monte-carlo", draws: 20_000 });
      expectClose(sampled.data, probabilities(points).data, 0.03);
      // Nothing but a Gaussian process on one-hot targets.
      expect(process.at(points).mean.cols).toBe(2);
    }
  });
});
