import type { Engine, Floats } from "../../src/engine/engine.ts";
import type { openLibrary } from "../../src/native/library.ts";

export type Library = ReturnType<typeof openLibrary>;

/** A workload with its data made ready. */
export interface Ready {
  /** Undoes what a run did to the data; not timed. */
  reset?(): void;
  ours(engine: Engine): void;
  /** The same with raw calls of the library, where there is such a call. */
  raw?(): void;
}

export interface Work {
  readonly workload: string;
  readonly size: string;
  /** Whether the native hand does it otherwise than the wasm hand. */
  readonly native: boolean;
  /** Whether it is bound to scale with the threads. */
  readonly scales?: boolean;
  create(library: Library): Ready;
}

export function random<A extends Floats>(of: new (n: number) => A, n: number): A {
  const out = new of(n);
  for (let i = 0; i < n; i++) out[i] = Math.random() - 0.5;
  return out;
}

/** Fortran takes numbers by address. */
export const int = (v: number): Int32Array => new Int32Array([v]);
export const double = (v: number): Float64Array => new Float64Array([v]);
export const letter = (c: string): Buffer => Buffer.from(c);

/** G Gᵀ 12 / n + I, both triangles. */
export function covariance(library: Library, n: number): Float64Array {
  const g = random(Float64Array, n * n);
  const s = new Float64Array(n * n);
  const scale = double(12 / n);
  library.syrk(letter("U"), letter("T"), int(n), int(n), scale, g, int(n), double(0), s, int(n));
  for (let i = 0; i < n; i++) {
    s[i * n + i]! += 1;
    for (let j = 0; j < i; j++) s[j * n + i] = s[i * n + j]!;
  }
  return s;
}
