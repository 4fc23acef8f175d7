import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type Matrix, matrix, sizeOf } from "../../../src/linalg/index.ts";
import {
  affineLayer,
  averagePool2d,
  batchNorm,
  clip,
  constantLayer,
  conv2d,
  dense,
  dropout,
  embedding,
  fanInConcatenate,
  fanInMatmul,
  fanInProduct,
  fanInSum,
  flattenLayer,
  globalAveragePool,
  globalMaxPool,
  groupNorm,
  hardSigmoid,
  layerNorm,
  leakyRelu,
  logLayer,
  logSoftmax,
  maxPool2d,
  meanLayer,
  multiHeadAttention,
  type Network,
  type NetworkPart,
  network,
  networkOf,
  padLayer,
  parallel,
  powerLayer,
  prelu,
  repeatLayer,
  reshapeLayer,
  residual,
  type Shape,
  selectLayer,
  sigmoid,
  sliceLayer,
  softmax,
  transposeLayer,
  type Weights,
} from "../../../src/networks/index.ts";
import { activations } from "../../../src/networks/layers/from-definition.ts";
import { decodeOnnx, encodeOnnx } from "../../../src/networks/onnx/index.ts";
import { key, normal, split } from "../../../src/random/index.ts";
import { expectClose } from "../../support/golden.ts";

const nets: Readonly<Record<string, readonly [Shape, readonly NetworkPart[]]>> = {
  dense: [[5], [dense(4), dense(3, { bias: false })]],
  "dense of tokens": [
    [3, 5],
    [dense(4), dense(2, { bias: false }), flattenLayer()],
  ],
  "dense in other parametrisations": [
    [5],
    [
      dense(4, { parametrisation: "ntk" }),
      dense(3, { parametrisation: "mup", role: "output", biasDeviation: 0.5 }),
    ],
  ],
  convolutions: [
    [2, 8, 7],
    [
      conv2d(4, 3, { stride: [1, 2], padding: [1, 2, 0, 1], groups: 2 }),
      maxPool2d(2, { ceil: true }),
      conv2d(3, [2, 1], { dilation: 1, bias: false, parametrisation: "ntk" }),
      globalAveragePool(),
    ],
  ],
  "average pools": [
    [2, 7, 7],
    [
      averagePool2d(2, { padding: [1, 0, 0, 1] }),
      averagePool2d(3, { stride: 2, padding: 1, countPadding: false }),
    ],
  ],
  largest: [[3, 4, 4], [globalMaxPool()]],
  norms: [
    [4, 3, 2],
    [batchNorm(), groupNorm(2), layerNorm({ axes: 2 }), dropout(0.5), prelu({ perChannel: true })],
  ],
  attention: [
    [3, 8],
    [residual([layerNorm(), multiHeadAttention(2)]), softmax(1), logSoftmax()],
  ],
  gates: [[4], [parallel([[dense(4), sigmoid()], [dense(4)]], fanInProduct())]],
  concatenation: [
    [2, 3],
    [parallel([[], [transposeLayer([1, 0]), reshapeLayer([2, -1])]], fanInConcatenate(-1)), meanLayer([1])],
  ],
  products: [[3, 4], [parallel([[], [transposeLayer([1, 0])]], fanInMatmul())]],
  tokens: [
    [3, 4],
    [parallel([[constantLayer([1, 4])], []], fanInConcatenate()), sliceLayer(0, 3, 4, -1)],
  ],
  pieces: [
    [3, 4],
    [
      selectLayer(1, [3, 0, 0]),
      padLayer([1, 0], [0, 2], 0.5),
      sliceLayer(0, 0, 2, 2),
      meanLayer([0]),
      repeatLayer([2, 5]),
    ],
  ],
  "affine maps": [
    [3, 4],
    [affineLayer({ weight: [3, 1], bias: [4] }), affineLayer({ bias: [], trained: false }), powerLayer(2)],
  ],
  logarithms: [
    [4],
    [powerLayer(2), affineLayer({ bias: [], trained: false }), clip({ lower: 0.1 }), logLayer()],
  ],
  slopes: [[4], [leakyRelu(0.2), hardSigmoid(0.3, 0.4), clip({ lower: -1, upper: 0.5 })]],
  sums: [[4], [parallel([[], [dense(4)], [dense(4)]], fanInSum())]],
  embedding: [
    [3],
    [clip({ lower: 0, upper: 0.5 }), affineLayer({ weight: [], trained: false }), embedding(2, 4)],
  ],
  ...Object.fromEntries(Object.entries(activations).map(([name, make]) => [name, [[6], [make()]] as const])),
};

/** The network with every parameter and buffer away from its first value; positive where it must be. */
function drawn([inputShape, layers]: readonly [Shape, readonly NetworkPart[]]): Network {
  const net = network({ inputShape, layers, seed: 3 });
  let count = 0;
  const moved = (records: readonly Weights[]) =>
    records.map((record) =>
      Object.fromEntries(
        Object.entries(record).map(([name, { shape, data }]) => {
          const noise = normal(split(key(5), count++), data.length);
          const change = (v: number, k: number) =>
            name === "running_var" ? v + noise[k]! ** 2 : v + 0.3 * noise[k]!;
          return [name, { shape, data: data.map(change) }];
        }),
      ),
    );
  return networkOf({ ...net, buffers: moved(net.buffers) }, moved(net.weights));
}

function inputsOf(name: string, net: Network): Matrix {
  const data = Float64Array.from(normal(key(11), 4 * sizeOf(net.inputShape)), Math.fround);
  // Tokens 0 and 1: the buffer of that network turns ½ into 1.
  if (name === "embedding") for (const [k, v] of data.entries()) data[k] = v > 0 ? 1 : 0;
  return matrix(4, sizeOf(net.inputShape), data);
}

function netOf(name: string): Network {
  const net = drawn(nets[name]!);
  if (name !== "embedding") return net;
  const buffers = net.buffers.map((record, i) =>
    i === 1 ? { weight: { shape: [], data: Float32Array.of(2) } } : record,
  );
  return networkOf({ ...net, buffers }, net.weights);
}

// f32 on both sides, with sums in other orders.
const tolerance = 1e-5;

describe("networks written to ONNX", () => {
  it.each(Object.keys(nets))("%s: read again, the same function", (name) => {
    const net = netOf(name);
    const x = inputsOf(name, net);
    const read = decodeOnnx(encodeOnnx(net), name);
    expect(read.inputShape).toEqual(net.inputShape);
    expect(read.outputShape).toEqual(net.outputShape);
    expectClose(read.at(x).data, net.at(x).data, tolerance);
  });

  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const candidates = [process.env.PYTHON, join(root, ".venv/bin/python"), "python3"];
  const python = candidates.find((path) => path && runs(path));
  const folder = mkdtempSync(join(tmpdir(), "funspace-onnx-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.skipIf(!python)(
    "ONNX Runtime gives the same outputs (skipped where Python has none)",
    { timeout: 60_000 },
    () => {
      const names = Object.keys(nets);
      names.forEach((name, i) => {
        const net = netOf(name);
        writeFileSync(join(folder, `${i}.onnx`), encodeOnnx(net));
        writeFileSync(join(folder, `${i}.x`), Float32Array.from(inputsOf(name, net).data));
      });
      const script = fileURLToPath(new URL("../../golden/run_onnx.py", import.meta.url));
      execFileSync(python!, ["-B", script, folder], { stdio: ["ignore", "ignore", "pipe"] });
      expect(readdirSync(folder).filter((file) => file.endsWith(".y")).length).toBe(names.length);
      names.forEach((name, i) => {
        const net = netOf(name);
        const bytes = readFileSync(join(folder, `${i}.y`));
        const y = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
        expectClose(net.at(inputsOf(name, net)).data, y, tolerance);
      });
    },
  );
});

function runs(path: string): boolean {
  if (path.includes("/") && !existsSync(path)) return false;
  try {
    execFileSync(path, ["-c", "import numpy, onnx, onnxruntime"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
