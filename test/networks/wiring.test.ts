import { describe, expect, it } from "vitest";
import { type Tensor, toTensor } from "../../src/linalg/index.ts";
import {
  backward,
  decodeNetwork,
  dense,
  encodeNetwork,
  fanInSum,
  flatten,
  forward,
  gradient,
  network,
  networkOf,
  parallel,
  pushforward,
  residual,
  tanh,
  unflatten,
} from "../../src/networks/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const branched = () =>
  network({
    inputShape: [3],
    layers: [
      dense(4),
      residual([tanh(), dense(4), residual([tanh(), dense(4)])]),
      parallel([[dense(2)], [tanh(), dense(2)]], fanInSum()),
    ],
    seed: 2,
    precision: "f64",
  });

describe("branches", () => {
  it("a residual block adds what comes in to what its layers make of it", () => {
    const body = network({ inputShape: [3], layers: [dense(3), tanh()], seed: 5, precision: "f64" });
    const whole = networkOf(
      {
        inputShape: [3],
        layers: [...body.layers, fanInSum()],
        sources: [[-1], [0], [-1, 1]],
        precision: "f64",
      },
      [...body.weights, {}],
    );
    const x = randomMatrix(4, 3, "x");
    expectClose(
      whole.at(x).data,
      body.at(x).data.map((v, i) => v + x.data[i]!),
      1e-15,
    );
  });

  it("gradient, push-forward and the tangent kernel agree with finite differences and each other", () => {
    const net = branched();
    const x = randomMatrix(5, 3, "x");
    const input = toTensor(x, [3], "f64");
    const w = flatten(net.weights);
    const v = randomMatrix(1, w.length, "v").data;
    const u = randomMatrix(5, 2, "u").data;
    const at = (h: number) =>
      forward(
        networkOf(
          net,
          unflatten(
            w.map((q, i) => q + h * v[i]!),
            net.weights,
            "f64",
          ),
        ),
        input,
      ).y.data;
    const h = 1e-5;
    const [up, down] = [at(h), at(-h)];
    const jv = pushforward(net, input, unflatten(v, net.weights, "f64")).data;
    // Central differences: error of order h².
    jv.forEach((slope, i) => {
      expect(slope).toBeCloseTo((up[i]! - down[i]!) / (2 * h), 8);
    });
    const { tapes } = forward(net, input);
    const jtu = flatten(gradient(net, tapes, { shape: [5, 2], data: u }));
    const inner = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).reduce((s, q, i) => s + q * b[i]!, 0);
    expect(inner(jv, u)).toBeCloseTo(inner(v, jtu), 12);
    const k = tangentKernel(net).gram(x);
    for (let r = 0; r < 10; r++) {
      const unit = new Float64Array(10);
      unit[r] = 1;
      const row = flatten(gradient(net, tapes, { shape: [5, 2], data: unit }));
      const product = pushforward(net, input, unflatten(row, net.weights, "f64")).data;
      expectClose(k.data.subarray(r * 10, r * 10 + 10), Array.from(product), 1e-12);
    }
  });

  it("hand the cotangent of the network's input back when asked", () => {
    const net = branched();
    const x = randomMatrix(2, 3, "x");
    const dy: Tensor = { shape: [2, 2], data: Float64Array.of(1, -2, 0.5, 3) };
    const { tapes } = forward(net, toTensor(x, [3], "f64"));
    const dx = backward(net, tapes, dy, () => {}, true)!;
    const value = (data: Float64Array) =>
      net.at({ ...x, data }).data.reduce((s, y, i) => s + y * dy.data[i]!, 0);
    const h = 1e-5;
    dx.data.forEach((slope, i) => {
      const shifted = (by: number) => value(x.data.map((q, k) => (k === i ? q + by : q)));
      expect(slope).toBeCloseTo((shifted(h) - shifted(-h)) / (2 * h), 8);
    });
  });

  it("survive being saved", () => {
    const net = branched();
    const again = decodeNetwork(encodeNetwork(net), "memory");
    const x = randomMatrix(3, 3, "x");
    expect(again.at(x).data).toEqual(net.at(x).data);
    expect(again.sources).toEqual(net.sources);
  });
});
