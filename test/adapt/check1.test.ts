import { describe, expect, it } from "vitest";
import { adapt, conditionTangent } from "../../src/adapt/index.ts";
import { gramOf, matrix, multiply, subtract, toTensor } from "../../src/linalg/index.ts";
import {
  adam,
  dense,
  flatten,
  forward,
  gradient,
  network,
  networkOf,
  tanh,
  train,
  unflatten,
} from "../../src/networks/index.ts";
import { jacobian, jacobianOperator } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

/** Acceptance check 1 (a)–(c) of the design's facts: Maddox et al. 2021 on sines, 1-40-40-1 tanh, f64. */
describe("fast adaptation with a linearised network", () => {
  const sine = (n: number, amplitude: number, phase: number, name: string) => {
    const x = { rows: n, cols: 1, data: randomMatrix(n, 1, name).data.map((v) => 2.5 * v) };
    // The paper's tasks: noise of a hundredth of the amplitude.
    const noise = randomMatrix(n, 1, `${name} noise`).data;
    const y = x.data.map((v, i) => amplitude * (Math.sin(v + phase) + 0.01 * noise[i]!));
    return { x, y: { ...x, data: y } };
  };
  const start = network({
    inputShape: [1],
    layers: [dense(40), tanh(), dense(40), tanh(), dense(1)],
    seed: 1,
    precision: "f64",
  });
  const { network: net } = runSync(
    train(start, sine(50, 1, 0, "source"), {
      epochs: 300,
      batchSize: 50,
      optimizer: adam({ learningRate: 0.01 }),
    }),
  );
  const target = sine(10, 1.5, 0.6, "target");
  const points = sine(200, 1.5, 0.6, "test").x;

  it("(a) function space and weight space agree to 1e-8", () => {
    const { kernel, noiseVariance } = adapt(net, target);
    const data = { ...target, noiseVariance };
    const f = conditionTangent(kernel, data, { space: "function" }).process.at(points);
    const w = conditionTangent(kernel, data, { space: "weight" }).process.at(points);
    const mean = target.y.data.reduce((sum, v) => sum + v / 10, 0);
    const sd = Math.sqrt(target.y.data.reduce((sum, v) => sum + (v - mean) ** 2 / 10, 0));
    const worst = Math.max(...subtract(f.mean, w.mean).data.map(Math.abs)) / sd;
    expect(worst).toBeLessThan(1e-8);
    const relative = f.variance.data.map((v, i) => Math.abs(v - w.variance.data[i]!) / v);
    expect(Math.max(...relative)).toBeLessThan(1e-8);
  });

  it("(b) matrix-free K v equals the explicit product to 1e-10", () => {
    const j = jacobian(net, points);
    const operator = jacobianOperator(net, points);
    const v = randomMatrix(200, 1, "v");
    const free = operator.apply(operator.applyTranspose(v));
    expectClose(free.data, multiply(gramOf(j), v).data, 1e-10);
  });

  it("(c) Fisher-vector products equal finite differences of the divergence's gradient", () => {
    // ∇_w' ½‖f(w') − f(w)‖² at w' = w + εv, over ε, tends to JᵀJ v with an error proportional to ε.
    const x = toTensor(target.x, [1], "f64");
    const operator = jacobianOperator(net, target.x);
    const direction = randomMatrix(operator.cols, 1, "direction");
    const norm = Math.hypot(...direction.data);
    const v = matrix(
      operator.cols,
      1,
      direction.data.map((q) => q / norm),
    );
    const exact = operator.applyTranspose(operator.apply(v)).data;
    const w = flatten(net.weights);
    const f = forward(net, x).y.data;
    const error = (epsilon: number) => {
      const moved = networkOf(
        net,
        unflatten(
          w.map((q, i) => q + epsilon * v.data[i]!),
          net.weights,
          "f64",
        ),
      );
      const { y, tapes } = forward(moved, x);
      const gap = y.data.map((q, i) => (q - f[i]!) / epsilon);
      const product = flatten(gradient(moved, tapes, { shape: y.shape, data: gap }));
      return Math.hypot(...product.map((q, i) => q - exact[i]!)) / Math.hypot(...exact);
    };
    expect(error(1e-4)).toBeLessThan(1e-3);
    const slope = Math.log10(error(1e-2) / error(1e-5)) / 3;
    expect(Math.abs(slope - 1)).toBeLessThan(0.1);
  });
});
