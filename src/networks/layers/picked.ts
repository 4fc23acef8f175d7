import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";

/** Which number of a batch (its index in the whole of it, or −1) each output is, and the input's shape. */
export interface Picked {
  readonly from: Int32Array;
  readonly shape: readonly number[];
  readonly outputShape: readonly number[];
}

/** The tangents of the picked numbers. */
export function pick({ from, outputShape }: Picked, { data: dx }: Tensor): Tensor {
  const data = floatsLike(dx, from.length);
  for (let k = 0; k < from.length; k++) {
    const at = from[k]!;
    if (at >= 0) data[k] = dx[at]!;
  }
  return { shape: outputShape, data };
}

/** Each cotangent, times its factor if there are any, added to the number that was picked. */
export function putBack({ from, shape }: Picked, { data: dy }: Tensor, factors?: Tensor): Tensor {
  const data = floatsLike(dy, sizeOf(shape));
  if (factors) {
    const { data: by } = factors;
    for (let k = 0; k < from.length; k++) {
      const at = from[k]!;
      if (at >= 0) data[at]! += by[k]! * dy[k]!;
    }
    return { shape, data };
  }
  for (let k = 0; k < from.length; k++) {
    const at = from[k]!;
    if (at >= 0) data[at]! += dy[k]!;
  }
  return { shape, data };
}
