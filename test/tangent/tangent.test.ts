import { describe, expect, it } from "vitest";
import { gramOf, matrix, multiply } from "../../src/linalg/index.ts";
import { activations, dense, network } from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { jacobian, jacobianOperator, tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { denseFiles, goldenNetwork } from "../support/networks.ts";
import { randomMatrix } from "../support/random.ts";

describe("tangent kernels equal PyTorch's explicit Jacobians", () => {
  it.each(denseFiles)("%s: J, J Jᵀ, cross, each layer's share, J v, Jᵀ u", (file) => {
    const g = golden(file);
    const net = goldenNetwork(g);
    const [x, z] = [rows(g.x), rows(g.z)];
    const kernel = tangentKernel(net);
    // Sums of a few dozen products in f64 on both sides.
    expectClose(jacobian(net, x).data, g.jacobian.flat(), 1e-13);
    expectClose(kernel.gram(x).data, g.tangent.flat(), 1e-13);
    expectClose(kernel.cross(x, z).data, g.tangent_cross.flat(), 1e-13);
    kernel.shares(x).forEach((share, l) => {
      expectClose(share.data, g.tangent_layers[l].flat(), 1e-13);
    });
    const operator = jacobianOperator(net, x);
    expectClose(operator.apply(matrix(operator.cols, 1, Float64Array.from(g.v))).data, g.jv, 1e-13);
    expectClose(operator.applyTranspose(matrix(operator.rows, 1, Float64Array.from(g.u))).data, g.jtu, 1e-13);
  });
});

describe("contraction equals the explicit Jacobian product to 1e-10, every activation", () => {
  it.each(Object.keys(activations))("%s, three outputs", (name) => {
    const net = network({
      inputShape: [4],
      layers: [dense(9), activations[name]!(), dense(7), activations[name]!(), dense(3)],
      seed: 3,
      precision: "f64",
    });
    const [x, z] = [randomMatrix(8, 4, "x"), randomMatrix(5, 4, "z")];
    const kernel = tangentKernel(net);
    const [jx, jz] = [jacobian(net, x), jacobian(net, z)];
    expectClose(kernel.gram(x).data, gramOf(jx).data, 1e-10);
    expectClose(kernel.cross(x, z).data, multiply(jx, jz, { b: true }).data, 1e-10);
    const gram = kernel.gram(x);
    // finite_ntk filled only the last output's diagonal: here it must be whole.
    expectClose(
      kernel.diagonal(x),
      kernel.diagonal(x).map((_, i) => gram.data[i * gram.cols + i]!),
      1e-12,
    );
    const v = randomMatrix(jx.cols, 2, "v");
    expectClose(jacobianOperator(net, x).apply(v).data, multiply(jx, v).data, 1e-10);
    const u = randomMatrix(jx.rows, 2, "u");
    expectClose(jacobianOperator(net, x).applyTranspose(u).data, multiply(jx, u, { a: true }).data, 1e-10);
  });
});

describe("the tangent kernel as a kernel", () => {
  const net = network({
    inputShape: [2],
    layers: [dense(6), activations.tanh!(), dense(5), activations.tanh!(), dense(2)],
    seed: 5,
    precision: "f64",
  });
  const x = randomMatrix(6, 2, "x");

  it("scales layers apart: the Gram is the scaled sum of the shares", () => {
    const kernel = tangentKernel(net, { scales: "layer" });
    expect(Object.keys(kernel.parameters)).toEqual(["scale.0", "scale.2", "scale.4"]);
    const scaled = kernel.with({
      "scale.0": { value: Float64Array.of(2), support: "positive" },
      "scale.2": { value: Float64Array.of(0.5), support: "positive" },
      "scale.4": { value: Float64Array.of(3), support: "positive" },
    });
    const [a, b, c] = kernel.shares(x);
    const sum = a!.data.map((v, i) => 2 * v + 0.5 * b!.data[i]! + 3 * c!.data[i]!);
    expectClose(scaled.gram(x).data, sum, 1e-13);
    expectClose(
      scaled.diagonal(x),
      scaled.diagonal(x).map((_, i) => sum[i * 12 + i]!),
      1e-13,
    );
  });

  it.each(["shared", "layer"] as const)("pulls back to its scales (%s), by finite differences", (scales) => {
    const kernel = tangentKernel(net, { scales });
    const z = randomMatrix(4, 2, "z");
    const bar = randomMatrix(12, 8, "bar");
    const gradient = kernel.pullback(x, z, bar);
    for (const name of Object.keys(kernel.parameters)) {
      const value = (s: number) => {
        const moved = {
          ...kernel.parameters,
          [name]: { value: Float64Array.of(s), support: "positive" as const },
        };
        return kernel
          .with(moved)
          .cross(x, z)
          .data.reduce((sum, v, i) => sum + v * bar.data[i]!, 0);
      };
      // The kernel is linear in its scales: the difference is exact up to rounding.
      expect(gradient[name]![0]).toBeCloseTo((value(1.5) - value(0.5)) / 1, 9);
    }
  });

  it("draws paths whose covariance is the kernel's", () => {
    const kernel = tangentKernel(net);
    const points = randomMatrix(2, 2, "p");
    const draws = 4000;
    const sums = new Float64Array(16);
    for (let s = 0; s < draws; s++) {
      const f = kernel.path(key(s), 2).at(points).data;
      for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) sums[i * 4 + j]! += (f[i]! * f[j]!) / draws;
    }
    const gram = kernel.gram(points).data;
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        // Five standard errors of a covariance estimate.
        const error = 5 * Math.sqrt((gram[i * 5]! * gram[j * 5]! + gram[i * 4 + j]! ** 2) / draws);
        expect(Math.abs(sums[i * 4 + j]! - gram[i * 4 + j]!)).toBeLessThan(error);
      }
    }
  });

  it("never turns NaN into 0", () => {
    const broken = network({ inputShape: [2], layers: [dense(3)], precision: "f64" });
    const weights = [
      { ...broken.weights[0]!, bias: { shape: [3], data: Float64Array.of(0, Number.NaN, 0) } },
    ];
    const bent = tangentKernel({ ...broken, weights });
    // A dense layer's own tangent kernel does not read its bias; a layer below it does.
    expect(bent.gram(x).data.every(Number.isFinite)).toBe(true);
    const deep = network({
      inputShape: [2],
      layers: [dense(3), activations.tanh!(), dense(1)],
      precision: "f64",
    });
    const nan = [{ ...deep.weights[0]!, bias: { shape: [3], data: Float64Array.of(0, Number.NaN, 0) } }];
    const kernel = tangentKernel({ ...deep, weights: [...nan, ...deep.weights.slice(1)] });
    expect(kernel.gram(x).data.every(Number.isNaN)).toBe(true);
    expect(kernel.diagonal(x).every(Number.isNaN)).toBe(true);
  });
});
