import { describe, expect, it } from "vitest";
import { FormatError, ShapeError, UsageError } from "../../src/errors/index.ts";
import { type Tensor, toMatrix, toTensor } from "../../src/linalg/index.ts";
import {
  activations,
  decodeNetwork,
  dense,
  encodeNetwork,
  flatten,
  forward,
  gradient,
  type Layer,
  layerFrom,
  leakyRelu,
  mse,
  network,
  networkOf,
  pushforward,
  relu,
  unflatten,
} from "../../src/networks/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/networks/safetensors.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { activationOf, denseFiles, goldenNetwork } from "../support/networks.ts";
import { randomMatrix } from "../support/random.ts";

describe("activations equal PyTorch's", () => {
  const { x, functions } = golden("activations");
  it.each(Object.keys(functions))("%s, with its derivative", (name) => {
    const layer = activationOf(name);
    const input: Tensor = { shape: [x.length, 1], data: Float64Array.from(x) };
    const { y, tape } = layer.forward({}, input);
    const ones: Tensor = { shape: input.shape, data: new Float64Array(x.length).fill(1) };
    const slopes = layer.vjp({}, tape, ones).dx().data;
    const pushed = layer.jvp({}, tape, ones, undefined).data;
    for (let i = 0; i < x.length; i++) {
      // PyTorch's own values agree with mpmath's to 4e-15, relative above 1.
      expectClose([y.data[i]!], [functions[name].y[i]], 1e-14);
      // At a kink PyTorch takes the left slope; so do we.
      expectClose([slopes[i]!], [functions[name].dy[i]], 1e-14);
      expectClose([pushed[i]!], [functions[name].dy[i]], 1e-14);
    }
  });
});

describe("dense networks equal PyTorch's", () => {
  it.each(denseFiles)("%s: outputs, loss gradient", (file) => {
    const g = golden(file);
    const net = goldenNetwork(g);
    const x = rows(g.x);
    expectClose(net.at(x).data, g.outputs.flat(), 1e-13);
    const { y, tapes } = forward(net, toTensor(x, net.inputShape, "f64"));
    const { value, dy } = mse().evaluate(y, rows(g.targets));
    expect(value).toBeCloseTo(g.loss, 12);
    const expected = g.loss_gradient.flatMap(({ weight, bias }: { weight: number[][]; bias: number[] }) => [
      ...weight.flat(),
      ...bias,
    ]);
    expectClose(flatten(gradient(net, tapes, dy)), expected, 1e-13);
  });
});

describe("every layer's gradient and push-forward agree with finite differences", () => {
  it.each(Object.keys(activations))("dense and %s, f64", (name) => {
    const net = network({
      inputShape: [3],
      layers: [dense(6), activations[name]!(), dense(4), activations[name]!(), dense(2)],
      seed: 4,
      precision: "f64",
    });
    const x = toTensor(randomMatrix(5, 3, "x"), [3], "f64");
    const w = flatten(net.weights);
    const v = randomMatrix(1, w.length, "v").data;
    const u = randomMatrix(5, 2, "u").data;
    const moved = (h: number) =>
      toMatrix(
        forward(
          networkOf(
            net,
            unflatten(
              w.map((q, i) => q + h * v[i]!),
              net.weights,
              "f64",
            ),
          ),
          x,
        ).y,
      ).data;
    const h = 1e-5;
    const [up, down] = [moved(h), moved(-h)];
    const difference = up.map((q, i) => (q - down[i]!) / (2 * h));
    const jv = pushforward(net, x, unflatten(v, net.weights, "f64")).data;
    // Central differences err by h² f‴ + ε/h, near 1e-10; no input sits on a kink.
    expectClose(jv, difference, 1e-8);
    // ⟨u, J v⟩ = ⟨Jᵀ u, v⟩
    const { tapes } = forward(net, x);
    const jtu = flatten(gradient(net, tapes, { shape: [5, 2], data: u }));
    const left = u.reduce((sum, q, i) => sum + q * jv[i]!, 0);
    expect(jtu.reduce((sum, q, i) => sum + q * v[i]!, 0)).toBeCloseTo(left, 12);
  });
});

describe("networks", () => {
  it("compute in f32 by default and in f64 on request, alike to single precision", () => {
    const make = (precision?: "f64") =>
      network({
        inputShape: [3],
        layers: [dense(16), relu(), dense(1)],
        seed: 1,
        ...(precision && { precision }),
      });
    const x = randomMatrix(50, 3, "x");
    expect(make().weights[0]!.weight!.data).toBeInstanceOf(Float32Array);
    expectClose(make().at(x).data, make("f64").at(x).data, 1e-5);
  });

  it("take no rows, one row and more rows than they evaluate at a time", () => {
    const net = network({ inputShape: [2], layers: [dense(3)], seed: 0 });
    expect(net.at(randomMatrix(0, 2, "x"))).toMatchObject({ rows: 0, cols: 3 });
    const many = randomMatrix(9001, 2, "x");
    const all = net.at(many).data;
    const one = net.at({ rows: 1, cols: 2, data: many.data.slice(-2) }).data;
    expectClose(all.slice(-3), one, 1e-6);
  });

  it("are rebuilt from their definitions", () => {
    for (const layer of [
      dense(3) as Layer,
      leakyRelu(0.2),
      ...Object.values(activations).map((make) => make()),
    ]) {
      expect(layerFrom(layer.definition).definition).toEqual(layer.definition);
    }
    expect(() => layerFrom({ kind: "toString" })).toThrow("not one of");
  });

  it("survive a file to the last bit, and other files are refused", () => {
    for (const precision of ["f32", "f64"] as const) {
      const net = network({
        inputShape: [3],
        layers: [dense(4), leakyRelu(0.1), dense(2)],
        seed: 3,
        precision,
      });
      const back = decodeNetwork(encodeNetwork(net), "net");
      const x = randomMatrix(5, 3, "x");
      expect(back.at(x)).toEqual(net.at(x));
      expect(back.precision).toBe(precision);
    }
    const bytes = encodeNetwork(network({ inputShape: [3], layers: [dense(4)] }));
    expect(() => decodeNetwork(bytes.slice(0, 50), "cut")).toThrow(FormatError);
    const { tensors, metadata } = decodeSafetensors(bytes, "net");
    expect(() => decodeNetwork(encodeSafetensors(tensors, {}), "bare")).toThrow("not a funspace network");
    const bent = { "funspace.network": metadata["funspace.network"]!.replace("dense", "sparse") };
    expect(() => decodeNetwork(encodeSafetensors(tensors, bent), "bent")).toThrow("sparse");
  });

  it("keep their tensors in the layers' order, whatever that of a file", () => {
    const net = network({ inputShape: [3], layers: [dense(4)], seed: 3 });
    const swapped = networkOf(net, [{ bias: net.weights[0]!.bias!, weight: net.weights[0]!.weight! }]);
    expect(flatten(swapped.weights)).toEqual(flatten(net.weights));
  });

  it("say what does not fit", () => {
    const net = network({ inputShape: [2], layers: [dense(3)] });
    expect(() => net.at(randomMatrix(1, 3, "x"))).toThrow(ShapeError);
    expect(() => net.at({ rows: 1, cols: 2, data: Float64Array.of(1, Number.NaN) })).toThrow("x holds NaN");
    expect(() => network({ inputShape: [], layers: [dense(3)] })).toThrow("dense takes");
    expect(() => network({ inputShape: [2], layers: [] })).toThrow(UsageError);
    expect(() => networkOf(net, [{}])).toThrow('"weight" should be 3 × 2');
    expect(() => dense(1.5)).toThrow(UsageError);
  });
});
