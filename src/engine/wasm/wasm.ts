import { ShapeError } from "../../errors/index.ts";
import type { Block, Engine, Floats, Operand, Triangle } from "../engine.ts";
import { wasmArcCosine } from "./arc-cosine.ts";
import { wasmElementwise } from "./elementwise.ts";
import { wasmImages } from "./images.ts";
import { wasmKernels } from "./kernels.ts";
import { currentSettings, useScratch } from "./machine.ts";
import { wasmSlopes } from "./slopes.ts";
import { copyIn, copyOut, expectBlock, placeBlock } from "./transfer.ts";
import { wasmWide } from "./wide.ts";

/** Row and column stride in bytes of op(A) in its scratch copy. */
function strides(transposed: boolean, stride: number, size: number): [number, number] {
  return transposed ? [size, stride * size] : [stride * size, size];
}

/**
 * The default engine: AssemblyScript compiled to WASM SIMD, on every host that has WASM. Nothing is compiled before
 * the first call.
 */
export const wasm: Engine = {
  name: "wasm",
  get threads() {
    return currentSettings().threads;
  },

  ...wasmKernels,
  ...wasmSlopes,
  ...wasmArcCosine,
  ...wasmElementwise,
  ...wasmImages,
  ...wasmWide,

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
    const [ar, ac] = a.transposed ? [k, m] : [m, k];
    const [br, bc] = b.transposed ? [n, k] : [k, n];
    expectBlock("A", a, ar, ac);
    expectBlock("B", b, br, bc);
    expectBlock("C", c, m, n);
    if (m === 0 || n === 0) return;
    const double = c.data instanceof Float64Array;
    const size = double ? 8 : 4;
    return useScratch((job) => {
      const pa = placeBlock(job, ar, ac, size);
      const pb = placeBlock(job, br, bc, size);
      const pc = placeBlock(job, m, n, size);
      job.open();
      const view = (p: typeof pa): Floats => (double ? job.f64(p.place) : job.f32(p.place));
      copyIn(view(pa), a, ar, ac, pa.stride);
      copyIn(view(pb), b, br, bc, pb.stride);
      if (beta !== 0) copyIn(view(pc), c, m, n, pc.stride);
      job.run(
        double ? "gemm_f64" : "gemm_f32",
        2 * m * n * k,
        ...[m, n, k, alpha],
        ...[pa.place.address, ...strides(a.transposed, pa.stride, size)],
        ...[pb.place.address, ...strides(b.transposed, pb.stride, size)],
        ...[beta, pc.place.address, pc.stride * size, 0],
      );
      copyOut(view(pc), c, m, n, pc.stride);
    });
  },

  syrk(n: number, k: number, alpha: number, a: Operand, beta: number, c: Block) {
    const [ar, ac] = a.transposed ? [k, n] : [n, k];
    expectBlock("A", a, ar, ac);
    expectBlock("C", c, n, n);
    if (n === 0) return;
    return useScratch((job) => {
      const pa = placeBlock(job, ar, ac, 8);
      const pc = placeBlock(job, n, n, 8);
      job.open();
      copyIn(job.f64(pa.place), a, ar, ac, pa.stride);
      if (beta !== 0) copyIn(job.f64(pc.place), c, n, n, pc.stride, true);
      const [rs, cs] = strides(a.transposed, pa.stride, 8);
      job.run(
        "gemm_f64",
        n * n * k,
        ...[n, n, k, alpha, pa.place.address, rs, cs, pa.place.address, cs, rs],
        ...[beta, pc.place.address, pc.stride * 8, 1],
      );
      copyOut(job.f64(pc.place), c, n, n, pc.stride, true);
    });
  },

  trsm(side: "left" | "right", m: number, n: number, t: Triangle, b: Block) {
    const order = side === "left" ? m : n;
    expectBlock("T", t, order, order);
    expectBlock("B", b, m, n);
    if (m === 0 || n === 0) return;
    return useScratch((job) => {
      const pt = placeBlock(job, order, order, 8);
      const pb = placeBlock(job, m, n, 8);
      job.open();
      copyIn(job.f64(pt.place), t, order, order, pt.stride);
      copyIn(job.f64(pb.place), b, m, n, pb.stride);
      job.run(
        "trsm",
        order * m * n,
        ...[side === "left" ? 1 : 0, m, n, pt.place.address, pt.stride * 8],
        ...[t.lower ? 1 : 0, t.transposed ? 1 : 0, pb.place.address, pb.stride * 8],
      );
      copyOut(job.f64(pb.place), b, m, n, pb.stride);
    });
  },

  potrf(n: number, a: Block): number {
    return onLowerTriangle("potrf", n, a) ?? -1;
  },

  potri(n: number, a: Block) {
    onLowerTriangle("potri", n, a);
  },

  solveAndInvert(n: number, a: Block, columns: number, b: Block) {
    expectBlock("A", a, n, n);
    expectBlock("B", b, n, columns);
    if (n === 0) return { pivot: -1, logDeterminant: 0 };
    return useScratch((job) => {
      const pa = placeBlock(job, n, n, 8);
      // Columns lie one behind the other.
      const pb = job.place(n * columns * 8);
      job.open();
      const [l, x] = [job.f64(pa.place), job.f64(pb)];
      copyIn(l, a, n, n, pa.stride, true);
      for (let i = 0; i < n; i++) {
        for (let c = 0; c < columns; c++) x[c * n + i] = b.data[b.offset + i * b.stride + c]!;
      }
      const [at, stride] = [pa.place.address, pa.stride * 8];
      const pivot = job.run("potrf", n ** 3 / 3, n, at, stride);
      if (pivot >= 0) return { pivot, logDeterminant: Number.NaN };
      let logDeterminant = 0;
      for (let i = 0, factor = job.f64(pa.place); i < n; i++) {
        logDeterminant += 2 * Math.log(factor[i * (pa.stride + 1)]!);
      }
      job.run("solve_columns", 2 * n * n * columns, n, at, stride, columns, pb.address, n * 8);
      job.run("potri", (2 * n ** 3) / 3, n, at, stride);
      const solved = job.f64(pb);
      for (let i = 0; i < n; i++) {
        for (let c = 0; c < columns; c++) b.data[b.offset + i * b.stride + c] = solved[c * n + i]!;
      }
      copyOut(job.f64(pa.place), a, n, n, pa.stride, true);
      return { pivot, logDeterminant };
    });
  },

  syevd(n: number, a: Block, values: Float64Array, vectors: boolean): number {
    expectBlock("A", a, n, n);
    if (values.length < n) {
      throw new ShapeError(`syevd needs room for ${n} eigenvalues, but values has ${values.length}.`);
    }
    if (n === 0) return 0;
    return useScratch((job) => {
      const pa = placeBlock(job, n, n, 8);
      const pv = job.place(n * 8);
      job.open();
      copyIn(job.f64(pa.place), a, n, n, pa.stride, true);
      const failed = job.run(
        "syevd",
        9 * n ** 3,
        n,
        pa.place.address,
        pa.stride * 8,
        pv.address,
        vectors ? 1 : 0,
      );
      values.set(job.f64(pv));
      if (vectors) copyOut(job.f64(pa.place), a, n, n, pa.stride);
      return failed;
    });
  },

  qr(m: number, n: number, a: Block, r: Block) {
    if (m < n) throw new ShapeError(`qr needs at least as many rows as columns, but got ${m} × ${n}.`);
    expectBlock("A", a, m, n);
    expectBlock("R", r, n, n);
    if (n === 0) return;
    useScratch((job) => {
      const pa = placeBlock(job, m, n, 8);
      const pr = placeBlock(job, n, n, 8);
      job.open();
      copyIn(job.f64(pa.place), a, m, n, pa.stride);
      job.run("qr", 4 * m * n * n, m, n, pa.place.address, pa.stride * 8, pr.place.address, pr.stride * 8);
      copyOut(job.f64(pa.place), a, m, n, pa.stride);
      copyOut(job.f64(pr.place), r, n, n, pr.stride);
    });
  },

  choleskyUpdate(n: number, k: number, sign: 1 | -1, l: Block, v: Block): number {
    expectBlock("L", l, n, n);
    expectBlock("V", v, n, k);
    if (n === 0 || k === 0) return -1;
    return useScratch((job) => {
      const pl = placeBlock(job, n, n, 8);
      const pv = placeBlock(job, n, k, 8);
      job.open();
      copyIn(job.f64(pl.place), l, n, n, pl.stride, true);
      copyIn(job.f64(pv.place), v, n, k, pv.stride);
      // Each rotation waits for the one before it: no work for threads.
      const at = [pl.place.address, pl.stride * 8, pv.place.address, pv.stride * 8];
      const pivot = job.run("cholesky_update", 0, n, k, sign, ...at);
      if (pivot < 0) copyOut(job.f64(pl.place), l, n, n, pl.stride, true);
      return pivot;
    });
  },
};

/** A routine in place on the lower triangle of A. */
function onLowerTriangle(name: string, n: number, a: Block): number | undefined {
  expectBlock("A", a, n, n);
  if (n === 0) return undefined;
  return useScratch((job) => {
    const pa = placeBlock(job, n, n, 8);
    job.open();
    copyIn(job.f64(pa.place), a, n, n, pa.stride, true);
    const result = job.run(name, n ** 3 / 3, n, pa.place.address, pa.stride * 8);
    copyOut(job.f64(pa.place), a, n, n, pa.stride, true);
    return result;
  });
}
