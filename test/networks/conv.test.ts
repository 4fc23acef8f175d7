import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import { matrix, type Tensor, toMatrix } from "../../src/linalg/index.ts";
import {
  averagePool2d,
  conv2d,
  decodeNetwork,
  dense,
  drawWeights,
  encodeNetwork,
  fanInConcatenate,
  fanInProduct,
  flattenLayer,
  forward,
  globalAveragePool,
  globalMaxPool,
  gradient,
  type Layer,
  maxPool2d,
  type Network,
  type NetworkPart,
  network,
  networkOf,
  parallel,
  relu,
  reshapeLayer,
  residual,
  sigmoid,
  tanh,
  type Weights,
  weightedLayers,
  wire,
} from "../../src/networks/index.ts";
import { Scattered } from "../../src/networks/layers/picked.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden } from "../support/golden.ts";

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const file = golden("conv");

// Both sides round in f64, over sums of at most some hundreds of numbers.
const tolerance = 1e-13;

function tensor({ shape, data }: Stored): Tensor {
  return { shape, data: Float64Array.from(data) };
}

function tensors(record: Record<string, Stored>): Weights {
  return Object.fromEntries(Object.entries(record).map(([name, t]) => [name, tensor(t)]));
}

const layers: Readonly<Record<string, Layer>> = {
  conv: conv2d(3, 3),
  convEven: conv2d(3, [2, 3], { stride: [1, 2], padding: [1, 2], dilation: [2, 1], bias: false }),
  convUneven: conv2d(2, 3, { stride: 2, padding: [0, 1, 2, 1] }),
  convGroups: conv2d(6, 2, { groups: 2, padding: 1 }),
  convDepthwise: conv2d(6, 3, { groups: 3, stride: 2, padding: 1, bias: false }),
  maxPool: maxPool2d(2),
  maxPoolCeil: maxPool2d([3, 2], { stride: 2, padding: 1, dilation: [1, 2], ceil: true }),
  averagePool: averagePool2d(2),
  averagePoolCeil: averagePool2d(3, { stride: 2, padding: 1, ceil: true }),
  averagePoolInside: averagePool2d([3, 2], { stride: 2, padding: 1, ceil: true, countPadding: false }),
  globalMax: globalMaxPool(),
  globalAverage: globalAveragePool(),
  denseTokens: dense(3),
};

describe("a cotangent of few numbers", () => {
  const scattered = ["conv", "convEven", "convUneven"];

  it.each(scattered)("is pulled back through %s as the same cotangent written out", (name) => {
    const layer = layers[name]!;
    const g = file.layers[name];
    const weights = tensors(g.tensors);
    const { y, tape } = layer.forward(weights, tensor(g.x));
    const n = y.shape[0]!;
    const each = Math.max(3, Math.floor(y.data.length / n / 4));
    const size = y.data.length / n;
    // Unordered places, one of them twice in each image, and one nowhere.
    const from = Int32Array.from({ length: n * each }, (_, k) => {
      const [image, pick] = [Math.floor(k / each), k % each];
      if (pick === 1) return -1;
      return image * size + (pick === 2 ? 0 : (pick * 7) % size);
    });
    const picked = { from, shape: y.shape, outputShape: [n, each] };
    // Two cotangents in the same places, of whole numbers and halves.
    const values = [1, 2].map((s) => Float64Array.from(from, (_, k) => (((k * s * 5) % 9) - 4) / 2));
    const few = values.map((v) => new Scattered(picked, v));
    const whole = few.map(({ shape, data }) => ({ shape, data }));
    expect(few[0]!.sparse).toBe(true);
    expect(whole[0]!.data[0]).toBe(values[0]![0]! + values[0]![2]!);
    few.forEach((dy, s) => {
      const [got, wanted] = [dy, whole[s]!].map((d) => layer.vjp(weights, tape, d));
      expectClose(got!.dx().data, wanted!.dx().data, tolerance);
      const expected = wanted!.dweights();
      for (const [key, t] of Object.entries(got!.dweights())) {
        expect(t.shape).toEqual(expected[key]!.shape);
        expectClose(t.data, expected[key]!.data, tolerance);
      }
    });
    const gradients = (cotangents: readonly Tensor[]) => layer.unorderedGradients!({ tape, cotangents });
    const [got, wanted] = [gradients(few), gradients(whole)];
    expect(got.shape).toEqual(wanted.shape);
    expectClose(got.data, wanted.data, tolerance);
  });
});

describe("layers equal PyTorch's", () => {
  it.each(Object.keys(layers))("%s: outputs and pull-backs", (name) => {
    const layer = layers[name]!;
    const g = file.layers[name];
    const weights = tensors(g.tensors);
    const { y, tape } = layer.forward(weights, tensor(g.x));
    expect(y.shape).toEqual(g.y.shape);
    expectClose(y.data, g.y.data, tolerance);
    const pullback = layer.vjp(weights, tape, tensor({ shape: g.y.shape, data: g.dy }));
    expectClose(pullback.dx().data, g.dx, tolerance);
    const dweights = pullback.dweights();
    expect(Object.keys(dweights)).toEqual(Object.keys(g.dweights));
    for (const [w, { data }] of Object.entries(dweights)) expectClose(data, g.dweights[w], tolerance);
  });

  it.each(Object.keys(layers).filter((name) => file.layers[name].tangent))("%s: the tangent Gram", (name) => {
    const layer = layers[name]!;
    const g = file.layers[name];
    const { tape } = layer.forward(tensors(g.tensors), tensor(g.x));
    const side = {
      tape,
      cotangents: g.cotangents.map((data: number[]) => tensor({ shape: g.y.shape, data })),
    };
    const rows = 3 * g.x.shape[0];
    const out = matrix(rows, rows);
    layer.addTangentGram!(side, side, 1, out);
    expectClose(out.data, g.tangent, tolerance);
  });
});

/** The same as Branches in conv.py. */
const gated = parallel([[], [conv2d(4, 1), sigmoid()]], fanInProduct());
const networks: Readonly<Record<string, readonly NetworkPart[]>> = {
  pooled: [
    conv2d(3, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(4, 2),
    tanh(),
    averagePool2d(2, { stride: 1 }),
    flattenLayer(),
    dense(3),
  ],
  branches: [
    conv2d(4, 3, { stride: 2, padding: 1 }),
    tanh(),
    residual([conv2d(4, 3, { padding: 1, groups: 4, bias: false }), conv2d(4, 1)]),
    parallel([[gated], [conv2d(2, 3, { padding: 1 })]], fanInConcatenate()),
    globalAveragePool(),
    dense(3, { bias: false }),
  ],
};

/** The network with PyTorch's tensors, whose modules come in the order of our weighted layers. */
function networkWith(name: string): Network {
  const g = file.networks[name];
  const inputShape: number[] = g.x.shape.slice(1);
  const parts = { inputShape, precision: "f64", ...wire(networks[name]!) } as const;
  const modules = Object.keys(g.shares);
  const drawn = drawWeights(parts, 0);
  const weighted = weightedLayers(drawn);
  const weights = drawn.weights.map((record, i) =>
    tensors(
      Object.fromEntries(
        Object.keys(record).map((w) => [w, g.tensors[`${modules[weighted.indexOf(i)]}.${w}`]]),
      ),
    ),
  );
  return networkOf(parts, weights);
}

describe("convolutional networks equal PyTorch's", () => {
  it.each(Object.keys(networks))("%s: outputs and gradient", (name) => {
    const g = file.networks[name];
    const net = networkWith(name);
    expectClose(net.at(toMatrix(tensor(g.x))).data, g.y.data, tolerance);
    const { y, tapes } = forward(net, tensor(g.x));
    const slopes = gradient(net, tapes, tensor({ shape: y.shape, data: g.dy }));
    const found = slopes.flatMap((record) => Object.values(record).flatMap(({ data }) => [...data]));
    expectClose(found, Object.values<number[]>(g.dweights).flat(), tolerance);
  });

  it.each(Object.keys(networks))("%s: the tangent kernel and its shares, from torch.func", (name) => {
    const g = file.networks[name];
    const x = toMatrix(tensor(g.x));
    const kernel = tangentKernel(networkWith(name));
    expectClose(kernel.gram(x).data, g.tangent, tolerance);
    const shares = Object.values<number[]>(g.shares);
    kernel.shares(x).forEach((share, l) => {
      expectClose(share.data, shares[l]!, tolerance);
    });
  });

  it("survive a file", () => {
    for (const name of Object.keys(networks)) {
      const x = toMatrix(tensor(file.networks[name].x));
      const net = networkWith(name);
      expect(decodeNetwork(encodeNetwork(net), "memory").at(x).data).toEqual(net.at(x).data);
    }
  });
});

it("draws weights and biases uniformly between ±1/√fan_in, as PyTorch does", () => {
  const layer = conv2d(64, 3, { groups: 2 });
  const { weights } = network({ inputShape: [16, 5, 5], layers: [layer], precision: "f64" });
  for (const { data } of Object.values(weights[0]!)) {
    const values = Array.from(data, (v) => v * Math.sqrt(8 * 3 * 3));
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1);
    // 64 numbers or more: the mean square, ⅓, has a standard error below 0.3 / √64.
    expect(Math.abs(values.reduce((sum, v) => sum + v * v, 0) / values.length - 1 / 3)).toBeLessThan(0.15);
  }
});

describe("what does not fit", () => {
  it.each([
    [() => conv2d(0, 3), UsageError, "conv2d: filters and groups"],
    [() => conv2d(3, 3, { groups: 2 }), UsageError, "filters a multiple of groups"],
    [() => conv2d(2, 0), UsageError, "conv2d: kernel is in whole numbers of at least 1, got 0, 0"],
    [() => maxPool2d(2, { padding: -1 }), UsageError, "padding"],
    [
      () => conv2d(2, 3).outputShape([4]),
      ShapeError,
      "conv2d takes images [channels, height, width], got shape 4",
    ],
    [() => conv2d(2, 3).outputShape([1, 5, 2]), ShapeError, "does not fit into an image of 5 × 2"],
    [
      () => conv2d(2, 3, { groups: 2 }).outputShape([3, 5, 5]),
      ShapeError,
      "3 channels do not fall into 2 groups",
    ],
    [() => globalMaxPool().outputShape([3]), ShapeError, "globalMaxPool takes [channels, positions …]"],
    [() => reshapeLayer([-1, -1]), UsageError, "one of them −1 at most"],
    [() => reshapeLayer([4, -1]).outputShape([3, 2]), ShapeError, "reshape: 3 × 2 does not become 4 × -1"],
    [() => fanInConcatenate(1).outputShape([2, 3], [3, 3]), ShapeError, "2 × 3 and 3 × 3"],
    [() => fanInProduct().outputShape([2], [3]), ShapeError, "inputs of one shape"],
  ])("%s", (make, error, message) => {
    expect(make).toThrow(error);
    expect(make).toThrow(message);
  });
});
