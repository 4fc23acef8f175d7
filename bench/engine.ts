import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Block, Engine, Floats, Points } from "../src/engine/engine.ts";
import { poolReady, restart } from "../src/engine/wasm/machine.ts";
import { wasm } from "../src/engine/wasm/wasm.ts";
import { nativeEngine } from "../src/native/index.ts";
import { openLibrary } from "../src/native/library.ts";
import type { Row } from "./main.ts";

const REPEATS = 7;
const THREADS = 2;

/** OpenBLAS's threads spin for a while after a call: the next measurement must not share the cores with them. */
function rest(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!;

function random(of: new (n: number) => Floats, n: number): Floats {
  const out = new of(n);
  for (let i = 0; i < n; i++) out[i] = Math.random() - 0.5;
  return out;
}

interface Work {
  readonly workload: string;
  readonly size: string;
  prepare(): void;
  ours(engine: Engine): void;
  /** The same with raw calls of the library, where there is such a call. */
  readonly raw: (() => void) | undefined;
}

/** Raw calls of the native library, on prepared one-element arrays: what the engines are measured against. */
function linearAlgebra(library: ReturnType<typeof openLibrary>): Work[] {
  const int = (v: number) => new Int32Array([v]);
  const [N, T, U, R] = ["N", "T", "U", "R"].map((c) => Buffer.from(c));
  const works: Work[] = [];
  const square = <A extends Floats>(data: A, n: number) => ({
    data,
    offset: 0,
    stride: n,
    transposed: false,
  });
  for (const [of, n] of [
    [Float64Array, 1024],
    [Float64Array, 2048],
    [Float32Array, 1024],
    [Float32Array, 2048],
  ] as const) {
    const [a, b, c] = [random(of, n * n), random(of, n * n), new of(n * n)];
    const wide = of === Float64Array;
    const call = wide ? library.gemm.double : library.gemm.single;
    const one = new of([1]);
    const zero = new of([0]);
    works.push({
      workload: wide ? "gemm f64" : "gemm f32",
      size: String(n),
      prepare: () => {},
      ours: (e) => e.gemm<Floats>(n, n, n, 1, square(a, n), square(b, n), 0, square(c, n)),
      raw: () => call(N, N, int(n), int(n), int(n), one, b, int(n), a, int(n), zero, c, int(n)),
    });
  }
  for (const n of [512, 1024, 2048, 4096]) {
    const g = random(Float64Array, n * n) as Float64Array;
    const s = new Float64Array(n * n);
    library.syrk(U, T, int(n), int(n), new Float64Array([12 / n]), g, int(n), new Float64Array(1), s, int(n));
    for (let i = 0; i < n; i++) s[i * n + i]! += 1;
    const l = s.slice();
    library.potrf(U, int(n), l, int(n), int(0));
    const x = new Float64Array(n * n);
    const block: Block = { data: x, offset: 0, stride: n };
    works.push({
      workload: "potrf f64",
      size: String(n),
      prepare: () => x.set(s),
      ours: (e) => e.potrf(n, block),
      raw: () => library.potrf(U, int(n), x, int(n), int(0)),
    });
    if (n !== 1024 && n !== 2048) continue;
    works.push({
      workload: "trsm f64",
      size: String(n),
      prepare: () => x.set(g),
      ours: (e) => e.trsm("left", n, n, { ...square(l, n), lower: true }, block),
      raw: () => library.trsm(R, U, N, N, int(n), int(n), new Float64Array([1]), l, int(n), x, int(n)),
    });
    works.push({
      workload: "potri f64",
      size: String(n),
      prepare: () => x.set(l),
      ours: (e) => e.potri(n, block),
      raw: () => library.potri(U, int(n), x, int(n), int(0)),
    });
  }
  for (const n of [500, 1000]) {
    const s = random(Float64Array, n * n) as Float64Array;
    const x = new Float64Array(n * n);
    const values = new Float64Array(n);
    const work = new Float64Array(1 + 6 * n + 2 * n * n);
    const integers = new Int32Array(3 + 5 * n);
    const sizes = [int(work.length), int(integers.length)];
    works.push({
      workload: "syevd f64",
      size: String(n),
      prepare: () => x.set(s),
      ours: (e) => e.syevd(n, { data: x, offset: 0, stride: n }, values, true),
      raw: () =>
        library.syevd(
          Buffer.from("V"),
          U,
          int(n),
          x,
          int(n),
          values,
          work,
          sizes[0],
          integers,
          sizes[1],
          int(0),
        ),
    });
  }
  return works;
}

function fused(): Work[] {
  const works: Work[] = [];
  for (const [n, d] of [
    [2000, 8],
    [2000, 32],
    [5000, 8],
    [5000, 32],
  ] as const) {
    const x: Points = {
      data: random(Float64Array, n * d) as Float64Array,
      offset: 0,
      stride: d,
      count: n,
      dims: d,
    };
    const k: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
    for (const name of ["rbf", "matern52"] as const) {
      works.push({
        workload: `${name} gram`,
        size: `${n}x${d}`,
        prepare: () => {},
        ours: (e) => e.kernelMatrix({ name }, 1, x, undefined, k),
        raw: undefined,
      });
    }
  }
  const [n, d] = [20000, 8];
  const x: Points = {
    data: random(Float64Array, n * d) as Float64Array,
    offset: 0,
    stride: d,
    count: n,
    dims: d,
  };
  const v: Block = { data: random(Float64Array, n * 8) as Float64Array, offset: 0, stride: 8 };
  const out: Block = { ...v, data: new Float64Array(n * 8) };
  works.push({
    workload: "rbf K v",
    size: `${n}x${d}`,
    prepare: () => {},
    ours: (e) => e.kernelMultiply({ name: "rbf" }, 1, x, undefined, 8, v, out),
    raw: undefined,
  });
  const f = random(Float32Array, 1e6) as Float32Array;
  const g = new Float32Array(1e6);
  for (const name of ["tanh", "gelu"] as const) {
    works.push({
      workload: `${name} f32`,
      size: "1000000",
      prepare: () => {},
      ours: (e) => e.elementwise(name, f, g),
      raw: undefined,
    });
  }
  return works;
}

function time(work: Work, run: () => void): number {
  // Warm: the host first runs WASM that it compiled in haste, and optimises it meanwhile.
  for (let i = 0, start = performance.now(); i < 3 || (performance.now() - start < 200 && i < 20); i++) {
    work.prepare();
    run();
  }
  const times: number[] = [];
  for (let spent = 0; times.length < REPEATS && spent < 1500; spent += times.at(-1)!) {
    work.prepare();
    const t = performance.now();
    run();
    times.push(performance.now() - t);
  }
  return median(times);
}

async function startWasm(threads: number): Promise<void> {
  restart({ threads, startPool: 0 });
  const block = { data: new Float64Array(300 * 300), offset: 0, stride: 300, transposed: false };
  wasm.gemm(300, 300, 300, 1, block, block, 0, { ...block, data: new Float64Array(300 * 300) });
  await poolReady();
}

/** Medians of numpy, scipy and torch, keyed "workload size peer"; none where bench/peers/setup.sh was not run. */
function peers(only: string): Record<string, number> {
  const python = fileURLToPath(new URL("../.venv/bin/python", import.meta.url));
  if (!existsSync(python)) {
    console.error("No .venv: run bench/peers/setup.sh to compare with numpy, scipy and torch.");
    return {};
  }
  const script = fileURLToPath(new URL("peers/engine.py", import.meta.url));
  return JSON.parse(
    execFileSync(python, [script, String(THREADS), String(REPEATS), only], { encoding: "utf8" }),
  );
}

/** Every workload on wasm with one and two threads and on the native library, beside that library and the peers. */
export async function bench(only = ""): Promise<readonly Row[]> {
  const library = openLibrary();
  library.setThreads?.(THREADS);
  const native = nativeEngine();
  const outside = Object.entries(peers(only));
  const rows: Row[] = [];
  for (const work of [...linearAlgebra(library), ...fused()]) {
    if (!work.workload.startsWith(only)) continue;
    const ours = new Map<string, number>();
    for (const threads of [1, THREADS]) {
      await startWasm(threads);
      ours.set(
        `wasm ${threads}`,
        time(work, () => work.ours(wasm)),
      );
    }
    const theirs = new Map<string, number>();
    if (work.raw) {
      // Interleaved halves: the machine's speed drifts.
      ours.set(
        `native ${THREADS}`,
        time(work, () => work.ours(native)),
      );
      theirs.set(native.library, time(work, work.raw));
      rest(60);
    }
    const key = `${work.workload} ${work.size} `;
    for (const [name, ms] of outside) if (name.startsWith(key)) theirs.set(name.slice(key.length), ms);
    for (const [hand, ms] of ours) {
      for (const [peer, peerMs] of theirs) {
        rows.push({ workload: work.workload, size: work.size, hand, ms, peer, peerMs, ratio: peerMs / ms });
      }
    }
  }
  return rows;
}
