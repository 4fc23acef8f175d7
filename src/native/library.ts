import { createRequire } from "node:module";
import { FunspaceError } from "../errors/index.ts";
import { betterCore, processorFlags } from "./openblas-core.ts";

/** A routine of the library. Fortran passes everything by address: numbers come as one-element arrays. */
export type Routine = (...values: unknown[]) => void;

export interface Library {
  /** The file or name that was loaded. */
  readonly path: string;
  /** The processor whose kernels it uses, where it says so (OpenBLAS does). */
  readonly core: string | undefined;
  readonly gemm: { readonly double: Routine; readonly single: Routine };
  readonly syrk: Routine;
  readonly trsm: Routine;
  readonly trsv: Routine;
  readonly potrf: Routine;
  readonly potri: Routine;
  readonly syevd: Routine;
  /** Sets and asks the number of threads, where the library can. */
  readonly setThreads: ((count: number) => void) | undefined;
  readonly threads: (() => number) | undefined;
}

/** Candidates by platform, the fastest first; each is a BLAS and the file that holds its LAPACK. */
const CANDIDATES: Readonly<Record<string, readonly (readonly [blas: string, lapack: string])[]>> = {
  linux: [
    ["libmkl_rt.so.2", "libmkl_rt.so.2"],
    ["libmkl_rt.so", "libmkl_rt.so"],
    ["libopenblas.so.0", "libopenblas.so.0"],
    ["libopenblas.so", "libopenblas.so"],
    ["libblis.so.4", "liblapack.so.3"],
    ["libblis.so", "liblapack.so.3"],
  ],
  darwin: [
    [
      "/System/Library/Frameworks/Accelerate.framework/Accelerate",
      "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    ],
    ["/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib"],
    ["libopenblas.dylib", "libopenblas.dylib"],
  ],
  win32: [
    ["mkl_rt.2.dll", "mkl_rt.2.dll"],
    ["libopenblas.dll", "libopenblas.dll"],
    ["openblas.dll", "openblas.dll"],
  ],
};

interface Handle {
  func(name: string, result: string, parameters: readonly string[]): Routine;
  unload(): void;
}
interface Koffi {
  load(path: string): Handle;
}

function koffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new FunspaceError(
      "usage",
      "The native engine needs the optional package koffi, which is not installed or has no binary for this " +
        "platform. Install it (npm install koffi), or stay with the WASM engine.",
      { cause },
    );
  }
}

/**
 * Opens the BLAS and LAPACK at `path`, or at FUNSPACE_BLAS, or the first that this platform's loader knows. Throws
 * a `FunspaceError` that says what was tried and what to install.
 */
export function openLibrary(path = process.env.FUNSPACE_BLAS): Library {
  const { load } = koffi();
  const open = (file: string) => withBestCore(file, load);
  const candidates = path ? [[path, path] as const] : (CANDIDATES[process.platform] ?? []);
  const failures: string[] = [];
  for (const [blas, lapack] of candidates) {
    try {
      const first = open(blas);
      return bind(blas, first, lapack === blas ? first : load(lapack));
    } catch (cause) {
      failures.push(`${blas}: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`);
    }
  }
  throw new FunspaceError(
    "usage",
    `No BLAS with LAPACK could be opened (${failures.join("; ") || `none is known for ${process.platform}`}). ` +
      "Install one (on Debian: apt-get install libopenblas0-pthread) or set FUNSPACE_BLAS to its file.",
  );
}

/**
 * Cycles that an idle thread of OpenBLAS spins before it sleeps, as a power of two: some 80 µs rather than its usual
 * 20 ms, in which it would take a core from the WASM threads that do what BLAS does not.
 */
const PATIENCE = "18";

/** Loads a library; an OpenBLAS that mistook the processor is loaded again with the right core named. */
function withBestCore(file: string, load: (file: string) => Handle): Handle {
  const handle = told({ OPENBLAS_THREAD_TIMEOUT: PATIENCE }, () => load(file));
  const taken = coreOf(handle);
  const better = taken === undefined ? undefined : betterCore(taken, processorFlags());
  if (better === undefined || process.env.OPENBLAS_CORETYPE) return handle;
  handle.unload();
  return told({ OPENBLAS_THREAD_TIMEOUT: PATIENCE, OPENBLAS_CORETYPE: better }, () => load(file));
}

/** Runs with these environment variables where they are not set: OpenBLAS reads its own while it loads. */
function told<T>(variables: Readonly<Record<string, string>>, body: () => T): T {
  const unset = Object.entries(variables).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of unset) process.env[name] = value;
  try {
    return body();
  } finally {
    for (const [name] of unset) delete process.env[name];
  }
}

/** The core that an OpenBLAS chose its kernels for; undefined for other libraries. */
function coreOf(blas: Handle): string | undefined {
  try {
    return (blas.func("openblas_get_corename", "str", []) as unknown as () => string)();
  } catch {
    return undefined;
  }
}

function bind(path: string, blas: Handle, lapack: Handle): Library {
  const pointers = (count: number) => new Array<string>(count).fill("void *");
  // Fortran appends the length of each character argument; C implementations ignore them.
  const routine = (from: Handle, name: string, values: number, characters: number): Routine => {
    const lengths = new Array<number>(characters).fill(1);
    const call = from.func(name, "void", [
      ...pointers(values),
      ...new Array<string>(characters).fill("size_t"),
    ]);
    return (...given) => call(...given, ...lengths);
  };
  const optional = (names: readonly string[], result: string, parameters: readonly string[]) => {
    for (const name of names) {
      try {
        return blas.func(name, result, parameters) as unknown as (...values: number[]) => number;
      } catch {
        // This library names it otherwise, or does not have it.
      }
    }
    return undefined;
  };
  return {
    path,
    core: coreOf(blas),
    gemm: { double: routine(blas, "dgemm_", 13, 2), single: routine(blas, "sgemm_", 13, 2) },
    syrk: routine(blas, "dsyrk_", 10, 2),
    trsm: routine(blas, "dtrsm_", 11, 4),
    trsv: routine(blas, "dtrsv_", 8, 3),
    potrf: routine(lapack, "dpotrf_", 5, 1),
    potri: routine(lapack, "dpotri_", 5, 1),
    syevd: routine(lapack, "dsyevd_", 11, 2),
    setThreads: optional(
      ["openblas_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads"],
      "void",
      ["int"],
    ),
    threads: optional(
      ["openblas_get_num_threads", "MKL_Get_Max_Threads", "bli_thread_get_num_threads"],
      "int",
      [],
    ),
  };
}
