import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { useEngine } from "../src/engine/index.ts";
import { wasm } from "../src/engine/wasm/wasm.ts";
import { type Matrix, matrix } from "../src/linalg/index.ts";
import { nativeEngine } from "../src/native/index.ts";
import {
  conv2d,
  dense,
  flattenLayer,
  maxPool2d,
  type NetworkPart,
  network,
  relu,
  type Shape,
} from "../src/networks/index.ts";
import { key, normal } from "../src/random/index.ts";
import { type TangentOutputs, tangentKernel } from "../src/tangent/index.ts";
import type { Row } from "./main.ts";

const THREADS = 2;
const REPEATS = 9;

interface Work {
  readonly workload: string;
  readonly n: number;
  readonly outputs: TangentOutputs;
  readonly inputShape: Shape;
  readonly layers: readonly NetworkPart[];
}

const mlp = {
  inputShape: [64],
  layers: [dense(512), relu(), dense(512), relu(), dense(10)],
};
const cnn = {
  inputShape: [3, 32, 32],
  layers: [
    conv2d(16, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(32, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    flattenLayer(),
    dense(10),
  ],
};
const works: readonly Work[] = [
  { workload: "mlp trace", n: 1000, outputs: "trace", ...mlp },
  { workload: "cnn trace", n: 1000, outputs: "trace", ...cnn },
  { workload: "mlp full", n: 100, outputs: "full", ...mlp },
  { workload: "cnn full", n: 100, outputs: "full", ...cnn },
];

function points(n: number, { inputShape }: Pick<Work, "inputShape">): Matrix {
  const size = inputShape.reduce((a, b) => a * b, 1);
  return matrix(n, size, normal(key(1), n * size));
}

/** The fastest run, ours and the peers': on a shared machine the others measure what else is running. */
function time(run: () => void): number {
  run();
  const times: number[] = [];
  for (let spent = 0; times.length < REPEATS && spent < 10_000; spent += times.at(-1)!) {
    const t = performance.now();
    run();
    times.push(performance.now() - t);
  }
  return Math.min(...times);
}

/** What the peers' scripts measured, keyed "workload n peer"; those that are not installed are left out. */
function peers(workload: string): Record<string, { readonly ms: number; readonly note?: string }> {
  const found = {};
  for (const [python, script] of [
    ["../.venv/bin/python", "peers/tangent.py"],
    ["../.venv/neural-tangents/bin/python", "peers/tangent_jax.py"],
  ] as const) {
    const path = fileURLToPath(new URL(python, import.meta.url));
    if (!existsSync(path)) {
      console.error(`No ${python.slice(3)}: run bench/peers/setup.sh to compare with what it installs.`);
      continue;
    }
    const values = [
      fileURLToPath(new URL(script, import.meta.url)),
      String(THREADS),
      String(REPEATS),
      workload,
    ];
    const env = {
      ...process.env,
      XLA_FLAGS: `--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=${THREADS}`,
    };
    Object.assign(found, JSON.parse(execFileSync(path, values, { encoding: "utf8", env })));
  }
  return found;
}

/** n = 10,000 on a network of a million weights: what the whole process needs. */
function memory(): void {
  const layers = [dense(900), relu(), dense(900), relu(), dense(10)];
  const kernel = tangentKernel(network({ inputShape: [200], layers, seed: 1 }), { outputs: "trace" });
  const start = performance.now();
  const gram = kernel.gram(points(10_000, { inputShape: [200] }));
  const seconds = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS / 2 ** 20;
  console.error(
    `memory: 10,000 points, ${kernel.spans.reduce((sum, { size }) => sum + size, 0)} weights: a Gram of ${gram.rows} rows in ${seconds.toFixed(0)} s, at most ${peak.toFixed(2)} GiB in the process`,
  );
}

/** k_DNN of a dense network and of a convolutional one, beside Jacobians and other structured forms. */
export async function bench(only = ""): Promise<readonly Row[]> {
  if (only === "memory") {
    memory();
    return [];
  }
  const rows: Row[] = [];
  for (const work of works) {
    if (!work.workload.startsWith(only)) continue;
    const { workload, n, outputs } = work;
    const x = points(n, work);
    const kernel = tangentKernel(network({ ...work, seed: 1 }), { outputs });
    const theirs = Object.entries(peers(workload));
    for (const engine of [wasm, nativeEngine()]) {
      useEngine(engine);
      const ms = time(() => kernel.gram(x));
      for (const [name, { ms: peerMs, note }] of theirs) {
        const peer = name.slice(`${workload} ${n} `.length);
        const hand = `${engine.name} ${THREADS}`;
        rows.push({
          workload,
          size: String(n),
          hand,
          ms,
          peer,
          peerMs,
          ratio: peerMs / ms,
          ...(note && { note }),
        });
      }
    }
  }
  return rows;
}
