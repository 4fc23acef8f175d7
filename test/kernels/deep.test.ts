import { expect, test } from "vitest";
import { after, fix, matern52, product, rbf, scaled, sum, white } from "../../src/kernels/index.ts";
import { columnVector } from "../../src/linalg/index.ts";
import { dense, network, residual, tanh, train } from "../../src/networks/index.ts";
import { fit } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { learnable, tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";
import { randomMatrix } from "../support/random.ts";

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

test("the gradients of a network with branches add up", () => {
  const branched = network({
    inputShape: [2],
    layers: [dense(4), residual([dense(4), tanh()]), dense(2)],
    seed: 5,
  });
  checkKernel(after(rbf(), learnable(branched)), randomMatrix(7, 2, "branched"), { paths: 50 });
});

test("the fit of a deep kernel goes on training the network: a step, which no stationary kernel follows", () => {
  const x = columnVector(Array.from({ length: 40 }, (_, i) => i / 20 - 1));
  const y = columnVector(Array.from(x.data, (v) => (v < 0.1 ? -1 : 1) + 0.1 * v));
  const start = network({ inputShape: [1], layers: [dense(8), tanh(), dense(1)], seed: 1 });
  const { network: trained } = runSync(train(start, { x, y }, { epochs: 50 }));
  const options = { starts: 1, noiseVariance: { floor: 1e-4 } } as const;
  const deep = runSync(fit(after(rbf(), learnable(trained)), { x, y }, options));
  const shallow = runSync(fit(rbf(), { x, y }, options));
  // Forty points, a jump: the evidence of features that jump themselves is higher by tens of nats.
  expect(deep.logEvidence).toBeGreaterThan(shallow.logEvidence + 50);
  expect(deep.kernel.parameters["fn.0.weight"]!.value).not.toEqual(
    learnable(trained).parameters["0.weight"]!.value,
  );
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

test("weights that are fixed stay while the others are fitted", () => {
  const x = columnVector(Array.from({ length: 20 }, (_, i) => i / 10 - 1));
  const y = columnVector(Array.from(x.data, (v) => Math.sin(4 * v)));
  const small = network({ inputShape: [1], layers: [dense(4), tanh(), dense(1)], seed: 1 });
  const before = learnable(small);
  const kernel = fix(after(rbf(), before), "fn.0.weight");
  const { parameters } = runSync(fit(kernel, { x, y }, { starts: 1 })).kernel;
  expect(parameters["fn.0.weight"]!.value).toEqual(before.parameters["0.weight"]!.value);
  expect(parameters["fn.2.weight"]!.value).not.toEqual(before.parameters["2.weight"]!.value);
});
