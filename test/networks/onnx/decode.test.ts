import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { matrix, sizeOf } from "../../../src/linalg/index.ts";
import { decodeOnnx } from "../../../src/networks/onnx/index.ts";
import { expectClose, golden } from "../../support/golden.ts";

interface Case {
  readonly x: { readonly shape: readonly number[]; readonly data: readonly number[] };
  readonly y: { readonly shape: readonly number[]; readonly data: readonly number[] };
}

const cases = golden("onnx-models") as Readonly<Record<string, Case>>;

function bytesOf(name: string): Uint8Array {
  return readFileSync(new URL(`../../golden/onnx-models/${name}.onnx`, import.meta.url));
}

describe("networks exported from PyTorch give ONNX Runtime's outputs", () => {
  // Both compute in f32, with sums in other orders.
  it.each(Object.keys(cases))("%s", (name) => {
    const { x, y } = cases[name]!;
    const net = decodeOnnx(bytesOf(name), `${name}.onnx`);
    const [n, ...inputShape] = x.shape as [number, ...number[]];
    expect(net.inputShape).toEqual(inputShape);
    const outputs = net.at(matrix(n, sizeOf(inputShape), Float64Array.from(x.data)));
    expect(outputs.rows).toBe(n);
    expectClose(outputs.data, y.data, 1e-5);
  });
});

describe("what exporters take apart is one layer again", () => {
  const kinds = (name: string) =>
    decodeOnnx(bytesOf(name), name).layers.map(({ definition }) => definition.kind);

  it("layer norm, group norm and gelu of older operator sets", () => {
    const expected = [
      ...[
        "conv2d",
        "groupNorm",
        "elu",
        "conv2d",
        "groupNorm",
        "selu",
        "flatten",
        "layerNorm",
        "gelu",
        "dense",
      ],
    ];
    expect(kinds("norms-script-11")).toEqual(expected);
    expect(kinds("norms-dynamo-21")).toEqual(expected);
  });

  it("biases of matrix products, and the approximate gelu", () => {
    expect(kinds("mlp-no-bias-script-13")).toEqual(["dense", "relu", "dense"]);
    for (const name of ["attention-script-12", "attention-dynamo-18"]) {
      const layers = kinds(name);
      expect(layers).toContain("layerNorm");
      expect(layers).toContain("geluTanh");
      expect(layers).not.toContain("power");
      expect(layers.filter((kind) => kind === "dense").length).toBe(4);
    }
  });

  it("guarded softplus, and silu", () => {
    expect(kinds("mlp-dynamo-18")).toEqual(kinds("mlp-script-13"));
    expect(kinds("pointwise-script-14")).toContain("silu");
  });
});
