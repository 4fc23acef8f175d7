import { expect, test } from "vitest";
import {
  after,
  type LearnableFn,
  matern52,
  type Parameters,
  product,
  scaled,
  sum,
  white,
} from "../../src/kernels/index.ts";
import { toMatrix, toTensor } from "../../src/linalg/index.ts";
import {
  dense,
  forward,
  gradient,
  type Network,
  network,
  networkOf,
  parameters,
  tanh,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";
import { randomMatrix } from "../support/random.ts";

/** A network as a LearnableFn: its tensors by their names ("0.weight", …). */
function learnable(net: Network): LearnableFn {
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at: net.at,
    parameters: Object.fromEntries(
      parameters(net.weights).map(({ name, tensor }) => [
        name,
        { value: Float64Array.from(tensor.data), support: "real" },
      ]),
    ),
    with: (next: Parameters) =>
      learnable(
        networkOf(
          net,
          net.weights.map((record, i) =>
            Object.fromEntries(
              Object.entries(record).map(([name, { shape }]) => [
                name,
                { shape, data: next[`${i}.${name}`]!.value.slice() },
              ]),
            ),
          ),
        ),
      ),
    pullback(x, bar) {
      const { tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
      let cotangent = toTensor(bar, net.outputShape, net.precision);
      const slopes = gradient(net, tapes, cotangent);
      for (let i = net.layers.length - 1; i >= 0; i--) {
        cotangent = net.layers[i]!.vjp(net.weights[i]!, tapes[i], cotangent).dx();
      }
      return {
        parameters: Object.fromEntries(
          parameters(slopes).map(({ name, tensor }) => [name, Float64Array.from(tensor.data)]),
        ),
        x: toMatrix(cotangent),
      };
    },
  };
}

const net = network({ inputShape: [3], layers: [dense(5), tanh(), dense(2)], seed: 3, precision: "f64" });

test("a deep kernel has gradients into the network's weights and into the points", () => {
  const kernel = after(matern52({ lengthscale: [0.8, 1.3] }), learnable(net));
  expect(Object.keys(kernel.parameters)).toEqual([
    "kernel.lengthscale",
    "kernel.variance",
    "fn.0.weight",
    "fn.0.bias",
    "fn.2.weight",
    "fn.2.bias",
  ]);
  checkKernel(kernel, randomMatrix(8, 3, "deep"), { paths: 50 });
  checkKernel(sum(kernel, white({ variance: 0.1 })), randomMatrix(8, 3, "deeper"), { paths: 50 });
});

test("after a plain function only the kernel is fitted", () => {
  const kernel = after(matern52(), net);
  expect(Object.keys(kernel.parameters)).toEqual(["kernel.lengthscale", "kernel.variance"]);
  expect(kernel.pullbackInputs).toBeUndefined();
  checkKernel(kernel, randomMatrix(8, 3, "plain"), { paths: 50 });
});

test("kernels of several outputs add up and scale; only paths of their products are refused", () => {
  const tangent = tangentKernel(net, { scales: "layer" });
  checkKernel(sum(tangent, scaled(tangentKernel(net), 0.5)), randomMatrix(6, 3, "two outputs"), {
    paths: 200,
  });
  const both = product(tangent, tangent);
  expect(() => both.path(key(1), 3)).toThrow(/kernels of one output, got 2/);
});
