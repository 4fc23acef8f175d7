import type { Anchor, Beside } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { addShares } from "./contraction.ts";
import { type Contraction, type ContractionSide, sidesOf } from "./contraction-sides.ts";
import { pointBlocks } from "./point-blocks.ts";

// Numbers of the fixed points that are kept: 256 MB in f32.
const kept = 64_000_000;
// Numbers of the other points' at a time: what stays in the caches is several times faster than what does not.
const cached = 1_000_000;
// At least so many points, over which the gradients of the fixed ones are formed again.
const least = 32;

/** Parts of a kernel beside points that stay: see Anchor. */
export interface AnchoredParts {
  at(x: Matrix, own: "diagonal" | "blocks"): readonly Beside[];
}

/**
 * The full kernel of a network beside points z, in parts (layer l, times its scale, adds to the part that is its place):
 * one pass through the network, with its backward passes, for z once and for other points once, whatever is asked of
 * them. Absent where z is too much to keep.
 */
export function anchoredParts(
  c: Contraction,
  z: Matrix,
  parts: number,
  place: (l: number) => { readonly part: number; readonly scale: number },
): AnchoredParts | undefined {
  const o = c.net.outputs;
  if (z.rows > c.block || z.rows * c.numbers.kept > kept) return undefined;
  let held: readonly ContractionSide[] | undefined;
  return {
    at(x, own) {
      held ??= sidesOf(c, z);
      const width = own === "blocks" ? o : 1;
      const found = Array.from({ length: parts }, () => ({
        cross: matrix(x.rows * o, z.rows * o),
        own: matrix(x.rows * o, width),
      }));
      const count = Math.min(c.block, Math.max(least, Math.floor(cached / c.numbers.passing)));
      for (const { points, from } of pointBlocks(x, count)) {
        const sides = sidesOf(c, points);
        const rows = (m: Matrix) => {
          const data = m.data.subarray(from * o * m.cols, (from + points.rows) * o * m.cols);
          return matrix(points.rows * o, m.cols, data);
        };
        addShares(sides, held, (l) => ({ scale: place(l).scale, outs: [rows(found[place(l).part]!.cross)] }));
        sides.forEach(({ layer, sides: [side] }, l) => {
          layer.addTangentDiagonal!(side!, place(l).scale, rows(found[place(l).part]!.own).data);
        });
      }
      return found;
    },
  };
}

/** The kernel as a whole beside points z. */
export function anchoredTangent(c: Contraction, scales: ArrayLike<number>, z: Matrix): Anchor | undefined {
  const parts = anchoredParts(c, z, 1, (l) => ({ part: 0, scale: scales[l]! }));
  return parts && { at: (x, own) => parts.at(x, own)[0]! };
}
