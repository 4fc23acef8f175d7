import { describe, expect, it } from "vitest";
import { DataError, ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  batchNorm,
  clip,
  dropout,
  elu,
  embedding,
  groupNorm,
  hardSigmoid,
  type Layer,
  layerNorm,
  leakyRelu,
  logSoftmax,
  multiHeadAttention,
  network,
  prelu,
  type Shape,
  softmax,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { type CheckLayerOptions, checkLayer } from "../../src/testing/index.ts";
import { randomMatrix } from "../support/random.ts";

const positive = (length: number) => ({
  shape: [length],
  data: randomMatrix(1, length, "variance").data.map((v) => v * v + 0.3),
});
const anywhere = (length: number) => ({ shape: [length], data: randomMatrix(1, length, "mean").data });
const running = (channels: number) => ({
  running_mean: anywhere(channels),
  running_var: positive(channels),
});
const tokens = { shape: [3, 4], data: Float64Array.of(0, 2, 2, 1, 4, 4, 4, 4, 3, 2, 1, 0) };

type Row = readonly [
  name: string,
  layer: Layer,
  inputShape: Shape,
  options?: Omit<CheckLayerOptions, "inputShapes">,
];

const layers: readonly Row[] = [
  ["batchNorm of features", batchNorm(), [4], { buffers: running(4) }],
  ["batchNorm of channels", batchNorm({ epsilon: 1e-2, momentum: 0.3 }), [2, 3, 2], { buffers: running(2) }],
  ["layerNorm", layerNorm(), [2, 5]],
  ["layerNorm over two axes", layerNorm({ axes: 2, epsilon: 1e-3 }), [2, 2, 3]],
  ["groupNorm", groupNorm(2), [4, 2, 3]],
  ["instance norm", groupNorm(3), [3, 2, 2]],
  ["embedding", embedding(5, 3), [4], { inputs: [tokens], steady: [0] }],
  ["multiHeadAttention", multiHeadAttention(2), [3, 4]],
  ["dropout", dropout(0.4), [3, 2]],
  ["softmax", softmax(), [2, 4]],
  ["softmax of channels", softmax(1), [3, 2]],
  ["logSoftmax", logSoftmax(), [5]],
  ["logSoftmax of channels", logSoftmax(-2), [3, 2]],
  ["prelu by channel", prelu({ perChannel: true }), [3, 2, 2]],
  ["leakyRelu", leakyRelu(0.3), [4]],
  ["elu", elu(0.7), [4]],
  ["hardSigmoid", hardSigmoid(0.2, 0.4), [4]],
  ["clip below", clip({ lower: -0.2 }), [4]],
  ["clip both ways", clip({ lower: -0.4, upper: 0.6 }), [4]],
];

describe("layers pass the suite for layers", () => {
  for (const [name, layer, inputShape, options] of layers) {
    it(name, () => checkLayer(layer, { inputShapes: [inputShape], ...options }));
  }
});

describe("batch norm in training", () => {
  it("refuses a batch without variance", () => {
    const layer = batchNorm();
    const weights = layer.init(key(0), [2], "f64");
    const x = { shape: [1, 2], data: Float64Array.of(1, 2) };
    const buffers = layer.initBuffers!([2], "f64");
    expect(() => layer.trainingForward!({ ...weights, ...buffers }, key(0), x)).toThrow(ShapeError);
  });
});

describe("dropout", () => {
  it("is the identity in use, and in training keeps the mean and drops the rate asked for", () => {
    const layer = dropout(0.3);
    const n = 20_000;
    const x = { shape: [n, 1], data: new Float64Array(n).fill(1) };
    expect(layer.forward({}, x).y).toBe(x);
    const { y } = layer.trainingForward!({}, key(5), x);
    const kept = y.data.filter((v: number) => v !== 0);
    expect(new Set(kept)).toEqual(new Set([1 / 0.7]));
    // The standard error of the rate is 0.0032.
    expect(kept.length / n).toBeCloseTo(0.7, 1);
    expect(layer.trainingForward!({}, key(5), x).y.data).toEqual(y.data);
    expect(layer.trainingForward!({}, key(6), x).y.data).not.toEqual(y.data);
  });
});

describe("bad input", () => {
  it("is named", () => {
    const net = network({ inputShape: [2], layers: [embedding(3, 2)] });
    const of =
      (...data: number[]) =>
      () =>
        net.at({ rows: 2, cols: 2, data: Float64Array.from(data) });
    expect(of(0, 1, 2, 3)).toThrow(DataError);
    expect(of(0, 1, 2, 3)).toThrow("tokens are whole numbers 0 to 2, got 3");
    expect(of(0, 0.5, 2, 1)).toThrow("got 0.5");
    expect(() => network({ inputShape: [3], layers: [groupNorm(2)] })).toThrow(ShapeError);
    expect(() => network({ inputShape: [3], layers: [softmax(2)] })).toThrow(ShapeError);
    expect(() => network({ inputShape: [3], layers: [layerNorm({ axes: 2 })] })).toThrow(ShapeError);
    for (const make of [() => dropout(1), () => embedding(0, 1), () => clip({ lower: 1, upper: 0 })]) {
      expect(make).toThrow(UsageError);
    }
  });
});
