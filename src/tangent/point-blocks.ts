import { type Matrix, rowRange, sizeOf } from "../linalg/index.ts";
import { type Network, type Shape, weightedLayers } from "../networks/index.ts";

/** Points `from` … of a batch, as a view. */
export interface PointBlock {
  readonly from: number;
  readonly points: Matrix;
}

/** The points in blocks of `size`. */
export function* pointBlocks(x: Matrix, size: number): Generator<PointBlock> {
  for (let from = 0; from < x.rows; from += size) {
    yield { from, points: rowRange(x, from, Math.min(x.rows, from + size)) };
  }
}

// Numbers in the values and cotangents of a block of points: 1.3 GB in f32.
const blockNumbers = 320_000_000;

/** How many points at once stay within bounds; see `numbersAPoint`. */
export function pointsAtOnce(net: Network, cotangents: number, layers?: readonly number[]): number {
  return Math.max(1, Math.floor(blockNumbers / numbersAPoint(net, cotangents, layers).passing));
}

/** How many points at once stay within these bounds, of so many numbers each that are kept of them. */
export function pointsKept(numbers: number): number {
  return Math.max(1, Math.floor(blockNumbers / numbers));
}

/**
 * Numbers a point: of a pass, the values of every layer and `cotangents` of each of these layers (all with weights unless
 * given); and those that are kept of it, each of the layers' inputs and cotangents.
 */
export function numbersAPoint(
  net: Network,
  cotangents: number,
  layers: readonly number[] = weightedLayers(net),
): { readonly passing: number; readonly kept: readonly number[] } {
  const shapes: Shape[] = [];
  let passing = net.inputs;
  const kept = new Map<number, number>();
  net.layers.forEach((layer, i) => {
    const inputs = net.sources[i]!.map((s) => (s < 0 ? net.inputShape : shapes[s]!));
    shapes.push(layer.outputShape(...(inputs as [Shape])));
    const size = sizeOf(shapes[i]!);
    passing += size;
    if (!layers.includes(i)) return;
    passing += cotangents * size;
    kept.set(i, cotangents * size + inputs.reduce((sum, shape) => sum + sizeOf(shape), 0));
  });
  return { passing, kept: layers.map((i) => kept.get(i)!) };
}
