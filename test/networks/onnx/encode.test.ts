import { describe, expect, it } from "vitest";
import { decodeOnnx, encodeOnnx } from "../../../src/networks/onnx/index.ts";
import { expectClose } from "../../support/golden.ts";
import { inputsOf, netOf, onnxNetworks, onnxPython, runOnnx } from "../../support/onnx-networks.ts";

// f32 on both sides, with sums in other orders.
const tolerance = 1e-5;

const names = Object.keys(onnxNetworks);

describe("networks written to ONNX", () => {
  it.each(names)("%s: read again, the same function", (name) => {
    const net = netOf(name);
    const x = inputsOf(name, net);
    const read = decodeOnnx(encodeOnnx(net), name);
    expect(read.inputShape).toEqual(net.inputShape);
    expect(read.outputShape).toEqual(net.outputShape);
    expectClose(read.at(x).data, net.at(x).data, tolerance);
  });

  it.skipIf(!onnxPython)(
    "ONNX Runtime gives the same outputs (skipped where Python has none)",
    { timeout: 60_000 },
    () => {
      const cases = names.map((name) => ({ net: netOf(name), x: inputsOf(name, netOf(name)) }));
      const outputs = runOnnx(cases.map(({ net, x }) => ({ bytes: encodeOnnx(net), x })));
      cases.forEach(({ net, x }, i) => {
        expectClose(net.at(x).data, outputs[i]!, tolerance);
      });
    },
  );
});
