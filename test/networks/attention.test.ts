import { describe, expect, it } from "vitest";
import { matrix, type Tensor } from "../../src/linalg/index.ts";
import {
  backward,
  dense,
  forward,
  gelu,
  gradient,
  layerNorm,
  multiHeadAttention,
  type NetworkPart,
  network,
  networkOf,
  residual,
} from "../../src/networks/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden } from "../support/golden.ts";

const file = golden("attention");

// Both sides round in f64 over sums of some tens of numbers.
const tolerance = 1e-12;

const tensorOf = ({ shape, data }: { shape: number[]; data: number[] }): Tensor => ({
  shape,
  data: Float64Array.from(data),
});

interface Case {
  readonly inputShape: readonly number[];
  readonly layers: readonly NetworkPart[];
  /** For each layer of the network, what PyTorch's names of its tensors begin with; undefined where it has none. */
  readonly modules: readonly (string | undefined)[];
}

const cases: Readonly<Record<string, Case>> = {
  attention: { inputShape: [3, 4], layers: [multiHeadAttention(2)], modules: [""] },
  encoder: {
    inputShape: [3, 6],
    layers: [
      residual([multiHeadAttention(2)]),
      layerNorm(),
      residual([dense(8), gelu(), dense(6)]),
      layerNorm(),
      dense(2),
    ],
    modules: [
      "block.self_attn.",
      undefined,
      "block.norm1.",
      "block.linear1.",
      undefined,
      "block.linear2.",
      undefined,
      "block.norm2.",
      "head.",
    ],
  },
};

describe.each(Object.keys(cases))("%s equals PyTorch's", (name) => {
  const g = file[name];
  const x = tensorOf(g.x);
  const { modules, ...parts } = cases[name]!;
  const fresh = network({ ...parts, precision: "f64" });
  const theirs = (i: number, ours: string) => `${modules[i]}${ours.replace("out_proj_", "out_proj.")}`;
  const net = networkOf(
    fresh,
    fresh.weights.map((record, i) =>
      Object.fromEntries(Object.keys(record).map((ours) => [ours, tensorOf(g.tensors[theirs(i, ours)])])),
    ),
  );

  it("outputs and gradients", () => {
    const { y, tapes } = forward(net, x);
    expect(y.shape).toEqual(g.y.shape);
    expectClose(y.data, g.y.data, tolerance);
    const dy = { shape: y.shape, data: Float64Array.from(g.dy) };
    expectClose(backward(net, tapes, dy, () => {}, true)!.data, g.dx, tolerance);
    gradient(net, tapes, dy).forEach((record, i) => {
      for (const [ours, { data }] of Object.entries(record)) {
        expectClose(data, g.dweights[theirs(i, ours)], tolerance);
      }
    });
  });

  it("each layer's share of the tangent kernel, and all of it", () => {
    const points = matrix(x.shape[0]!, net.inputs, Float64Array.from(x.data));
    const kernel = tangentKernel(net);
    expectClose(kernel.gram(points).data, g.tangent, tolerance);
    const shares = kernel.shares(points);
    kernel.layers.forEach((layer, l) => {
      const part = g.tangent_parts[modules[layer]!.replace(/\.$/, "")];
      if (part) expectClose(shares[l]!.data, part, tolerance);
    });
  });
});
