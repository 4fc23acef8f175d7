import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { useEngine } from "../src/engine/index.ts";
import { wasm } from "../src/engine/wasm/wasm.ts";
import { infinite } from "../src/infinite/index.ts";
import { type Matrix, matrix } from "../src/linalg/index.ts";
import { nativeEngine } from "../src/native/index.ts";
import {
  conv2d,
  dense,
  flattenLayer,
  globalAveragePool,
  type NetworkPart,
  network,
  relu,
  type Shape,
} from "../src/networks/index.ts";
import { key, normal } from "../src/random/index.ts";
import type { Row } from "./main.ts";

const THREADS = 2;
const REPEATS = 5;

interface Work {
  readonly workload: string;
  readonly n: number;
  readonly inputShape: Shape;
  readonly layers: readonly NetworkPart[];
}

const deep = [dense(1), relu(), dense(1), relu(), dense(1), relu(), dense(1)];
const convolutions = [conv2d(1, 3, { padding: 1 }), relu(), conv2d(1, 3, { padding: 1 }), relu()];
/** As in peers/infinite.py. */
const works: readonly Work[] = [
  { workload: "dense", n: 2000, inputShape: [64], layers: deep },
  { workload: "dense", n: 5000, inputShape: [64], layers: deep },
  {
    workload: "conv",
    n: 500,
    inputShape: [3, 8, 8],
    layers: [...convolutions, flattenLayer(), dense(1)],
  },
  {
    workload: "conv pool",
    n: 50,
    inputShape: [3, 8, 8],
    layers: [...convolutions, globalAveragePool(), dense(1)],
  },
];

function points(n: number, shape: Shape): Matrix {
  const size = shape.reduce((a, b) => a * b, 1);
  return matrix(n, size, normal(key(1), n * size));
}

/** The fastest run, ours and the peer's: on a shared machine the others measure what else is running. */
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

/** Milliseconds of neural-tangents in single and double precision; nothing where it is not installed. */
function peers(workload: string, n: number): Readonly<Record<string, number>> {
  const path = fileURLToPath(new URL("../.venv/neural-tangents/bin/python", import.meta.url));
  if (!existsSync(path)) {
    console.error("No neural-tangents: run bench/peers/setup.sh to compare with it.");
    return {};
  }
  const script = fileURLToPath(new URL("peers/infinite.py", import.meta.url));
  const found = {};
  for (const precision of ["f32", "f64"]) {
    const values = [script, String(REPEATS), workload, String(n), precision];
    const env = {
      ...process.env,
      XLA_FLAGS: `--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=${THREADS}`,
    };
    Object.assign(found, JSON.parse(execFileSync(path, values, { encoding: "utf8", env })));
  }
  return found;
}

/** NNGP and NTK of a Gram matrix, in f64 here, beside neural-tangents on the CPU. */
export async function bench(only = ""): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { workload, n, inputShape, layers } of works) {
    if (!workload.startsWith(only)) continue;
    const limit = infinite(network({ inputShape, layers }));
    const x = points(n, inputShape);
    const theirs = Object.entries(peers(workload, n));
    for (const engine of [wasm, nativeEngine()]) {
      useEngine(engine);
      const ms = time(() => limit.both(x));
      for (const [peer, peerMs] of theirs) {
        rows.push({
          workload,
          size: String(n),
          hand: `${engine.name} ${THREADS}`,
          ms,
          peer,
          peerMs,
          ratio: peerMs / ms,
        });
      }
    }
  }
  return rows;
}
