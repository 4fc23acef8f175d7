import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Matrix, matrix, sizeOf } from "../../src/linalg/index.ts";
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
} from "../../src/networks/index.ts";
import { activations } from "../../src/networks/layers/from-definition.ts";
import { key, normal, split } from "../../src/random/index.ts";

/** Small networks of every kind of layer that is written. */
export const onnxNetworks: Readonly<Record<string, readonly [Shape, readonly NetworkPart[]]>> = {
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

/** Four examples of what a network takes. */
export function inputsOf(name: string, net: Network): Matrix {
  const data = Float64Array.from(normal(key(11), 4 * sizeOf(net.inputShape)), Math.fround);
  // Tokens 0 and 1: the buffer of that network turns ½ into 1.
  if (name === "embedding") for (const [k, v] of data.entries()) data[k] = v > 0 ? 1 : 0;
  return matrix(4, sizeOf(net.inputShape), data);
}

/** The network of that name, every number away from its first value. */
export function netOf(name: string): Network {
  const net = drawn(onnxNetworks[name]!);
  if (name !== "embedding") return net;
  const buffers = net.buffers.map((record, i) =>
    i === 1 ? { weight: { shape: [], data: Float32Array.of(2) } } : record,
  );
  return networkOf({ ...net, buffers }, net.weights);
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A Python that has ONNX Runtime, if there is one. */
export const onnxPython: string | undefined = [
  process.env.PYTHON,
  join(root, ".venv/bin/python"),
  "python3",
].find((path) => path && runs(path));

/** ONNX Runtime's outputs of files for inputs, by test/golden/run_onnx.py. */
export function runOnnx(
  files: readonly { readonly bytes: Uint8Array; readonly x: Matrix }[],
): readonly Float32Array[] {
  const folder = mkdtempSync(join(tmpdir(), "funspace-onnx-"));
  try {
    files.forEach(({ bytes, x }, i) => {
      writeFileSync(join(folder, `${i}.onnx`), bytes);
      writeFileSync(join(folder, `${i}.x`), Float32Array.from(x.data));
    });
    const script = join(root, "test/golden/run_onnx.py");
    execFileSync(onnxPython!, ["-B", script, folder], { stdio: ["ignore", "ignore", "pipe"] });
    return files.map((_, i) => {
      const bytes = readFileSync(join(folder, `${i}.y`));
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runs(path: string): boolean {
  if (path.includes("/") && !existsSync(path)) return false;
  try {
    execFileSync(path, ["-c", "import numpy, onnx, onnxruntime"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
