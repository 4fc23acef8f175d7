import { describe, expect, it } from "vitest";
import { NonFiniteError, ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  add,
  gramOf,
  type LinearOperator,
  type Matrix,
  matrix,
  multiply,
  takeRows,
} from "../../src/linalg/index.ts";
import {
  averagePool2d,
  conv2d,
  dense,
  flattenLayer,
  layerNorm,
  type Network,
  network,
  networkOf,
  reshapeLayer,
  residual,
  tanh,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import {
  finiteDifferenceFisher,
  fisherOperator,
  gaussianOutput,
  gaussNewtonOperator,
  jacobian,
  type OutputDistribution,
  softmaxOutput,
  tangentKernel,
  tangentOperator,
  tangentSketch,
} from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const nets: Record<string, Network> = {
  "one output": network({ inputShape: [3], layers: [dense(8), tanh(), dense(1)], seed: 1, precision: "f64" }),
  "three outputs, branches and norm": network({
    inputShape: [3],
    layers: [dense(6), residual([dense(6), tanh()]), layerNorm(), dense(3)],
    seed: 2,
    precision: "f64",
  }),
};
nets["convolutions, three outputs"] = network({
  inputShape: [3],
  layers: [
    dense(2 * 6 * 6),
    reshapeLayer([2, 6, 6]),
    conv2d(3, 3, { padding: 1 }),
    tanh(),
    averagePool2d(2),
    conv2d(4, 2),
    flattenLayer(),
    dense(3),
  ],
  seed: 3,
  precision: "f64",
});
const [x, z] = [randomMatrix(7, 3, "x"), randomMatrix(4, 3, "z")];
const column = (rows: number, name: string) => randomMatrix(rows, 1, name);

describe.each(Object.entries(nets))(
  "K as an operator (the tests of finite_ntk, written anew): %s",
  (_, net) => {
    describe.each(["full", "trace", "independent"] as const)("%s", (outputs) => {
      const kernel = tangentKernel(net, { outputs, scales: "layer" });
      const scaled = kernel.with(
        Object.fromEntries(
          Object.entries(kernel.parameters).map(([name, p], l) => [
            name,
            { ...p, value: Float64Array.of(0.5 + l) },
          ]),
        ),
      );
      const square = tangentOperator(scaled, x);
      const cross = tangentOperator(scaled, x, z);

      it("multiplies vectors and several columns as the explicit matrix does, both ways", () => {
        const [k, c] = [scaled.gram(x), scaled.cross(x, z)];
        const [v, w, u] = [
          randomMatrix(square.cols, 3, "v"),
          randomMatrix(cross.cols, 2, "w"),
          column(cross.rows, "u"),
        ];
        // Acceptance check 1 (b) asks for 1e-10.
        expectClose(square.apply(v).data, multiply(k, v).data, 1e-12);
        expectClose(square.applyTranspose(v).data, multiply(k, v).data, 1e-12);
        expectClose(cross.apply(w).data, multiply(c, w).data, 1e-12);
        expectClose(cross.applyTranspose(u).data, multiply(c, u, { a: true }).data, 1e-12);
      });

      it("is symmetric and positive", () => {
        const [u, v] = [column(square.rows, "left"), column(square.rows, "right")];
        const product = (a: Matrix, b: Matrix) => multiply(a, square.apply(b), { a: true }).data[0]!;
        expect(product(u, v)).toBeCloseTo(product(v, u), 10);
        expect(product(u, u)).toBeGreaterThan(0);
      });

      it("gives chosen entries and the diagonal without the rest", () => {
        const whole = scaled.cross(x, z);
        const o = scaled.outputs;
        const chosen = cross.block([5, 0, 5], [3, 1]);
        expect([chosen.rows, chosen.cols]).toEqual([3 * o, 2 * o]);
        expectClose(chosen.data, scaled.cross(takeRows(x, [5, 0, 5]), takeRows(z, [3, 1])).data, 1e-14);
        expect(chosen.data[0]).toBeCloseTo(whole.data[5 * o * whole.cols + 3 * o]!, 12);
        const gram = scaled.gram(x);
        expectClose(
          square.diagonal(),
          square.diagonal().map((__, i) => gram.data[i * gram.cols + i]!),
          1e-12,
        );
      });

      it("is zero on zero, and refuses vectors of another length", () => {
        expect(square.apply(matrix(square.cols, 1)).data.every((v) => v === 0)).toBe(true);
        expect(() => square.apply(matrix(square.cols + 1, 1))).toThrow(ShapeError);
      });
    });
  },
);

it("NaN in the weights stays NaN in products", () => {
  const net = nets["one output"]!;
  const bias = { shape: [8], data: new Float64Array(8).fill(Number.NaN) };
  const bent = networkOf(net, [{ ...net.weights[0]!, bias }, ...net.weights.slice(1)]);
  const v = column(7, "v");
  expect(tangentOperator(tangentKernel(bent), x).apply(v).data.every(Number.isNaN)).toBe(true);
  expect(() =>
    fisherOperator(bent, matrix(1, 3, Float64Array.of(1, Number.NaN, 0)), softmaxOutput()),
  ).toThrow(NonFiniteError);
});

/** Σ_i J_iᵀ H_i J_i written out. */
function explicit(net: Network, output: OutputDistribution): Matrix {
  const o = net.outputs;
  const j = jacobian(net, x);
  const f = net.at(x);
  let sum = matrix(j.cols, j.cols);
  for (let i = 0; i < x.rows; i++) {
    const rows = takeRows(
      j,
      Array.from({ length: o }, (_, p) => i * o + p),
    );
    const h = matrix(o, o);
    for (let p = 0; p < o; p++) {
      const unit = matrix(1, o);
      unit.data[p] = 1;
      h.data.set(output.fisher(takeRows(f, [i]), unit).data, p * o);
    }
    sum = add(sum, multiply(rows, multiply(h, rows), { a: true }));
  }
  return sum;
}

describe.each(Object.entries(nets))("Fisher products: %s", (_, net) => {
  const distributions: [string, OutputDistribution][] = [
    ["Gaussian", gaussianOutput({ noiseVariance: 0.3 })],
    ["softmax", softmaxOutput()],
  ];
  it.each(distributions)("%s: equal Σ JᵀFJ written out", (__, output) => {
    const operator = fisherOperator(net, x, output);
    const v = randomMatrix(operator.cols, 2, "v");
    expectClose(operator.apply(v).data, multiply(explicit(net, output), v).data, 1e-12);
    expectClose(operator.applyTranspose(v).data, operator.apply(v).data, 1e-15);
  });

  it.each(distributions)(
    "%s: acceptance check 1 (c), finite differences err in proportion to ε",
    (name, output) => {
      const size = jacobian(net, x).cols;
      const v = column(size, "direction");
      const exact = fisherOperator(net, x, output).apply(v).data;
      if (name === "softmax" && net.outputs === 1) {
        // One class is certain: no information.
        expect(exact.every((q) => q === 0)).toBe(true);
        return;
      }
      const error = (epsilon: number) => {
        const product = finiteDifferenceFisher(net, x, output, { epsilon }).apply(v).data;
        return Math.hypot(...product.map((q, i) => q - exact[i]!)) / Math.hypot(...exact);
      };
      expect(error(1e-4)).toBeLessThan(1e-3);
      const slope = Math.log10(error(1e-2) / error(1e-5)) / 3;
      expect(Math.abs(slope - 1)).toBeLessThan(0.1);
      const operator: LinearOperator = finiteDifferenceFisher(net, x, output);
      expect(operator.apply(matrix(size, 1)).data.every((q) => q === 0)).toBe(true);
    },
  );

  it("the Gauss–Newton product of the squared error is JᵀJ", () => {
    const j = jacobian(net, x);
    const v = column(j.cols, "v");
    expectClose(
      gaussNewtonOperator(net, x, (__, d) => d).apply(v).data,
      multiply(gramOf(j, true), v).data,
      1e-12,
    );
  });
});

it("refuses a noise variance that is not above 0", () => {
  expect(() => gaussianOutput({ noiseVariance: 0 })).toThrow(UsageError);
});

describe("sketched features", () => {
  const net = nets["three outputs, branches and norm"]!;
  const kernel = tangentKernel(net);
  const [full, trace] = [kernel.gram(x), tangentKernel(net, { outputs: "trace" }).gram(x)];
  const keys = 300;

  it.each([16, 64])("are unbiased, with the variance of the law (%i buckets)", (size) => {
    const sums = new Float64Array(full.data.length);
    const squares = new Float64Array(full.data.length);
    const traced = new Float64Array(trace.data.length);
    for (let s = 0; s < keys; s++) {
      const features = tangentSketch(kernel, { key: key(s), size }).at(x);
      const gram = gramOf(matrix(full.rows, size, features.data));
      gram.data.forEach((v, k) => {
        sums[k]! += v / keys;
        squares[k]! += (v - full.data[k]!) ** 2 / keys;
      });
      gramOf(features).data.forEach((v, k) => {
        traced[k]! += v / keys;
      });
    }
    let ratio = 0;
    full.data.forEach((k, at) => {
      const [i, j] = [Math.floor(at / full.cols), at % full.cols];
      const variance = (full.data[i * full.cols + i]! * full.data[j * full.cols + j]! + k * k) / size;
      // Five standard errors of a mean over the keys.
      expect(Math.abs(sums[at]! - k)).toBeLessThan(5 * Math.sqrt(variance / keys));
      ratio += squares[at]! / variance / full.data.length;
    });
    // The law leaves out Σ a_i² b_i², small where many weights share the kernel.
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.1);
    trace.data.forEach((k, at) => {
      const [i, j] = [Math.floor(at / 7), at % 7];
      const variance = (trace.data[i * 8]! * trace.data[j * 8]! + k * k) / size;
      expect(Math.abs(traced[at]! - k)).toBeLessThan(5 * Math.sqrt(variance / keys));
    });
  });

  it("are the same for the same key, and scaled as the kernel is", () => {
    const sketch = (k: number) => tangentSketch(kernel, { key: key(k), size: 8 }).at(x).data;
    expect(sketch(3)).toEqual(sketch(3));
    expect(sketch(3)).not.toEqual(sketch(4));
    const fourfold = kernel.with({ scale: { value: Float64Array.of(4), support: "positive" } });
    expectClose(
      tangentSketch(fourfold, { key: key(3), size: 8 }).at(x).data,
      sketch(3).map((v) => 2 * v),
      1e-15,
    );
    expect(() => tangentSketch(kernel, { key: key(0), size: 0 })).toThrow(UsageError);
  });
});
