import { type Matrix, rowRange, sizeOf } from "../linalg/index.ts";
import type { Network, Shape } from "../networks/index.ts";

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

/** How many points at once stay within bounds. */
export function pointsAtOnce(net: Network, cotangents: number): number {
  return Math.max(1, Math.floor(blockNumbers / numbersAPoint(net, cotangents)));
}

/** Values of every layer, and `cotangents` of each layer with weights. */
export function numbersAPoint(net: Network, cotangents: number): number {
  const shapes: Shape[] = [];
  let numbers = net.inputs;
  net.layers.forEach((layer, i) => {
    const inputs = net.sources[i]!.map((s) => (s < 0 ? net.inputShape : shapes[s]!));
    shapes.push(layer.outputShape(...(inputs as [Shape])));
    const weighted = Object.keys(net.weights[i]!).length > 0;
    numbers += sizeOf(shapes[i]!) * (weighted ? 1 + cotangents : 1);
  });
  return numbers;
}
