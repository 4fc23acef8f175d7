import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Engine } from "../src/engine/engine.ts";
import { poolReady, restart, scratchBytes } from "../src/engine/wasm/machine.ts";
import { wasm } from "../src/engine/wasm/wasm.ts";
import { nativeEngine } from "../src/native/index.ts";
import { openLibrary } from "../src/native/library.ts";
import { linearAlgebra } from "./engine/linear-algebra.ts";
import { maps } from "./engine/maps.ts";
import { Peers } from "./engine/peers.ts";
import type { Ready, Work } from "./engine/work.ts";
import type { Row } from "./main.ts";

const THREADS = 2;
/** All hands and peers are measured in turn, so often: the machine's speed drifts. */
const ROUNDS = 3;
/** Runs in each turn: at most so many, and no more once they took so long. */
const RUNS = 4;
const TURN_MS = 300;

/** OpenBLAS's threads spin for a while after a call: the next measurement must not share the cores with them. */
function rest(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

async function startWasm(threads: number): Promise<void> {
  restart({ threads, startPool: 0 });
  const block = { data: new Float64Array(300 * 300), offset: 0, stride: 300, transposed: false };
  wasm.gemm(300, 300, 300, 1, block, block, 0, { ...block, data: new Float64Array(300 * 300) });
  await poolReady();
}

/** Times of one turn. The first turn warms: the host first runs WASM and code that it compiled in haste. */
function turn(ready: Ready, run: () => void, first: boolean): readonly number[] {
  const once = () => {
    ready.reset?.();
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  const [most, ms] = first ? [100, 1000] : [1, 200];
  for (let i = 0, spent = 0; i < most && spent < ms; i++) spent += once();
  const times: number[] = [];
  for (let spent = 0; times.length < RUNS && spent < TURN_MS; spent += times.at(-1)!) times.push(once());
  return times;
}

/** Medians by hand and by peer, and what scratch the wasm engine took. */
async function measure(
  work: Work,
  native: Engine & { library: string },
  peers: Peers,
): Promise<{ hands: Map<string, number>; peers: Map<string, number>; scratch: number }> {
  const ready = work.create(openLibrary());
  const hands = new Map<string, number[]>();
  const others = new Map<string, number[]>();
  const add = (to: Map<string, number[]>, name: string, times: readonly number[]) =>
    to.set(name, [...(to.get(name) ?? []), ...times]);
  let scratch = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const first = round === 0;
    for (const threads of [1, THREADS]) {
      await startWasm(threads);
      add(
        hands,
        `wasm ${threads}`,
        turn(ready, () => ready.ours(wasm), first),
      );
      scratch = Math.max(scratch, scratchBytes());
    }
    if (work.native) {
      add(
        hands,
        `native ${THREADS}`,
        turn(ready, () => ready.ours(native), first),
      );
      rest(60);
    }
    if (ready.raw) {
      add(others, native.library, turn(ready, ready.raw, first));
      rest(60);
    }
    for (const [name, times] of Object.entries(await peers.measure(work.workload, work.size))) {
      add(others, name, times);
    }
  }
  const medians = (of: Map<string, number[]>) => new Map([...of].map(([name, t]) => [name, median(t)]));
  return { hands: medians(hands), peers: medians(others), scratch };
}

/** Importing the package and conditioning a Gaussian process on 50 points, in a fresh process, against the limit. */
function coldStart(): Row[] {
  const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  if (!existsSync(entry)) {
    console.error("No dist: run npm run build:js to measure the cold start.");
    return [];
  }
  const script = `
    const start = performance.now();
    const { columnVector, gp, matrix, rbf } = await import(${JSON.stringify(entry)});
    const x = matrix(50, 1, Float64Array.from({ length: 50 }, (_, i) => i / 10));
    const y = columnVector(x.data.map(Math.sin));
    const posterior = gp(rbf({ lengthscale: 1, variance: 1 })).condition({ x, y, noiseVariance: 0.01 });
    posterior.at(x).mean;
    console.log(performance.now() - start);`;
  const times = Array.from({ length: 9 }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    if (!(Number(stdout) > 0)) throw new Error(`The cold start failed: ${stderr}`);
    return Number(stdout);
  });
  const ms = median(times);
  return [
    { workload: "cold start", size: "50", hand: "wasm", ms, peer: "limit", peerMs: 150, ratio: 150 / ms },
  ];
}

/** Every workload on wasm with one and two threads and on the native library, beside that library and the peers. */
export async function bench(only = ""): Promise<readonly Row[]> {
  openLibrary().setThreads?.(THREADS);
  const native = nativeEngine();
  console.error(`native: ${native.library}, kernels for ${native.core ?? "a processor it does not tell"}`);
  const peers = new Peers(THREADS);
  const rows: Row[] = "cold start".startsWith(only) ? coldStart() : [];
  for (const work of [...linearAlgebra, ...maps]) {
    const { workload, size } = work;
    if (!workload.startsWith(only)) continue;
    const start = performance.now();
    const times = await measure(work, native, peers);
    const note = `${Math.ceil(times.scratch / 2 ** 20)} MiB of scratch`;
    const all = [...times.hands, ...times.peers].map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
    const seconds = (performance.now() - start) / 1000;
    console.error(`${workload} ${size}: ${all.join(", ")} (took ${seconds.toFixed(0)} s)`);
    for (const [hand, ms] of times.hands) {
      const theirs = new Map(times.peers);
      if (work.scales && hand === `wasm ${THREADS}`) theirs.set("wasm 1", times.hands.get("wasm 1")!);
      for (const [peer, peerMs] of theirs) {
        const row = { workload, size, hand, ms, peer, peerMs, ratio: peerMs / ms };
        rows.push(workload === "rbf K v" ? { ...row, note } : row);
      }
    }
  }
  peers.end();
  return rows;
}
