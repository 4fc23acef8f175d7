import { describe, expect, it } from "vitest";
import { matrix, type Tensor } from "../../src/linalg/index.ts";
import {
  batchNorm,
  dense,
  embedding,
  flatten,
  groupNorm,
  inSequence,
  type Layer,
  layerNorm,
  logSoftmax,
  networkWithTensors,
  prelu,
  sgd,
  softmax,
  tanh,
  train,
  type Weights,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";

const cases: Readonly<Record<string, Layer>> = {
  batchNorm1d: batchNorm(),
  batchNorm2d: batchNorm({ epsilon: 1e-3 }),
  layerNorm: layerNorm(),
  layerNorm2: layerNorm({ axes: 2, epsilon: 1e-3 }),
  groupNorm: groupNorm(2),
  instanceNorm: groupNorm(2), // of two channels
  prelu: prelu(),
  preluByChannel: prelu({ perChannel: true }),
  embedding: embedding(4, 3),
  softmax: softmax(),
  softmax1: softmax(1),
  logSoftmax: logSoftmax(),
  logSoftmax1: logSoftmax(1),
};

// Both sides round in f64, over sums of at most some tens of numbers.
const tolerance = 1e-13;

const file = golden("norms");

function tensor({ shape, data }: { shape: number[]; data: number[] }): Tensor {
  return { shape, data: Float64Array.from(data) };
}

function tensors(record: Record<string, { shape: number[]; data: number[] }>): Weights {
  return Object.fromEntries(Object.entries(record).map(([name, t]) => [name, tensor(t)]));
}

function expectPullback(layer: Layer, weights: Weights, tape: unknown, g: typeof file): void {
  const dy = tensor({ shape: g.y.shape, data: g.dy });
  const pullback = layer.vjp(weights, tape, dy);
  if (g.dx) expectClose(pullback.dx().data, g.dx, tolerance);
  const dweights = pullback.dweights();
  expect(Object.keys(dweights).sort()).toEqual(Object.keys(g.dweights).sort());
  for (const name of Object.keys(dweights)) expectClose(dweights[name]!.data, g.dweights[name], tolerance);
}

describe("layers equal PyTorch's", () => {
  it.each(Object.keys(cases))("%s: outputs and pull-backs", (name) => {
    const layer = cases[name]!;
    const g = file[name];
    const weights = tensors(g.tensors);
    const { y, tape } = layer.forward(weights, tensor(g.x));
    expect(y.shape).toEqual(g.y.shape);
    expect(layer.outputShape(g.x.shape.slice(1))).toEqual(g.y.shape.slice(1));
    expectClose(y.data, g.y.data, tolerance);
    expectPullback(layer, weights, tape, g);
  });

  it.each(Object.keys(cases).filter((name) => file[name].tangent))("%s: the tangent Gram", (name) => {
    const layer = cases[name]!;
    const g = file[name];
    const { y, tape } = layer.forward(tensors(g.tensors), tensor(g.x));
    const outputs = y.data.length / y.shape[0]!;
    const cotangents = Array.from({ length: outputs }, (_, p) => ({
      shape: y.shape,
      data: Float64Array.from(y.data, (_v, k) => (k % outputs === p ? 1 : 0)),
    }));
    const out = matrix(y.data.length, y.data.length);
    layer.addTangentGram!({ tape, cotangents }, { tape, cotangents }, 2, out);
    expectClose(
      out.data,
      g.tangent.map((v: number) => 2 * v),
      tolerance,
    );
  });

  it.each(["batchNorm1dTraining", "batchNorm2dTraining"])("%s, with running statistics", (name) => {
    const layer = batchNorm({ momentum: name === "batchNorm1dTraining" ? 0.1 : 0.3 });
    let weights = tensors(file[name].tensors);
    for (const g of file[name].steps) {
      const { y, tape, buffers } = layer.trainingForward!(weights, key(0), tensor(g.x));
      expectClose(y.data, g.y.data, tolerance);
      expectPullback(layer, weights, tape, g);
      for (const [name, { data }] of Object.entries(buffers!)) expectClose(data, g.buffers[name], tolerance);
      weights = { ...weights, ...buffers };
    }
  });

  it("a network with batch norm, trained", () => {
    const g = file.network;
    const parts = {
      inputShape: [3],
      layers: [dense(4), batchNorm(), tanh(), dense(2)],
      precision: "f64",
    } as const;
    const sources = inSequence(4);
    const of = (all: Record<string, { shape: number[]; data: number[] }>) =>
      parts.layers.map((_, i) => {
        const own = Object.entries(all).filter(([name]) => name.startsWith(`${i}.`));
        return tensors(Object.fromEntries(own.map(([name, t]) => [name.slice(2), t])));
      });
    const examples = { x: rows(g.x), y: rows(g.targets) };
    const { network: trained } = runSync(
      train(networkWithTensors({ ...parts, sources }, of(g.before)), examples, {
        epochs: 3,
        batchSize: 6,
        optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
      }),
    );
    expectClose(trained.at(examples.x).data, g.outputs, tolerance);
    const after = networkWithTensors({ ...parts, sources }, of(g.after));
    expectClose(flatten(trained.weights), flatten(after.weights), tolerance);
    expectClose(flatten(trained.buffers), flatten(after.buffers), tolerance);
  });
});
