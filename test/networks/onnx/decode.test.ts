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
