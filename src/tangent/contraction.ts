import { type Matrix, matrix } from "../linalg/index.ts";
import { type Contraction, type ContractionSide, sidesOf } from "./contraction-sides.ts";
import { type PointBlock, pointBlocks } from "./point-blocks.ts";
import { tangentSites } from "./sites.ts";

/** Where the share of span l goes: times `scale`, to one matrix, or one for each independent output. */
export type Target = (l: number) => { readonly scale: number; readonly outs: readonly Matrix[] };

/**
 * Adds every layer's share of J(x) J(z)ᵀ (z is x when left out: then half of the blocks, mirrored) to its target, no
 * Jacobian formed. Where the points do not fit into one block, those of z are passed through the network again for
 * each block of x.
 */
export function contract(c: Contraction, x: Matrix, z: Matrix | undefined, target: Target): void {
  for (const i of pointBlocks(x, c.block)) {
    const left = sidesOf(c, i.points);
    for (const j of pointBlocks(z ?? x, c.block)) {
      if (!z && j.from > i.from) break;
      const same = !z && j.from === i.from;
      const right = same ? left : sidesOf(c, j.points);
      left.forEach(({ layer, sides }, l) => {
        const { scale, outs } = target(l);
        sides.forEach((side, p) => {
          const add = (out: Matrix) => layer.addTangentGram!(side, right[l]!.sides[p]!, scale, out);
          addTile(add, outs[p]!, i, j, x.rows, (z ?? x).rows, !z && !same);
        });
      });
    }
  }
}

/** The diagonals of all shares, times their scales, added: n·o numbers, point-major, or the trace's n. */
export function contractDiagonal(c: Contraction, x: Matrix, scales: ArrayLike<number>): Float64Array {
  const perPoint = c.outputs === "trace" ? 1 : c.net.outputs;
  const out = new Float64Array(x.rows * perPoint);
  for (const { points, from } of pointBlocks(x, c.pass)) {
    const part = out.subarray(from * perPoint, (from + points.rows) * perPoint);
    tangentSites(c.net, points, c.spans, c.outputs === "trace").forEach(({ layer, side }, l) => {
      layer.addTangentDiagonal!(side, scales[l]!, part);
    });
  }
  return out;
}

/** Adds the shares of two batches of points, each at once, to their targets. */
export function addShares(
  left: readonly ContractionSide[],
  right: readonly ContractionSide[],
  target: Target,
): void {
  left.forEach(({ layer, sides }, l) => {
    const { scale, outs } = target(l);
    sides.forEach((side, p) => {
      layer.addTangentGram!(side, right[l]!.sides[p]!, scale, outs[p]!);
    });
  });
}

/** Adds a block of a share in its place in `out`, and its transpose in the mirrored place on request. */
function addTile(
  add: (out: Matrix) => void,
  out: Matrix,
  i: PointBlock,
  j: PointBlock,
  rows: number,
  cols: number,
  mirrored: boolean,
): void {
  if (i.points.rows === rows && j.points.rows === cols) {
    add(out);
    return;
  }
  const perPoint = out.rows / rows;
  const tile = matrix(i.points.rows * perPoint, j.points.rows * perPoint);
  add(tile);
  const [top, left] = [i.from * perPoint, j.from * perPoint];
  for (let r = 0, k = 0; r < tile.rows; r++) {
    const start = (top + r) * out.cols + left;
    for (let c = 0; c < tile.cols; c++) out.data[start + c]! += tile.data[k++]!;
  }
  if (!mirrored) return;
  for (let c = 0; c < tile.cols; c++) {
    const start = (left + c) * out.cols + top;
    for (let r = 0; r < tile.rows; r++) out.data[start + r]! += tile.data[r * tile.cols + c]!;
  }
}
