import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors/index.ts";
import { decodeOnnx } from "../../../src/networks/onnx/index.ts";
import type { OnnxModel, OnnxNode } from "../../../src/networks/onnx/model.ts";
import { onnxTensor } from "../../../src/networks/onnx/tensor-data.ts";
import { writeModel } from "../../../src/networks/onnx/write-model.ts";
import { key, split, uniform } from "../../../src/random/index.ts";

const folder = new URL("../../golden/onnx-models/", import.meta.url);

function file(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.onnx`, folder));
}

/** The file with bytes altered, cut out, repeated elsewhere, or set to what lengths and types are damaged by most. */
function damaged(whole: Uint8Array, seed: number, name: string): Uint8Array {
  const draws = uniform(split(key(seed), name), 12);
  const place = (k: number) => Math.floor(draws[k]! * whole.length);
  const at = place(0);
  const length = Math.floor(200 * draws[1]!);
  switch (seed % 4) {
    case 0:
      return Uint8Array.of(...whole.subarray(0, at), ...whole.subarray(at + 1 + length));
    case 1: {
      const piece = whole.subarray(place(2), place(2) + length);
      return Uint8Array.of(...whole.subarray(0, at), ...piece, ...whole.subarray(at));
    }
    default: {
      const bytes = whole.slice();
      for (let k = 2; k < 7; k++) {
        const value = draws[k + 5]!;
        bytes[place(k)] =
          seed % 4 === 2 ? Math.floor(256 * value) : [0xff, 0x7f, 0x80, 0][Math.floor(4 * value)]!;
      }
      return bytes;
    }
  }
}

/** What decoding throws, if anything; whatever it is, it must come in good time. */
function outcome(bytes: Uint8Array): unknown {
  const start = performance.now();
  try {
    decodeOnnx(bytes, "bad.onnx");
    return undefined;
  } catch (error) {
    return error;
  } finally {
    expect(performance.now() - start).toBeLessThan(2000);
  }
}

function refused(bytes: Uint8Array): FormatError {
  const error = outcome(bytes);
  expect(error).toBeInstanceOf(FormatError);
  return error as FormatError;
}

function node(operator: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode {
  return { operator, domain: "", name: `the ${operator}`, inputs, outputs, attributes: {} };
}

const f32 = (shape: readonly number[], data: readonly number[]) => ({ shape, data: Float32Array.from(data) });

function model(change: Partial<OnnxModel>): Uint8Array {
  return writeModel({
    opset: 17,
    nodes: [node("Relu", ["x"], ["y"])],
    initializers: [],
    inputs: [{ name: "x", elementType: 1, shape: ["n", 3] }],
    outputs: [{ name: "y", elementType: 1, shape: ["n", 3] }],
    ...change,
  });
}

describe("a damaged ONNX file is refused with a clear error, in good time", () => {
  it("truncated anywhere", () => {
    for (const name of ["cnn-script-12", "attention-dynamo-18"]) {
      const whole = file(name);
      for (let end = 0; end < whole.length; end += 17) refused(whole.subarray(0, end));
    }
  });

  it("with bytes of chance", () => {
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from(uniform(key(i), 20 + 7 * i), (u) => Math.floor(256 * u));
      const error = refused(bytes);
      expect(error.offset).toBeDefined();
    }
  });

  it("with single bytes altered: an error of ours, or a network", () => {
    const whole = file("encoder-dynamo-18");
    for (let i = 0; i < 400; i++) {
      const [where, what] = uniform(key(i), 2) as unknown as [number, number];
      const bytes = whole.slice();
      bytes[Math.floor(where * 4000)] = Math.floor(256 * what);
      const error = outcome(bytes);
      if (error !== undefined) expect(error).toBeInstanceOf(FormatError);
    }
  });

  it("with bytes altered, cut out or repeated, whatever exported it, in little memory", () => {
    const before = process.resourceUsage().maxRSS;
    for (const name of readdirSync(folder)) {
      const whole = readFileSync(new URL(name, folder));
      for (let seed = 0; seed < 12; seed++) {
        const error = outcome(damaged(whole, seed, name));
        if (error !== undefined) expect(error).toBeInstanceOf(FormatError);
      }
    }
    // Files of 1 to 60 kB: no more than the collector lets stand; a length taken at its word would be gigabytes.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(300 * 1024);
  });

  it("with a cycle", () => {
    const nodes = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Tanh", ["b"], ["y"])];
    expect(refused(model({ nodes })).message).toMatch(/the Relu.*cycle|the Add.*cycle/);
  });

  it("with a value that nothing gives, or two nodes do", () => {
    expect(refused(model({ nodes: [node("Add", ["x", "z"], ["y"])] })).message).toMatch(/needs "z"/);
    const nodes = [node("Relu", ["x"], ["y"]), node("Tanh", ["x"], ["y"])];
    expect(refused(model({ nodes })).message).toMatch(/already/);
  });

  it("with wrong shapes, naming the node", () => {
    const nodes = [node("MatMul", ["x", "w"], ["y"])];
    const initializers = [onnxTensor("w", f32([2, 2], [1, 2, 3, 4]))];
    expect(refused(model({ nodes, initializers })).message).toMatch(/the MatMul.*2 × 2/);
  });

  it("with a tensor of 2 GB declared, and few bytes", () => {
    const big = { ...onnxTensor("w", f32([1], [1])), shape: [536_870_912] };
    const error = refused(model({ nodes: [node("Add", ["x", "w"], ["y"])], initializers: [big] }));
    expect(error.message).toMatch(/"w".*536870912 numbers, the file has 1/);
    expect(error.offset).toBeGreaterThan(0);
  });

  it("with an enormous value made of small ones", () => {
    const initializers = [onnxTensor("s", { shape: [2], data: Float64Array.of(1e6, 1e6) }, true)];
    const nodes = [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])];
    expect(refused(model({ nodes, initializers })).message).toMatch(/ConstantOfShape.*larger/);
    const wide = [{ name: "x", elementType: 1, shape: ["n", 2 ** 40] }];
    expect(refused(model({ inputs: wide })).message).toMatch(/larger/);
    const doubling = Array.from({ length: 64 }, (_, i) => ({
      ...node("Concat", [i ? `a${i - 1}` : "x", i ? `a${i - 1}` : "x"], [i === 63 ? "y" : `a${i}`]),
      attributes: { axis: 1 },
    }));
    expect(refused(model({ nodes: doubling })).message).toMatch(/Concat.*larger/);
  });
});

describe("a graph that is no function of one example is refused, saying why", () => {
  it("unknown operators, by node", () => {
    expect(refused(model({ nodes: [node("Einsum", ["x"], ["y"])] })).message).toMatch(
      /"the Einsum" \(Einsum\)/,
    );
  });

  it("inputs and outputs", () => {
    const more = ["x", "z"].map((name) => ({ name, elementType: 1, shape: ["n", 3] }));
    expect(refused(model({ inputs: more })).message).toMatch(/inputs "x", "z"/);
    const tokens = [{ name: "x", elementType: 7, shape: ["n", 3] }];
    expect(refused(model({ inputs: tokens })).message).toMatch(/should be of floats/);
    const open = [{ name: "x", elementType: 1, shape: ["n", "length"] }];
    expect(refused(model({ inputs: open })).message).toMatch(/"length" fixed/);
    const flat = [{ name: "x", elementType: 1, shape: ["n"] }];
    expect(refused(model({ inputs: flat })).message).toMatch(/batch axis and others/);
    expect(refused(model({ opset: 6 })).message).toMatch(/opset_version 7/);
  });

  it("mixing examples", () => {
    const mean = { ...node("ReduceMean", ["x"], ["y"]), attributes: { axes: [0] } };
    expect(refused(model({ nodes: [mean] })).message).toMatch(/ReduceMean.*counts the examples/);
    const nodes = [
      { ...node("Transpose", ["x"], ["t"]), attributes: { perm: [1, 0] } },
      node("MatMul", ["x", "t"], ["y"]),
    ];
    expect(refused(model({ nodes })).message).toMatch(/MatMul/);
  });

  it("numbers in another file", () => {
    // The tensor's data_location, field 14, set to EXTERNAL.
    const name = new TextEncoder().encode("weights");
    const tensor = Uint8Array.of(8, 3, 16, 1, 0x42, name.length, ...name, 0x70, 1);
    const io = (field: number, letter: string) => [
      ...[field, 19, 0x0a, 1, letter.charCodeAt(0), 0x12, 14, 0x0a, 12, 8, 1, 0x12, 8],
      ...[0x0a, 2, 0x12, 0, 0x0a, 2, 8, 3],
    ];
    const add = [0x0a, 1, 120, 0x0a, name.length, ...name, 0x12, 1, 121, 0x22, 3, 65, 100, 100];
    const graph = [
      0x0a,
      add.length,
      ...add,
      0x2a,
      tensor.length,
      ...tensor,
      ...io(0x5a, "x"),
      ...io(0x62, "y"),
    ];
    const bytes = Uint8Array.of(0x3a, graph.length, ...graph, 0x42, 2, 16, 17);
    expect(refused(bytes).message).toMatch(/"weights" keeps its numbers in another file/);
  });
});
