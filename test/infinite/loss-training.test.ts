import { describe, expect, it } from "vitest";
import {
  decay,
  ensemble,
  ensembleDraws,
  infinite,
  largestLearningRate,
  linearisedTraining,
  pathCoefficients,
  trainedValues,
  trainFromZero,
} from "../../src/infinite/index.ts";
import { columnVector, type Matrix, multiply, solveOde, subtract } from "../../src/linalg/index.ts";
import { crossEntropy, dense, erf, flatten, mse, network, tanh } from "../../src/networks/index.ts";
import { gp } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { jacobian, tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const limit = infinite(network({ inputShape: [2], layers: [dense(3), erf(), dense(3), erf(), dense(1)] }));
const x = randomMatrix(8, 2, "x");
const points = randomMatrix(5, 2, "points");
const classes = columnVector([0, 1, 2, 0, 1, 2, 0, 1]);

describe("training in function space on a loss", () => {
  it("of cross-entropy is neural-tangents' flow", () => {
    const g = golden("infinite-training");
    for (const time of [0.1, 2, 30]) {
      const a = pathCoefficients(rows(g.gram), rows(g.start), columnVector(g.classes), crossEntropy(), {
        learningRate: time,
        steps: 1,
        rule: "flow",
      });
      // Its solver's tolerance is 1.4e-8 a step.
      expectClose(subtract(rows(g.start), multiply(rows(g.gram), a)).data, g[`t${time}`].train.flat(), 1e-6);
      expectClose(
        subtract(rows(g.start_test), multiply(rows(g.cross), a)).data,
        g[`t${time}`].test.flat(),
        1e-6,
      );
    }
  });

  it("of squared error is the closed form, flow and descent with momentum", () => {
    const y = randomMatrix(8, 2, "y");
    const theta = limit.ntk.gram(x);
    const learningRate = 0.4 * largestLearningRate(theta);
    for (const time of [
      { learningRate, steps: 25, rule: "flow" },
      { learningRate, steps: 25 },
      { learningRate, steps: 25, momentum: 0.7 },
    ] as const) {
      // The loss is the mean over the two outputs: twice the steps' length makes it ½ Σ.
      const fn = trainFromZero(limit.ntk, { x, y }, 2, mse(), time);
      const closed = ensemble(limit, { x, y }, points, time).mean;
      expectClose(fn.at(points).data, closed.data, 1e-7);
    }
  });

  it.each([0, 0.6])("of a linearised network's squared error is the closed form, momentum %f", (momentum) => {
    const net = network({
      inputShape: [2],
      layers: [dense(16), tanh(), dense(2)],
      precision: "f64",
      seed: 4,
    });
    const y = randomMatrix(8, 2, "y");
    const time = { learningRate: 0.02, steps: 40, momentum };
    // The mean over both outputs: half of it is the half sum that the closed form takes.
    const found = linearisedTraining(net, { x, y }, time, mse());
    const closed = linearisedTraining(net, { x, y }, time);
    expectClose(found.at(points).data, closed.at(points).data, 1e-9);
    expectClose(found.at(x).data, closed.at(x).data, 1e-9);
  });

  it.each([0, 0.5])(
    "of cross-entropy on a linearised network is descent in its weights, momentum %f",
    (momentum) => {
      const net = network({
        inputShape: [2],
        layers: [dense(12), tanh(), dense(3)],
        precision: "f64",
        seed: 1,
      });
      const j = jacobian(net, x);
      const at = jacobian(net, points);
      const gram = tangentKernel(net).gram(x);
      const learningRate = 0.3 * largestLearningRate(gram);
      const w = new Float64Array(flatten(net.weights).length);
      const velocity = w.slice();
      const values = (base: Matrix, slopes: Matrix) =>
        base.data.map((v, k) => v + multiply(slopes, columnVector(w)).data[k]!);
      const visited: Float64Array[] = [];
      const time = { learningRate, steps: 60, momentum };
      pathCoefficients(gram, net.at(x), classes, crossEntropy(), time, (step, a) => {
        expect(step).toBe(visited.length);
        visited.push(trainedValues(net.at(x), gram, a).data);
      });
      for (let t = 0; t < 60; t++) {
        const f = values(net.at(x), j);
        expectClose(visited[t]!, f, 1e-9);
        const slope = crossEntropy().evaluate({ shape: [8, 3], data: f }, classes).dy.data;
        const step = multiply(j, columnVector(Float64Array.from(slope, (v) => v * 8)), { a: true });
        for (let k = 0; k < w.length; k++) {
          velocity[k] = momentum * velocity[k]! + step.data[k]!;
          w[k]! -= learningRate * velocity[k]!;
        }
      }
      expect(visited).toHaveLength(61);
      const fn = linearisedTraining(net, { x, y: classes }, time, crossEntropy());
      expectClose(fn.at(points).data, values(net.at(points), at), 1e-9);
    },
  );

  it("a flow is the limit of many small steps, for the ensemble's draws too", () => {
    const learningRate = largestLearningRate(limit.ntk.gram(x));
    const options = { loss: crossEntropy(), outputs: 3, count: 6, key: key(4) };
    const flow = ensembleDraws(
      limit,
      { x, y: classes },
      points,
      { learningRate, steps: 20, rule: "flow" },
      options,
    );
    const small = { learningRate: learningRate / 500, steps: 10_000 };
    const steps = ensembleDraws(limit, { x, y: classes }, points, small, options);
    // The error of Euler's rule: half a step.
    expectClose(flow.mean.data, steps.mean.data, 2e-3);
    expectClose(flow.variance.data, steps.variance.data, 5e-3);
  });

  it("of squared error by draws has the closed form's mean and variance within their errors", () => {
    const y = randomMatrix(8, 1, "y");
    const time = { learningRate: 0.3 * largestLearningRate(limit.ntk.gram(x)), steps: 30 };
    const exact = ensemble(limit, { x, y }, points, { ...time, learningRate: 2 * time.learningRate });
    const count = 400;
    const drawn = ensembleDraws(limit, { x, y }, points, time, {
      loss: mse(),
      outputs: 1,
      count,
      key: key(2),
    });
    points.data.slice(0, points.rows).forEach((_, i) => {
      const gap = drawn.mean.data[i]! - exact.mean.data[i]!;
      expect(Math.abs(gap)).toBeLessThan(4 * drawn.standardError.data[i]!);
      // A variance of 400 draws is good to √(2/400) = 7 %: four of those.
      expect(Math.abs(drawn.variance.data[i]! / exact.variance.data[i]! - 1)).toBeLessThan(0.28);
    });
  });

  it("for ever on squared error is the posterior mean of a GP with the NTK; of readouts alone with the NNGP", () => {
    const y = randomMatrix(8, 1, "y");
    const end = ensemble(limit, { x, y }, points, { learningRate: 1, steps: Infinity, rule: "flow" });
    const posterior = gp(limit.ntk).condition({ x, y, noiseVariance: 0 });
    expectClose(end.mean.data, posterior.at(points).mean.data, 1e-6);
    // With the NNGP as tangent kernel only the last layer's weights learn: members are draws of its posterior.
    const readouts = {
      ...limit,
      both(a: Matrix, b?: Matrix) {
        const { nngp } = limit.both(a, b);
        return { nngp, ntk: nngp };
      },
    };
    const forever = { learningRate: 1, steps: Infinity, rule: "flow" } as const;
    const trained = ensemble(readouts, { x, y }, points, forever);
    const exact = gp(limit.nngp).condition({ x, y, noiseVariance: 0 }).at(points);
    expectClose(trained.mean.data, exact.mean.data, 1e-6);
    expectClose(trained.variance.data, exact.variance.data, 1e-6);
  });

  it("refuses endless time where it has no end", () => {
    expect(() =>
      trainFromZero(limit.ntk, { x, y: classes }, 3, crossEntropy(), { learningRate: 1, steps: Infinity }),
    ).toThrow("no end");
    const tooFast = { learningRate: 3 * largestLearningRate(limit.ntk.gram(x)), steps: Infinity };
    expect(() => ensemble(limit, { x, y: randomMatrix(8, 1, "y") }, points, tooFast).mean).toThrow(
      "diverges",
    );
  });
});

describe("the Runge–Kutta solver", () => {
  it("solves what has a closed form to its tolerance", () => {
    // A damped oscillator: y″ = −y, and decay.
    const y = solveOde((v) => Float64Array.of(v[1]!, -v[0]!, -3 * v[2]!), Float64Array.of(1, 0, 2), 10);
    expectClose(y, [Math.cos(10), -Math.sin(10), 2 * Math.exp(-30)], 1e-7);
    expect(solveOde((v) => v, Float64Array.of(1), 0)[0]).toBe(1);
  });
  it("says when it gives up", () => {
    const stiff = () => solveOde((v) => v.map((u) => -1e6 * u), Float64Array.of(1), 1, { maxSteps: 100 });
    expect(stiff).toThrow("took 100 steps");
  });
});

describe("decay with momentum", () => {
  it("is the two-term recursion, however many its steps", () => {
    for (const steps of [0, 1, 2, 7, 100]) {
      let [left, velocity] = [1, 0];
      for (let t = 0; t < steps; t++) {
        velocity = 0.9 * velocity + 0.3 * left;
        left -= velocity;
      }
      expect(decay(3, { learningRate: 0.1, steps, momentum: 0.9 })).toBeCloseTo(left, 12);
    }
  });
});
