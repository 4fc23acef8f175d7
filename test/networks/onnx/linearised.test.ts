import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { networkProbabilities } from "../../../src/adapt/index.ts";
import { add, matrix } from "../../../src/linalg/index.ts";
import { flatten, parameterCount, unflatten } from "../../../src/networks/index.ts";
import { decodeOnnx, encodeOnnx, type OnnxOptions } from "../../../src/networks/onnx/index.ts";
import { key, normal } from "../../../src/random/index.ts";
import { tangentFn } from "../../../src/tangent/index.ts";
import { expectClose } from "../../support/golden.ts";
import { inputsOf, netOf, onnxNetworks, onnxPython, runOnnx } from "../../support/onnx-networks.ts";

const names = Object.keys(onnxNetworks);

/** A network with a move of its weights, its linearisation, and the file of that. */
function moved(name: string, options: OnnxOptions = {}) {
  const net = netOf(name);
  const v = Float64Array.from(normal(key(7), parameterCount(net)), (z) => 0.1 * z);
  const x = inputsOf(name, net);
  const tangent = tangentFn(net, v).at(x);
  const move = unflatten(v, net.weights, net.precision);
  return { net, x, tangent, bytes: encodeOnnx(net, { ...options, move }) };
}

describe.skipIf(!onnxPython)("linearised networks in ONNX (skipped where Python has no ONNX Runtime)", () => {
  it("ONNX Runtime gives f(x) + J(x) move, whatever the layers", { timeout: 120_000 }, () => {
    const cases = names.map((name) => ({ name, ...moved(name) }));
    const outputs = runOnnx(cases);
    cases.forEach(({ name, net, x, tangent }, i) => {
      // f32 on both sides, with sums in other orders.
      try {
        expectClose(outputs[i]!, add(net.at(x), tangent).data, 2e-5);
      } catch (cause) {
        throw new Error(`${name}: ${(cause as Error).message}`, { cause });
      }
    });
  });

  it("so too for networks that PyTorch exported", { timeout: 120_000 }, () => {
    const kinds = [
      "attention",
      "cnn",
      "encoder",
      "mlp",
      "mobilenet",
      "norms",
      "pointwise",
      "resnet18-narrow",
    ];
    const folder = new URL("../../golden/onnx-models/", import.meta.url);
    const files = readdirSync(folder);
    const cases = [...kinds, "sequence-first", "sequences"].map((kind) => {
      const file = files.find((name) => name.startsWith(`${kind}-script`))!;
      const net = decodeOnnx(readFileSync(new URL(file, folder)), file);
      // Moves of a tenth of each weight, so that deep networks stay in range.
      const z = normal(key(7), parameterCount(net));
      const v = flatten(net.weights).map((w, k) => 0.1 * Math.abs(w) * z[k]!);
      const x = matrix(2, net.inputs, Float64Array.from(normal(key(3), 2 * net.inputs), Math.fround));
      const move = unflatten(v, net.weights, net.precision);
      return { file, x, bytes: encodeOnnx(net, { move }), expected: add(net.at(x), tangentFn(net, v).at(x)) };
    });
    const outputs = runOnnx(cases);
    cases.forEach(({ file, expected }, i) => {
      try {
        expectClose(outputs[i]!, expected.data, 2e-5);
      } catch (cause) {
        throw new Error(`${file}: ${(cause as Error).message}`, { cause });
      }
    });
  });

  it("with another prior, and in other units", { timeout: 60_000 }, () => {
    const constant = moved("dense", { prior: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    const probable = moved("dense", { prior: "probabilities" });
    const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });
    const inputs = { mean: tensor(1, -2, 0.5, 0, 10), scale: tensor(2, 0.5, 1, 4, 100) };
    const outputs = { mean: tensor(5, 0, -1), scale: tensor(1, 10, 0.1) };
    const units = moved("dense", { inputs, outputs });
    const given = matrix(
      4,
      5,
      units.x.data.map((v, k) => v * inputs.scale.data[k % 5]! + inputs.mean.data[k % 5]!),
    );
    const [a, b, c] = runOnnx([constant, probable, { bytes: units.bytes, x: given }]);
    expectClose(
      a!,
      constant.tangent.data.map((t, k) => t + 1 + (k % 3)),
      1e-5,
    );
    expectClose(b!, add(networkProbabilities(probable.net, probable.x), probable.tangent).data, 1e-5);
    const mean = add(units.net.at(units.x), units.tangent);
    expectClose(
      c!,
      mean.data.map((v, k) => v * outputs.scale.data[k % 3]! + outputs.mean.data[k % 3]!),
      2e-5,
    );
  });

  it("parameters are written once, their moves beside them", () => {
    const { net, bytes } = moved("dense");
    const plain = encodeOnnx(net).length;
    expect(bytes.length).toBeLessThan(plain + 4 * parameterCount(net) + 2500);
  });
});
