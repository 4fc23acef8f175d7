import { type Convolution, engine, tapsOf } from "../../engine/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import { Scattered } from "./picked.ts";

/** Cotangents that are 0 but at the same few numbers, which a convolution pulls back place by place; else undefined. */
export function sparseCotangents(
  { groups }: Convolution,
  cotangents: readonly Tensor[],
): readonly Scattered[] | undefined {
  const [first] = cotangents;
  if (groups !== 1 || !(first instanceof Scattered) || !first.sparse) return undefined;
  const alike = cotangents.every((dy) => dy instanceof Scattered && dy.picked === first.picked);
  return alike ? (cotangents as readonly Scattered[]) : undefined;
}

// Numbers in the gradients of all images of a batch, which are written out before they are summed.
const mostWritten = 8_000_000;

/** The one cotangent of a batch, where it is sparse and each image's gradient may be written out. */
export function sparseCotangent(c: Convolution, dy: Tensor): Scattered | undefined {
  const written = c.count * c.filters * (c.channels * tapsOf(c) + 1);
  return written <= mostWritten ? sparseCotangents(c, [dy])?.[0] : undefined;
}

/**
 * The gradients of a convolution's weights of each image and cotangent, [count, cotangents, filters, features (+ 1: the
 * bias)].
 */
export function sparseGradients(
  c: Convolution,
  images: Tensor["data"],
  cotangents: readonly Scattered[],
  bias: boolean,
): Tensor {
  const { from } = cotangents[0]!.picked;
  const values = floatsLike(images, cotangents.length * from.length);
  const picks = from.length / Math.max(1, c.count);
  for (let i = 0, at = 0; i < c.count; i++) {
    for (const dy of cotangents) {
      values.set(dy.values.subarray(i * picks, (i + 1) * picks), at);
      at += picks;
    }
  }
  const features = c.channels * tapsOf(c);
  const rows = c.count * cotangents.length * c.filters;
  const data = floatsLike(images, rows * (features + 1));
  engine().pickedPullbackWeights(c, images, { from, values }, data);
  const shape = [c.count, cotangents.length, c.filters, features + (bias ? 1 : 0)];
  return { shape, data: bias ? data : withoutLast(data, features) };
}

/** Their sum over the images: the gradients of weights and bias. */
export function sparseGradient(c: Convolution, images: Tensor["data"], dy: Scattered): SummedGradient {
  const { data } = sparseGradients(c, images, [dy], true);
  const features = c.channels * tapsOf(c);
  const weight = floatsLike(images, c.filters * features);
  const bias = floatsLike(images, c.filters);
  for (let k = 0; k < data.length; ) {
    for (let f = 0, w = 0; f < c.filters; f++) {
      for (const end = w + features; w < end; w++) weight[w]! += data[k++]!;
      bias[f]! += data[k++]!;
    }
  }
  return { weight, bias };
}

export interface SummedGradient {
  readonly weight: Tensor["data"];
  readonly bias: Tensor["data"];
}

function withoutLast(data: Tensor["data"], features: number): Tensor["data"] {
  const rows = data.length / (features + 1);
  const out = floatsLike(data, rows * features);
  for (let r = 0; r < rows; r++) {
    out.set(data.subarray(r * (features + 1), (r + 1) * (features + 1) - 1), r * features);
  }
  return out;
}
