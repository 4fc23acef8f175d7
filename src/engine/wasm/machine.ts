import { FunspaceError } from "../../errors/index.ts";
import { plain } from "../generated/plain.ts";
import { relaxed } from "../generated/relaxed.ts";
import { hasRelaxedSimd } from "./host.ts";
import { createPool, maySleep, type Pool, threadsWanted } from "./threads.ts";

/** Addresses below hold the control block of the threads. */
const OPERANDS = 65536;
const PAGE = 65536;
const MOST_PAGES = 65536;
/**
 * Scratch beyond this is given back when so many jobs in a row did without it, or after so long without a job. Not
 * after each job: hosts free a memory late, and many large jobs would each have left one behind.
 */
const KEEP_BYTES = 256 * 2 ** 20;
const KEEP_JOBS = 32;
const KEEP_MS = 500;

export interface Settings {
  /** Threads that a job may use. */
  readonly threads: number;
  /** Whether fused multiply-add is used where the host has it. */
  readonly fused: boolean;
  /**
   * Operations from which a job counts as one for threads, and how many such jobs need together before the worker pool
   * is started: a process that does little never pays for it.
   */
  readonly usePool: number;
  readonly startPool: number;
}

const usual = (): Settings => ({ threads: threadsWanted(), fused: true, startPool: 2e7, usePool: 5e5 });

let settings: Settings | undefined;

/** Starts anew with other settings than the usual ones: for the tests and the bench. */
export function restart(changed: Partial<Settings> = {}): void {
  discard();
  settings = { ...usual(), ...changed };
  // A module that is kept stays optimised by the host.
  if (compiled && compiled.wanted !== settings.fused) compiled = undefined;
}

export function currentSettings(): Settings {
  settings ??= usual();
  return settings;
}

/** Scratch memory held now. */
export function scratchBytes(): number {
  return machine?.memory.buffer.byteLength ?? 0;
}

/** Ends one worker without telling the pool, as a crash would: for the tests. */
export function killWorker(): void {
  machine?.pool?.kill();
}

/** Threads that a large job would use now. */
export function readyThreads(): number {
  return machine?.pool?.ready() ?? 1;
}

/** Resolves when all threads of the pool are ready to work, or at once where there is no pool yet. */
export async function poolReady(): Promise<void> {
  while (machine?.pool && !machine.pool.broken && machine.pool.ready() < currentSettings().threads) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

type Routine = (...values: number[]) => number;
type Routines = Readonly<Record<string, Routine>>;

/** One memory, the module on it, and once a job was large enough the threads that share it. */
interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly routines: Routines;
  pool: Pool | undefined;
  alone: boolean;
  /** Operations of jobs for threads before there was a pool. */
  worked: number;
  /** Jobs in a row that needed little scratch. */
  small: number;
}

let compiled: { readonly module: WebAssembly.Module; readonly wanted: boolean } | undefined;
let machine: Machine | undefined;

function compile() {
  if (!compiled) {
    const wanted = currentSettings().fused;
    const text = atob(wanted && hasRelaxedSimd() ? relaxed : plain);
    const module = new WebAssembly.Module(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    compiled = { module, wanted };
  }
  return compiled;
}

function start(): Machine {
  if (machine?.pool?.broken) discard();
  if (!machine) {
    const { module } = compile();
    const memory = new WebAssembly.Memory({ initial: 16, maximum: MOST_PAGES, shared: true });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    machine = {
      memory,
      routines: instance.exports as unknown as Routines,
      pool: undefined,
      alone: false,
      worked: 0,
      small: 0,
    };
  }
  return machine;
}

/** Gives the memory and its threads back. */
function discard(): void {
  clearTimeout(idle);
  machine?.pool?.end();
  machine = undefined;
}

let idle: ReturnType<typeof setTimeout> | undefined;

/** After a job with operands of so many bytes: sees that large scratch is given back in time. */
function settle(bytes: number): void {
  if (!machine || machine.memory.buffer.byteLength <= KEEP_BYTES) return;
  machine.small = bytes > KEEP_BYTES / 2 ? 0 : machine.small + 1;
  if (machine.small >= KEEP_JOBS) {
    discard();
    return;
  }
  clearTimeout(idle);
  idle = setTimeout(discard, KEEP_MS);
  // In Node a process may end before.
  (idle as { unref?: () => void }).unref?.();
}

/** Threads for a job of so many operations. */
function threadsFor(machine: Machine, operations: number): number {
  const { threads, startPool, usePool } = currentSettings();
  if (machine.alone || operations < usePool) return 1;
  if (!machine.pool) {
    machine.worked += operations;
    if (machine.worked < startPool) return 1;
    machine.pool = createPool(compile().module, machine.memory, Object.keys(machine.routines), threads);
    machine.alone = machine.pool === undefined;
  }
  return machine.pool?.ready() ?? 1;
}

/** A stretch of scratch memory that a job reads or writes. */
export interface Place {
  readonly address: number;
  readonly bytes: number;
}

/**
 * One use of the scratch memory: places are laid out first, then `open`ed together, filled, worked on by `run`,
 * and read.
 */
export class Job {
  private end = OPERANDS;
  private buffer: ArrayBufferLike | undefined;

  place(bytes: number): Place {
    const address = this.end;
    this.end += Math.ceil(bytes / 128) * 128 + 128;
    return { address, bytes };
  }

  open(): void {
    const { memory } = start();
    const need = Math.ceil(this.end / PAGE) - memory.buffer.byteLength / PAGE;
    if (need > 0) {
      try {
        memory.grow(need);
      } catch (cause) {
        throw tooLarge(this.end, cause);
      }
    }
    this.buffer = memory.buffer;
  }

  f64(place: Place): Float64Array {
    return new Float64Array(this.buffer!, place.address, place.bytes / 8);
  }

  f32(place: Place): Float32Array {
    return new Float32Array(this.buffer!, place.address, place.bytes / 4);
  }

  i32(place: Place): Int32Array {
    return new Int32Array(this.buffer!, place.address, place.bytes / 4);
  }

  /** Runs a routine of about so many operations; its own workspace lies behind the places. */
  run(name: string, operations: number, ...values: number[]): number {
    return this.start(name, operations, ...values)();
  }

  /**
   * Lets the workers start on a routine, and returns what does this thread's share and waits for theirs. Between
   * the two the caller may do other work, but not start another routine.
   */
  start(name: string, operations: number, ...values: number[]): () => number {
    const current = start();
    const { routines, memory } = current;
    const threads = threadsFor(current, operations);
    if (threads > 1) {
      current.pool!.announce(name, threads, [this.end, ...values]);
      routines.post!();
    }
    return () => {
      routines.configure!(0, threads, maySleep() ? 1 : 0);
      routines.begin!(this.end);
      const result = routines[name]!(...values);
      routines.barrier!();
      this.buffer = memory.buffer;
      return result;
    };
  }

  get bytes(): number {
    return this.end;
  }
}

/**
 * Runs a job and returns what it returns. `body` must write nothing outside the scratch before its `run` returned:
 * if a worker died under it, it runs again in a fresh memory without threads.
 */
export function useScratch<R>(body: (job: Job) => R): R {
  let job = new Job();
  try {
    return body(job);
  } catch (cause) {
    const threaded = machine?.pool !== undefined;
    discard();
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    if (!threaded) throw tooLarge(job.bytes, cause);
    job = new Job();
    start().alone = true;
    try {
      return body(job);
    } catch (again) {
      throw again instanceof WebAssembly.RuntimeError ? tooLarge(job.bytes, again) : again;
    } finally {
      discard();
    }
  } finally {
    settle(job.bytes);
  }
}

function tooLarge(bytes: number, cause: unknown): FunspaceError {
  const megabytes = Math.ceil(bytes / 2 ** 20);
  return new FunspaceError(
    "usage",
    `The WASM engine cannot get the scratch memory for this job: its operands alone take ${megabytes} MiB, and ` +
      "WASM addresses 4096 MiB at most. Use the native engine (funspace/native), or an iterative or sparse " +
      "method that does not store the whole matrix.",
    { cause },
  );
}
