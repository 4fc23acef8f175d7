import { describe, expect, it } from "vitest";
import { matrix, rowRange } from "../../src/linalg/index.ts";
import {
  conv2d,
  dense,
  flattenLayer,
  gelu,
  maxPool2d,
  network,
  networkOf,
  relu,
  tanh,
  unflatten,
} from "../../src/networks/index.ts";
import {
  fisherOperator,
  jacobianOperator,
  softmaxOutput,
  tangentKernel,
  tangentOperator,
} from "../../src/tangent/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";

const file = golden("tangent");
const plain = {
  mlp: network({
    inputShape: [5],
    layers: [dense(8), relu(), dense(7), gelu(), dense(3)],
    precision: "f64",
  }),
  cnn: network({
    inputShape: [2, 12, 12],
    layers: [
      conv2d(4, 3, { padding: 1 }),
      relu(),
      maxPool2d(2),
      conv2d(5, 3, { stride: 2 }),
      tanh(),
      flattenLayer(),
      dense(3),
    ],
    precision: "f64",
  }),
};

describe.each(["mlp", "cnn"] as const)("the tangent kernel of a network equals torch.func's: %s", (kind) => {
  const g = file[kind];
  const net = networkOf(plain[kind], unflatten(Float64Array.from(g.parameters), plain[kind].weights, "f64"));
  const x = rows(g.x);
  // Sums of a few thousand products in f64 on both sides.
  const tolerance = 1e-12;

  it("full, trace, last layer, biases", () => {
    expectClose(net.at(x).data, g.outputs.flat(), tolerance);
    expectClose(tangentKernel(net).gram(x).data, g.full.flat(), tolerance);
    expectClose(tangentKernel(net, { outputs: "trace" }).gram(x).data, g.trace.flat(), tolerance);
    expectClose(tangentKernel(net, { layers: "last" }).gram(x).data, g.last.flat(), tolerance);
    expectClose(tangentKernel(net, { layers: "biases" }).gram(x).data, g.biases.flat(), tolerance);
    const part = rowRange(x, 1, 3);
    const cross = tangentKernel(net, { outputs: "trace" }).cross(x, part).data;
    expectClose(
      cross,
      g.trace.flatMap((row: number[]) => row.slice(1, 3)),
      tolerance,
    );
  });

  it("K v, J w and Fisher products, matrix-free", () => {
    const v = matrix(g.v.length, 1, Float64Array.from(g.v));
    const w = matrix(g.w.length, 1, Float64Array.from(g.w));
    expectClose(tangentOperator(tangentKernel(net), x).apply(v).data, g.kv, tolerance);
    expectClose(jacobianOperator(net, x).apply(w).data, g.jw, tolerance);
    expectClose(fisherOperator(net, x, softmaxOutput()).apply(w).data, g.softmax_fisher_w, tolerance);
  });

  it("in f32 it is the same to single precision", () => {
    const single = networkOf(
      { ...net, precision: "f32", buffers: net.buffers },
      unflatten(Float64Array.from(g.parameters), net.weights, "f32"),
    );
    // Activations and cotangents carry a rounding of 6e-8 each through a few layers; their products add none.
    expectClose(tangentKernel(single).gram(x).data, g.full.flat(), 2e-6);
    expect(tangentKernel(single).gram(x).data).toBeInstanceOf(Float64Array);
  });
});
