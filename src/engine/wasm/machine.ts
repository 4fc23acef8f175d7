import { FunspaceError } from "../../errors/index.ts";
import { plain } from "../generated/plain.ts";
import { relaxed } from "../generated/relaxed.ts";
import { hasRelaxedSimd } from "./host.ts";

/** Addresses below hold the control block of the threads. */
const OPERANDS = 65536;
const PAGE = 65536;
const MOST_PAGES = 65536;
/** Scratch beyond this is given back after the job. */
const KEEP_BYTES = 256 * 2 ** 20;

type Routine = (...values: number[]) => number;
type Routines = Readonly<Record<string, Routine>>;

/** One memory, and the module on it. */
interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly routines: Routines;
}

let compiled: WebAssembly.Module | undefined;
let machine: Machine | undefined;

function compile(): WebAssembly.Module {
  if (!compiled) {
    const text = atob(hasRelaxedSimd() ? relaxed : plain);
    compiled = new WebAssembly.Module(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }
  return compiled;
}

function start(): Machine {
  if (!machine) {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: MOST_PAGES, shared: true });
    const instance = new WebAssembly.Instance(compile(), { env: { memory } });
    machine = { memory, routines: instance.exports as unknown as Routines };
  }
  return machine;
}

/** A stretch of scratch memory that a job reads or writes. */
export interface Place {
  readonly address: number;
  readonly bytes: number;
}

/**
 * One use of the scratch memory: places are laid out first, then `open`ed together, filled, worked on by
 * `run`, and read; `close` makes the memory free for the next job and gives a large one back.
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

  /** Runs a routine of the module; its own workspace lies behind the places. */
  run(name: string, ...values: number[]): number {
    const { routines } = start();
    try {
      routines.configure!(0, 1, 1);
      routines.begin!(this.end);
      const result = routines[name]!(...values);
      this.buffer = start().memory.buffer;
      return result;
    } catch (cause) {
      machine = undefined;
      if (cause instanceof WebAssembly.RuntimeError) throw tooLarge(this.end, cause);
      throw cause;
    }
  }

  close(): void {
    if (machine && machine.memory.buffer.byteLength > KEEP_BYTES) machine = undefined;
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
