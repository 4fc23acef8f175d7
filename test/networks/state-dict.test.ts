import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { matrix } from "../../src/linalg/index.ts";
import {
  batchNorm,
  conv2d,
  decodeSafetensors,
  dense,
  flattenLayer,
  gelu,
  layerNorm,
  multiHeadAttention,
  networkFromStateDict,
  prelu,
  relu,
  reshapeLayer,
} from "../../src/networks/index.ts";
import { expectClose, golden } from "../support/golden.ts";

const file = readFileSync(new URL("../golden/state-dict.safetensors", import.meta.url));
const { tensors } = decodeSafetensors(file, "state-dict");
const inputShape = [2, 4, 4];
const body = [
  ...[
    conv2d(4, 3, { padding: 1 }),
    batchNorm(),
    relu(),
    conv2d(4, 3, { groups: 2 }),
    prelu({ perChannel: true }),
  ],
  ...[reshapeLayer([4, 4]), multiHeadAttention(2), layerNorm(), flattenLayer(), dense(6), gelu()],
];
const layers = [...body, dense(2, { bias: false })];

describe("a PyTorch state_dict with a list of layers", () => {
  it("is the network: PyTorch's outputs", () => {
    const { x, y } = golden("state-dict");
    const inputs = matrix(3, 32, Float64Array.from(x));
    // f32 on both sides; f64 here and f32 there.
    for (const precision of ["f32", "f64"] as const) {
      const net = networkFromStateDict(tensors, { inputShape, layers, precision });
      expectClose(net.at(inputs).data, y, 1e-5);
    }
    // "11" comes before "9" in the file.
    const modules = ["0", "1", "3", "4", "6", "7", "9", "11"];
    const named = networkFromStateDict(tensors, { inputShape, layers, modules });
    expectClose(named.at(inputs).data, y, 1e-5);
  });

  it("that do not fit says which layer and which module", () => {
    const read = (options: object) => () => networkFromStateDict(tensors, { inputShape, layers, ...options });
    expect(read({ modules: ["1", "0"] })).toThrow(
      /layer 0 \(conv2d\) takes bias 4, weight 4 × 2 × 3 × 3, and the module in its place, "1", has .*running_mean 4/,
    );
    expect(read({ modules: ["head"] })).toThrow(/no tensor belongs to "head"/);
    expect(read({ layers: body })).toThrow(/no layer takes the modules "11"/);
    expect(read({ layers: [...layers, dense(3)] })).toThrow(/layer 12 \(dense\) has no module left/);
    expect(read({ layers: [...body, dense(3, { bias: false })] })).toThrow(/weight 3 × 6.*weight 2 × 6/);
  });
});
