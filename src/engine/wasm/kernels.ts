import type { Block, KernelMap, KernelPullback, Points } from "../engine.ts";
import { type Place, useScratch } from "./machine.ts";
import {
  alphaOf,
  centreOf,
  copyLowerIn,
  expectPoints,
  mapNumber,
  PARTS,
  PointsInScratch,
  pairCost,
  ROWS,
  stripRows,
  up,
} from "./points.ts";
import { copyIn, copyOut, expectBlock } from "./transfer.ts";

/** A block of the matrix on its way out: two of them, and their transposes, stay in the second cache. */
const SIDE = 256;
/** Right-hand sides taken in one pass: more would make the partial sums large. */
const MOST_COLUMNS = 32;

interface BlockPlace {
  readonly row: number;
  readonly rows: number;
  readonly col: number;
  readonly cols: number;
}

/** The blocks of an n × m matrix, row by row; with `lower` those that meet the lower triangle. */
function blocksOf(n: number, m: number, lower: boolean): readonly BlockPlace[] {
  const blocks: BlockPlace[] = [];
  for (let row = 0; row < n; row += SIDE) {
    for (let col = 0; col < (lower ? row + 1 : m); col += SIDE) {
      blocks.push({ row, rows: Math.min(SIDE, n - row), col, cols: Math.min(SIDE, m - col) });
    }
  }
  return blocks;
}

/** Right-hand sides padded to `r` columns and whole tiles of rows, zero behind the block. */
function loadColumns(
  to: Float64Array,
  v: Block,
  rows: number,
  first: number,
  columns: number,
  r: number,
): void {
  to.fill(0);
  copyIn(to, { ...v, offset: v.offset + first }, rows, columns, r);
}

export const wasmKernels = {
  kernelMatrix(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    k: Block,
    part: "full" | "lower" = "full",
  ): void {
    expectPoints(x, z);
    const n = x.count;
    const m = (z ?? x).count;
    expectBlock("K", k, n, m);
    if (n === 0 || m === 0) return;
    const blocks = blocksOf(n, m, z === undefined);
    useScratch((job) => {
      const points = new PointsInScratch(job, x, z);
      const size = Math.min(n, SIDE) * Math.min(m, SIDE) * 8;
      const places = [job.place(size), job.place(size)] as const;
      const mirrored = !z && part === "full";
      const mirrors = mirrored ? ([job.place(size), job.place(size)] as const) : undefined;
      job.open();
      points.load();
      const start = (index: number) => {
        const { row, rows, col, cols } = blocks[index]!;
        const mirror = mirrors && row !== col ? mirrors[index % 2]!.address : 0;
        return job.start(
          "kernel_block",
          rows * cols * pairCost(x.dims),
          ...[mapNumber(map), alphaOf(map), amplitude, rows, cols, x.dims],
          ...[points.x.address + row * x.dims * 8, points.packed.address + col * x.dims * 8],
          ...[places[index % 2]!.address, cols * 8, mirror, rows * 8],
        );
      };
      let join = start(0);
      blocks.forEach(({ row, rows, col, cols }, index) => {
        join();
        // The workers go on with the next block while this one is copied out.
        if (index + 1 < blocks.length) join = start(index + 1);
        const values = job.f64(places[index % 2]!);
        const target = { ...k, offset: k.offset + row * k.stride + col };
        copyOut(values, target, rows, cols, cols, !z && !mirrored && row === col);
        if (!mirrors || row === col) return;
        const across = { ...k, offset: k.offset + col * k.stride + row };
        copyOut(job.f64(mirrors[index % 2]!), across, cols, rows, rows);
      });
    });
  },

  kernelMultiply(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    columns: number,
    v: Block,
    out: Block,
  ): void {
    expectPoints(x, z);
    const n = x.count;
    const m = (z ?? x).count;
    expectBlock("v", v, m, columns);
    expectBlock("out", out, n, columns);
    if (n === 0) return;
    const result = new Float64Array(n * columns);
    for (let first = 0; first < columns; first += MOST_COLUMNS) {
      const width = Math.min(MOST_COLUMNS, columns - first);
      const r = up(width, 4);
      useScratch((job) => {
        const points = new PointsInScratch(job, x, z);
        const right = job.place(up(m, ROWS) * r * 8);
        const left = job.place(up(n, ROWS) * r * 8);
        const parts = job.place(z ? 0 : PARTS * up(m, ROWS) * r * 8);
        job.open();
        points.load();
        loadColumns(job.f64(right), v, m, first, width, r);
        job.f64(left).fill(0);
        job.f64(parts).fill(0);
        job.run(
          "kernel_multiply",
          n * m * (pairCost(x.dims) + 2 * r) * (z ? 1 : 0.5),
          ...[mapNumber(map), alphaOf(map), 0, n, m, x.dims, points.x.address, points.packed.address, r],
          ...[right.address, z ? 0 : right.address, left.address, parts.address, 0, 0, 0, z ? 0 : 1],
        );
        if (!z) job.run("sum_parts", n * r * PARTS, up(n, ROWS) * r, left.address, parts.address);
        const y = job.f64(left);
        for (let i = 0; i < n; i++) {
          for (let c = 0; c < width; c++) result[i * columns + first + c] = amplitude * y[i * r + c]!;
        }
      });
    }
    copyOut(result, out, n, columns, columns);
  },

  kernelPullback(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    bar: Block,
  ): KernelPullback {
    expectPoints(x, z);
    const n = x.count;
    const m = (z ?? x).count;
    const d = x.dims;
    expectBlock("bar", bar, n, m);
    const empty = { amplitude: 0, alpha: 0, scales: new Float64Array(d), x: new Float64Array(n * d) };
    if (n === 0 || m === 0) return { ...empty, z: z ? new Float64Array(m * d) : undefined };
    const r = up(d + 1, 4);
    return useScratch((job) => {
      const points = new PointsInScratch(job, x, z);
      const height = stripRows(n, m);
      // Products of the slopes w f′(s) with [z, 1] and [x, 1] are all that the gradients need.
      const right = job.place(up(m, ROWS) * r * 8);
      const left = z ? job.place(up(n, ROWS) * r * 8) : right;
      const y = job.place(up(n, ROWS) * r * 8);
      const toZ = z ? job.place(up(m, ROWS) * r * 8) : y;
      const parts = job.place(PARTS * up(m, ROWS) * r * 8);
      const stride = up(m, 4) + 4;
      const weights = job.place(height * stride * 8);
      const sums = job.place(PARTS * 32);
      job.open();
      points.load(centreOf(x));
      augment(job.f64(right), points.coordinates(z ? "z" : "x"), m, d, r);
      if (z) augment(job.f64(left), points.coordinates("x"), n, d, r);
      for (const place of [y, toZ, parts, sums]) job.f64(place).fill(0);
      for (let row = 0; row < n; row += height) {
        const rows = Math.min(height, n - row);
        const strip = { ...bar, offset: bar.offset + row * bar.stride };
        const to = job.f64(weights);
        if (z) copyIn(to, strip, rows, m, stride);
        else copyLowerIn(to, strip, row, rows, stride);
        job.run(
          "kernel_multiply",
          rows * (z ? m : row + rows) * (pairCost(d) + 4 * r),
          ...[mapNumber(map), alphaOf(map), row, rows, m, d, points.x.address + row * d * 8],
          ...[points.packed.address, r, right.address, left.address + row * r * 8, y.address + row * r * 8],
          ...[parts.address, weights.address, stride * 8, sums.address, z ? 0 : 1],
        );
      }
      job.run("sum_parts", m * r * PARTS, up(m, ROWS) * r, toZ.address, parts.address);
      // Both triangles count, of which only the lower one was visited.
      const sides = z ? 1 : 2;
      const gradient = (at: Place, of: "x" | "z", count: number): Float64Array =>
        differences(job.f64(at), points.coordinates(of), count, d, r, 2 * amplitude * sides);
      const gx = gradient(y, "x", n);
      const gz = z ? gradient(toZ, "z", m) : undefined;
      const scales = new Float64Array(d);
      addProducts(scales, gx, points.coordinates("x"));
      if (gz) addProducts(scales, gz, points.coordinates("z"));
      const totals = job.f64(sums);
      let total = 0;
      let byAlpha = 0;
      for (let p = 0; p < PARTS; p++) {
        total += sides * totals[4 * p]!;
        byAlpha += sides * amplitude * totals[4 * p + 1]!;
      }
      if (!z && map.name !== "squaredDistance") {
        // The diagonal (f(0) = 1) was counted twice.
        for (let i = 0; i < n; i++) total -= bar.data[bar.offset + i * (bar.stride + 1)]!;
      }
      return { amplitude: total, alpha: byAlpha, scales, x: gx, z: gz };
    });
  },
};

/** [points, 1, 0 …]: r columns. */
function augment(to: Float64Array, points: Float64Array, count: number, d: number, r: number): void {
  to.fill(0);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < d; p++) to[i * r + p] = points[i * d + p]!;
    to[i * r + d] = 1;
  }
}

/** factor · (xᵢ Σⱼ wᵢⱼ − Σⱼ wᵢⱼ zⱼ) from the products of w with [z, 1]. */
function differences(
  products: Float64Array,
  points: Float64Array,
  count: number,
  d: number,
  r: number,
  factor: number,
): Float64Array {
  const out = new Float64Array(count * d);
  for (let i = 0; i < count; i++) {
    const total = products[i * r + d]!;
    for (let p = 0; p < d; p++) {
      out[i * d + p] = factor * (points[i * d + p]! * total - products[i * r + p]!);
    }
  }
  return out;
}

/** scales[p] += ½ Σᵢ gradient[i, p] x[i, p]. */
function addProducts(scales: Float64Array, gradient: Float64Array, points: Float64Array): void {
  for (let i = 0, p = 0; i < gradient.length; i++) {
    scales[p]! += 0.5 * gradient[i]! * points[i]!;
    if (++p === scales.length) p = 0;
  }
}
