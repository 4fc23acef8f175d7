import { type Engine, wasm } from "../../../engine/index.ts";
import { FunspaceError } from "../../../errors/index.ts";
import { type NativeEngine, nativeEngine } from "../../../native/index.ts";
import { key, normal } from "../../../random/index.ts";
import { print, textTable } from "../../report.ts";

/** Says which engines this machine has, and how fast they are. */
export function examineEngines(json: boolean | undefined): void {
  const native = findNative();
  const hands: Engine[] = [wasm, ...(native.engine ? [native.engine] : [])];
  const rows = workloads.map(({ name, operations, prepare }) => ({
    name,
    hands: hands.map((hand) => {
      const milliseconds = best(prepare(hand));
      return { hand: hand.name, milliseconds, gigaflops: operations / milliseconds / 1e6 };
    }),
  }));
  const found = native.engine
    ? `native: ${native.engine.library}${native.engine.core ? ` (kernels for ${native.engine.core})` : ""}, ${threadsOf(native.engine)}`
    : `native: none. ${native.why}`;
  print(
    {
      json: {
        command: "doctor",
        engines: hands.map(({ name, threads }) => ({ name, threads })),
        native: native.engine
          ? { library: native.engine.library, core: native.engine.core }
          : { missing: native.why },
        speed: rows,
      },
      text: [
        `wasm: ${threadsOf(wasm)}`,
        found,
        "",
        textTable(
          ["routine", ...hands.flatMap(({ name }) => [`${name}, ms`, "GFLOP/s"])],
          rows.map((row) => [
            row.name,
            ...row.hands.flatMap((h) => [h.milliseconds.toFixed(1), h.gigaflops.toFixed(1)]),
          ]),
        ),
      ].join("\n"),
    },
    json,
  );
}

function threadsOf({ threads }: Engine): string {
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

function findNative(): { engine: NativeEngine; why?: never } | { engine?: never; why: string } {
  try {
    return { engine: nativeEngine() };
  } catch (error) {
    if (error instanceof FunspaceError) return { why: error.message };
    throw error;
  }
}

interface Workload {
  readonly name: string;
  readonly operations: number;
  /** One run of it on a hand, everything made ready. */
  prepare(hand: Engine): () => void;
}

const block = (data: Float64Array, n: number) => ({ data, offset: 0, stride: n });
const random = (n: number) => normal(key(n), n * n);

/** A covariance, well conditioned, and its factor. */
function covariance(n: number): Float64Array {
  const a = random(n).map((v) => v / n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) a[j * n + i] = a[i * n + j]!;
    a[i * n + i] = 2;
  }
  return a;
}

/** A lower triangle that is far from singular. */
const triangle = (n: number) => {
  const a = covariance(n);
  wasm.potrf(n, block(a, n));
  return a;
};

function product(n: number, single: boolean): Workload {
  return {
    name: `gemm ${single ? "f32" : "f64"}, n = ${n.toLocaleString("en")}`,
    operations: 2 * n ** 3,
    prepare(hand) {
      const a = single ? Float32Array.from(random(n)) : random(n);
      const c = single ? new Float32Array(n * n) : new Float64Array(n * n);
      const operand = { data: a, offset: 0, stride: n, transposed: false };
      return () => hand.gemm(n, n, n, 1, operand, operand, 0, { data: c, offset: 0, stride: n });
    },
  };
}

/** A routine that works in place: it gets a fresh copy each time. */
function inPlace(
  name: string,
  n: number,
  operations: number,
  make: () => Float64Array,
  work: (hand: Engine, a: Float64Array) => void,
): Workload {
  return {
    name: `${name}, n = ${n.toLocaleString("en")}`,
    operations,
    prepare(hand) {
      const original = make();
      const a = original.slice();
      return () => {
        a.set(original);
        work(hand, a);
      };
    },
  };
}

const workloads: readonly Workload[] = [
  product(512, false),
  product(1024, false),
  product(1024, true),
  ...[512, 1024, 2048].map((n) =>
    inPlace(
      "potrf",
      n,
      n ** 3 / 3,
      () => covariance(n),
      (hand, a) => hand.potrf(n, block(a, n)),
    ),
  ),
  {
    name: "trsm, n = 1,024",
    operations: 1024 ** 3,
    prepare(hand) {
      const t = { ...block(triangle(1024), 1024), transposed: false, lower: true };
      const original = random(1024);
      const b = original.slice();
      return () => {
        b.set(original);
        hand.trsm("left", 1024, 1024, t, block(b, 1024));
      };
    },
  },
  inPlace(
    "potri",
    1024,
    (2 * 1024 ** 3) / 3,
    () => triangle(1024),
    (hand, a) => hand.potri(1024, block(a, 1024)),
  ),
  inPlace(
    "syevd",
    500,
    9 * 500 ** 3,
    () => covariance(500),
    (hand, a) => hand.syevd(500, block(a, 500), new Float64Array(500), true),
  ),
  inPlace(
    "syevd",
    1000,
    9 * 1000 ** 3,
    () => covariance(1000),
    (hand, a) => hand.syevd(1000, block(a, 1000), new Float64Array(1000), true),
  ),
];

/** The shortest of several runs, in ms, after one to warm up. */
function best(run: () => void): number {
  run();
  let shortest = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    run();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}
