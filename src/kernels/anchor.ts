import { type Matrix, matrix, rowRange } from "../linalg/index.ts";
import type { Anchor, Kernel } from "./kernel.ts";

// Points whose whole covariance is formed for the blocks on its diagonal.
const few = 32;

/** The kernel beside points z that stay: its own way, or one call after the other. */
export function anchor(kernel: Kernel, z: Matrix): Anchor {
  return (
    kernel.anchored?.(z) ?? {
      at: (x, own) => ({
        cross: kernel.cross(x, z),
        own: own === "blocks" ? ownBlocks(kernel, x) : diagonalColumn(kernel, x),
      }),
    }
  );
}

function diagonalColumn(kernel: Kernel, x: Matrix): Matrix {
  return matrix(x.rows * kernel.outputs, 1, kernel.diagonal(x));
}

/** The covariance of each point's outputs, n·o × o. */
function ownBlocks(kernel: Kernel, x: Matrix): Matrix {
  const o = kernel.outputs;
  if (o === 1) return diagonalColumn(kernel, x);
  const out = matrix(x.rows * o, o);
  for (let from = 0; from < x.rows; from += few) {
    const gram = kernel.gram(rowRange(x, from, Math.min(x.rows, from + few)));
    for (let r = 0; r < gram.rows; r++) {
      const start = r * gram.cols + r - (r % o);
      out.data.set(gram.data.subarray(start, start + o), (from * o + r) * o);
    }
  }
  return out;
}
