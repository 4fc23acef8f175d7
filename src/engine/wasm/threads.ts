import { environment, nodeModule } from "./host.ts";

/**
 * The worker pool: threads that share one memory with the engine and wait in it for jobs. A worker is never
 * needed: jobs run with those that are ready, and alone where the host has no shared memory.
 *
 * Words of the control block (byte addresses, the first ones as in assembly/parallel.ts). A job's fields are valid
 * while FIELDS holds its number: a worker that wakes late must not mistake the next job's fields for its own.
 */
const JOB = 1216;
const READY = 1408;
const FIELDS = 1412;
const OPERATION = 1416;
const THREADS = 1420;
const COUNT = 1424;
const VALUES = 1536;
const MOST_VALUES = 48;

/** How often a worker looks for the next job before it sleeps: some 50 µs, less than waking it would take. */
const LOOKS = 20_000;

/** More threads than this rarely help the sizes that fit WASM. */
const MOST_THREADS = 16;

/** The threads that the engine may use: FUNSPACE_THREADS, or one for each core. */
export function threadsWanted(): number {
  const stated = Number(environment("FUNSPACE_THREADS"));
  if (Number.isInteger(stated) && stated >= 1) return Math.min(stated, 64);
  const cores =
    nodeModule<{ availableParallelism?(): number }>("os")?.availableParallelism?.() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ??
    1;
  return Math.min(cores, MOST_THREADS);
}

/** Whether this thread may block: a page's main thread may not. */
export const maySleep = (): boolean => !("document" in globalThis);

/** What a worker runs, in Node and in a browser alike; it imports nothing, so it can be given as text. */
const source = `
const serve = ({ module, memory, names }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const words = new Int32Array(memory.buffer, 0, ${VALUES / 4});
  const values = new Float64Array(memory.buffer, ${VALUES}, ${MOST_VALUES});
  let job = Atomics.load(words, ${JOB / 4});
  const index = 1 + Atomics.add(words, ${READY / 4}, 1);
  for (;;) {
    job = exports.await_job(job, ${LOOKS});
    if (Atomics.load(words, ${FIELDS / 4}) !== job) continue;
    const operation = words[${OPERATION / 4}];
    const threads = words[${THREADS / 4}];
    const [from, ...rest] = values.slice(0, words[${COUNT / 4}]);
    if (Atomics.load(words, ${FIELDS / 4}) !== job || index >= threads) continue;
    exports.configure(index, threads, 1);
    exports.begin(from);
    exports[names[operation]](...rest);
    exports.barrier();
  }
};
if (typeof require === "function") serve(require("node:worker_threads").workerData);
else onmessage = (event) => serve(event.data);
`;

interface Thread {
  terminate(): void;
}

/** What node:worker_threads offers, as far as it is used. */
interface NodeThreads {
  readonly Worker: new (
    source: string,
    options: { eval: true; workerData: unknown; stdin: boolean },
  ) => Thread & { unref(): void; on(event: "error" | "exit", listener: () => void): void };
}

export class Pool {
  private readonly workers: Thread[] = [];
  private readonly words: Int32Array;
  private readonly values: Float64Array;
  private readonly names: readonly string[];
  /** A worker has died: the pool must not be used again. */
  broken = false;

  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    names: readonly string[],
    threads: number,
  ) {
    this.words = new Int32Array(memory.buffer, 0, VALUES / 4);
    this.values = new Float64Array(memory.buffer, VALUES, MOST_VALUES);
    this.names = names;
    const data = { module, memory, names };
    try {
      for (let i = 1; i < threads; i++) this.workers.push(this.spawn(data));
    } catch {
      // The host refuses workers (a content policy, a limit): the threads that started are used, if any.
    }
  }

  private spawn(data: unknown): Thread {
    const onEnd = () => {
      this.broken = true;
    };
    const node = nodeModule<NodeThreads>("worker_threads");
    if (node) {
      const worker = new node.Worker(source, { eval: true, workerData: data, stdin: false });
      worker.unref(); // the process may end with the worker asleep
      worker.on("error", onEnd);
      worker.on("exit", onEnd);
      return worker;
    }
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onerror = onEnd;
    worker.postMessage(data);
    URL.revokeObjectURL(url);
    return worker;
  }

  /** Threads that can take part in a job now, the caller among them. */
  ready(): number {
    return 1 + Atomics.load(this.words, READY / 4);
  }

  /** Makes a job known to the workers; the caller then posts it and runs its own share. */
  announce(name: string, threads: number, values: readonly number[]): void {
    const job = Atomics.load(this.words, JOB / 4) + 1;
    Atomics.store(this.words, FIELDS / 4, 0);
    this.words[OPERATION / 4] = this.names.indexOf(name);
    this.words[THREADS / 4] = threads;
    this.words[COUNT / 4] = values.length;
    this.values.set(values);
    Atomics.store(this.words, FIELDS / 4, job | 0);
  }

  kill(): void {
    this.workers[0]?.terminate();
  }

  end(): void {
    this.broken = true;
    for (const worker of this.workers) worker.terminate();
  }
}

/** A pool where the host has threads with shared memory: Node, or a cross-origin isolated page or worker. */
export function createPool(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  names: readonly string[],
  threads: number,
): Pool | undefined {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  if (threads < 2 || !(isolated || nodeModule("worker_threads"))) return undefined;
  return new Pool(module, memory, names, threads);
}
