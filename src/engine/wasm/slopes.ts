import { ShapeError } from "../../errors/index.ts";
import type { KernelMap, KernelSlopes, Points, SymmetricBar } from "../engine.ts";
import { useScratch } from "./machine.ts";
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
import { copyIn, expectBlock } from "./transfer.ts";

/** As in assembly/slopes.ts. */
const HEAD = 4;

export const wasmSlopes = {
  kernelSlopes(map: KernelMap, amplitude: number, x: Points, bar: SymmetricBar): KernelSlopes {
    expectPoints(x, undefined);
    const { count: n, dims: d } = x;
    expectBlock("bar", bar, n, n);
    if (bar.vector && bar.vector.length !== n) {
      throw new ShapeError(`bar is ${n} × ${n}, but its vector has ${bar.vector.length} values.`);
    }
    const scales = new Float64Array(d);
    if (n === 0) return { amplitude: 0, alpha: 0, scales };
    const r = up(d, 4);
    return useScratch((job) => {
      const points = new PointsInScratch(job, x, undefined);
      // Two strips: one comes in while the other is worked on.
      const height = stripRows(n, n);
      const stride = up(n, 4) + 4;
      const strips = [
        job.place(height * stride * 8),
        job.place(height < n ? height * stride * 8 : 0),
      ] as const;
      const right = r === d ? points.x : job.place(up(n, ROWS) * r * 8);
      const vector = job.place(up(n, 4) * 8);
      const sums = job.place(PARTS * (HEAD + r) * 8);
      const columns = job.place(PARTS * stride * 8);
      job.open();
      points.load(centreOf(x));
      const coordinates = points.coordinates("x");
      if (r !== d) {
        job.f64(right).fill(0);
        copyIn(job.f64(right), { data: coordinates, offset: 0, stride: d }, n, d, r);
      }
      if (bar.vector) {
        job.f64(vector).fill(0);
        job.f64(vector).set(bar.vector);
      }
      for (const place of [sums, columns]) job.f64(place).fill(0);
      let join: (() => number) | undefined;
      for (let row = 0, strip = 0; row < n; row += height, strip++) {
        const rows = Math.min(height, n - row);
        const weights = strips[strip % 2]!;
        copyLowerIn(job.f64(weights), { ...bar, offset: bar.offset + row * bar.stride }, row, rows, stride);
        join?.();
        join = job.start(
          "kernel_slopes",
          rows * (row + rows / 2) * (pairCost(d) + 2 * r),
          ...[
            mapNumber(map),
            alphaOf(map),
            row,
            rows,
            d,
            points.x.address + row * d * 8,
            points.packed.address,
          ],
          ...[r, right.address, weights.address, stride * 8, bar.scale, bar.vector ? vector.address : 0],
          ...[sums.address, columns.address, stride * 8],
        );
      }
      join?.();
      const [parts, byColumn] = [job.f64(sums), job.f64(columns)];
      const total = (at: number): number => {
        let sum = 0;
        for (let p = 0; p < PARTS; p++) sum += parts[p * (HEAD + r) + at]!;
        return sum;
      };
      for (let p = 0; p < d; p++) scales[p] = total(HEAD + p);
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < PARTS; p++) sum += byColumn[p * stride + j]!;
        for (let p = 0; p < d; p++) scales[p]! += sum * coordinates[j * d + p]! ** 2;
      }
      // Only the strict lower triangle and half the diagonal were visited.
      for (let p = 0; p < d; p++) scales[p]! *= 2 * amplitude;
      return { amplitude: 2 * total(0), alpha: 2 * amplitude * total(1), scales };
    });
  },
};
