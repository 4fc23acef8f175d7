import { ShapeError } from "../../errors/index.ts";
import type { Block } from "../engine.ts";
import { useScratch } from "./machine.ts";
import { copyIn, copyOut, expectBlock } from "./transfer.ts";

/** Rows that are in scratch at once fill about this, so that they stay in the second cache. */
const STRIP_BYTES = 2 ** 19;
/** Operations that one element costs, about. */
const COST = 40;

export const wasmArcCosine = {
  arcCosine(
    rows: number,
    cols: number,
    k: Block,
    rowVariances: Float64Array,
    colVariances: Float64Array,
    slopes: Block,
  ): void {
    expectBlock("K", k, rows, cols);
    expectBlock("slopes", slopes, rows, cols);
    if (rowVariances.length !== rows || colVariances.length !== cols) {
      throw new ShapeError(
        `arcCosine of ${rows} × ${cols} needs as many variances, but got ${rowVariances.length} and ${colVariances.length}.`,
      );
    }
    const stride = cols + (cols % 2);
    const height = Math.max(8, Math.floor(STRIP_BYTES / (8 * Math.max(1, stride))));
    for (let row = 0; row < rows; row += height) {
      const count = Math.min(height, rows - row);
      useScratch((job) => {
        const [values, by] = [job.place(count * stride * 8), job.place(count * stride * 8)];
        const [v, w] = [job.place(count * 8), job.place(stride * 8)];
        job.open();
        const from = (of: Block): Block => ({ ...of, offset: of.offset + row * of.stride });
        copyIn(job.f64(values), from(k), count, cols, stride);
        job.f64(v).set(rowVariances.subarray(row, row + count));
        job.f64(w).set(colVariances);
        job.run(
          "arc_cosine",
          COST * count * cols,
          ...[count, cols, values.address, by.address, stride * 8, v.address, w.address],
        );
        copyOut(job.f64(values), from(k), count, cols, stride);
        copyOut(job.f64(by), from(slopes), count, cols, stride);
      });
    }
  },
};
