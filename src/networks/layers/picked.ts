import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";

/**
 * Which number of a batch (its index in the whole of it, or −1) each output is, and the input's shape. Outputs are their own
 * example's numbers, as many of each example, one example after the other.
 */
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

/** Each cotangent added to the number that was picked. */
function putBack({ from, shape }: Picked, dy: Tensor["data"]): Tensor["data"] {
  const data = floatsLike(dy, sizeOf(shape));
  for (let k = 0; k < from.length; k++) {
    const at = from[k]!;
    if (at >= 0) data[at]! += dy[k]!;
  }
  return data;
}

/**
 * The cotangent of numbers of which some were picked, 0 at all others: their own cotangents and where they belong. It is
 * written out once somebody reads it as a whole; convolutions do not.
 */
export class Scattered implements Tensor {
  readonly picked: Picked;
  readonly values: Tensor["data"];
  #data: Tensor["data"] | undefined;

  constructor(picked: Picked, values: Tensor["data"]) {
    this.picked = picked;
    this.values = values;
  }

  get shape(): readonly number[] {
    return this.picked.shape;
  }

  get data(): Tensor["data"] {
    this.#data ??= putBack(this.picked, this.values);
    return this.#data;
  }

  /** Whether so few numbers were picked that a convolution is quicker place by place. */
  get sparse(): boolean {
    return 3 * this.picked.from.length <= sizeOf(this.picked.shape);
  }
}
