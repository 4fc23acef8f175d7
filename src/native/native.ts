import { availableParallelism } from "node:os";
import type { Block, Floats, Operand, Triangle } from "../engine/engine.ts";
import { type Engine, useEngine, wasm } from "../engine/index.ts";
import { expectBlock } from "../engine/wasm/transfer.ts";
import { nativeConvolutions } from "./convolution.ts";
import { type Library, openLibrary } from "./library.ts";

/** What a native engine adds to the face: which library does the work. */
export interface NativeEngine extends Engine {
  readonly name: "native";
  readonly library: string;
  /** The processor whose kernels the library uses, where it says so. */
  readonly core: string | undefined;
}

const NORMAL = Buffer.from("N");
const TRANSPOSED = Buffer.from("T");
const UPPER = Buffer.from("U");
const LOWER = Buffer.from("L");
const LEFT = Buffer.from("L");
const RIGHT = Buffer.from("R");

const int = (value: number) => new Int32Array([value]);
const double = (value: number) => new Float64Array([value]);
/** LAPACK asks for a positive leading dimension even where there is nothing. */
const leading = (block: Block<Floats>) => int(Math.max(1, block.stride));
const flag = (transposed: boolean) => (transposed ? TRANSPOSED : NORMAL);
/** Where the block starts; the library gets this address, nothing is copied. */
const from = (block: Block<Floats>) => (block.offset === 0 ? block.data : block.data.subarray(block.offset));

/**
 * An engine on a native BLAS and LAPACK (OpenBLAS, MKL, BLIS, Accelerate); what they lack (kernel maps, elementwise
 * maps) still runs in WASM. Reading a row-major matrix by columns gives its transpose: products swap their factors,
 * lower triangles are upper ones, left sides are right ones. Only eigenvectors have to be moved.
 *
 * `path` is the library to open; by default FUNSPACE_BLAS, else the first one found by name.
 */
export function nativeEngine(path?: string): NativeEngine {
  const library = openLibrary(path);
  const stated = Number(process.env.FUNSPACE_THREADS);
  if (Number.isInteger(stated) && stated >= 1) library.setThreads?.(stated);
  const threads = library.threads?.() ?? availableParallelism();
  const own = routines(library, threads);
  return {
    ...wasm,
    ...own,
    ...nativeConvolutions(own.gemm),
    name: "native",
    threads,
    library: library.path,
    core: library.core,
  };
}

/** Makes a native engine the one in use, and returns it. Throws where no library can be opened. */
export function useNative(path?: string): NativeEngine {
  const native = nativeEngine(path);
  useEngine(native);
  return native;
}

/**
 * Operations of a product below which one thread is as fast, or many times faster where the library's others went to sleep
 * while WASM was at work: waking them takes a millisecond or two in a virtual machine. Factorisations call their products
 * themselves, one after the other, and gain from threads at every size.
 */
const FEW = 3e7;

function routines(library: Library, threads: number) {
  const onOneThread = (call: () => void): void => {
    library.setThreads?.(1);
    try {
      call();
    } finally {
      library.setThreads?.(threads);
    }
  };
  const own = {
    gemm<A extends Floats>(
      m: number,
      n: number,
      k: number,
      alpha: number,
      a: Operand<A>,
      b: Operand<A>,
      beta: number,
      c: Block<A>,
    ) {
      expectBlock("A", a, a.transposed ? k : m, a.transposed ? m : k);
      expectBlock("B", b, b.transposed ? n : k, b.transposed ? k : n);
      expectBlock("C", c, m, n);
      if (m === 0 || n === 0) return;
      const wide = c.data instanceof Float64Array;
      const scalar = (value: number) => (wide ? double(value) : new Float32Array([value]));
      const routine = wide ? library.gemm.double : library.gemm.single;
      const call = () =>
        routine(
          ...[flag(b.transposed), flag(a.transposed), int(n), int(m), int(k), scalar(alpha)],
          ...[from(b), leading(b), from(a), leading(a), scalar(beta), from(c), leading(c)],
        );
      if (threads > 1 && 2 * m * n * k < FEW) onOneThread(call);
      else call();
    },

    syrk(n: number, k: number, alpha: number, a: Operand, beta: number, c: Block) {
      expectBlock("A", a, a.transposed ? k : n, a.transposed ? n : k);
      expectBlock("C", c, n, n);
      if (n === 0) return;
      library.syrk(
        ...[UPPER, flag(!a.transposed), int(n), int(k), double(alpha)],
        ...[from(a), leading(a), double(beta), from(c), leading(c)],
      );
    },

    trsm(side: "left" | "right", m: number, n: number, t: Triangle, b: Block) {
      const order = side === "left" ? m : n;
      expectBlock("T", t, order, order);
      expectBlock("B", b, m, n);
      if (m === 0 || n === 0) return;
      library.trsm(
        ...[side === "left" ? RIGHT : LEFT, t.lower ? UPPER : LOWER, flag(t.transposed), NORMAL],
        ...[int(n), int(m), double(1), from(t), leading(t), from(b), leading(b)],
      );
    },

    potrf(n: number, a: Block): number {
      expectBlock("A", a, n, n);
      if (n === 0) return -1;
      const info = int(0);
      library.potrf(UPPER, int(n), from(a), leading(a), info);
      // Some libraries (OpenBLAS) let a NaN pivot pass.
      const end = info[0]! > 0 ? info[0]! - 1 : n;
      for (let i = 0; i < end; i++) if (!(a.data[a.offset + i * (a.stride + 1)]! > 0)) return i;
      return info[0]! - 1;
    },

    solveAndInvert(n: number, a: Block, columns: number, b: Block): ReturnType<Engine["solveAndInvert"]> {
      expectBlock("B", b, n, columns);
      const pivot = own.potrf(n, a);
      if (pivot >= 0) return { pivot, logDeterminant: Number.NaN };
      let logDeterminant = 0;
      for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(a.data[a.offset + i * (a.stride + 1)]!);
      // Column by column: packing the factor for many would cost as much as the solve of one.
      for (let c = 0; n > 0 && c < columns; c++) {
        const column = b.data.subarray(b.offset + c);
        for (const trans of [TRANSPOSED, NORMAL]) {
          library.trsv(UPPER, trans, NORMAL, int(n), from(a), leading(a), column, leading(b));
        }
      }
      own.potri(n, a);
      return { pivot, logDeterminant };
    },

    potri(n: number, a: Block): void {
      expectBlock("A", a, n, n);
      if (n === 0) return;
      library.potri(UPPER, int(n), from(a), leading(a), int(0));
    },

    syevd(n: number, a: Block, values: Float64Array, vectors: boolean): number {
      expectBlock("A", a, n, n);
      if (n === 0) return 0;
      if (!lowerIsFinite(n, a)) {
        // LAPACK's iterations need not end on NaN.
        values.fill(Number.NaN, 0, n);
        return n;
      }
      const info = int(0);
      const job = vectors ? Buffer.from("V") : NORMAL;
      const size = double(0);
      const integers = int(0);
      const call = (work: Float64Array, lwork: number, iwork: Int32Array, liwork: number) =>
        library.syevd(
          ...[job, UPPER, int(n), from(a), leading(a), values, work, int(lwork), iwork, int(liwork), info],
        );
      call(size, -1, integers, -1);
      call(new Float64Array(size[0]!), size[0]!, new Int32Array(integers[0]!), integers[0]!);
      if (vectors) transposeInPlace(n, a);
      return info[0]!;
    },
  };
  return own;
}

function lowerIsFinite(n: number, a: Block): boolean {
  for (let i = 0; i < n; i++) {
    for (let p = a.offset + i * a.stride, end = p + i; p <= end; p++) {
      if (!Number.isFinite(a.data[p])) return false;
    }
  }
  return true;
}

/** Square tiles keep both the rows and the columns that are swapped in the cache. */
function transposeInPlace(n: number, { data, offset, stride }: Block): void {
  const TILE = 32;
  for (let i0 = 0; i0 < n; i0 += TILE) {
    for (let j0 = 0; j0 <= i0; j0 += TILE) {
      for (let i = i0; i < Math.min(n, i0 + TILE); i++) {
        for (let j = j0; j < Math.min(i, j0 + TILE); j++) {
          const p = offset + i * stride + j;
          const q = offset + j * stride + i;
          const x = data[p]!;
          data[p] = data[q]!;
          data[q] = x;
        }
      }
    }
  }
}
