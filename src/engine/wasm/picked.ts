import { ShapeError } from "../../errors/index.ts";
import type { Floats } from "../engine.ts";
import { type Convolution, type ImageRoutines, type Picks, tapsOf, type Windows } from "../images.ts";
import { expectLength, filteredSize, imageSize, type Part, runOnImages, weightsSize } from "./image-job.ts";

/** Picks an image. */
function expectPicks(c: Convolution, { from, values }: Picks<Floats>): number {
  if (c.groups !== 1) {
    throw new ShapeError(`Picked cotangents are for convolutions of one group, got ${c.groups} groups.`);
  }
  const picks = from.length / Math.max(1, c.count);
  if (!Number.isInteger(picks) || values.length % Math.max(1, from.length) !== 0) {
    throw new ShapeError(
      `${from.length} picks with ${values.length} values are not as many for each of ${c.count} images.`,
    );
  }
  const size = filteredSize(c);
  for (let i = 0, k = 0; i < c.count; i++) {
    for (const end = k + picks; k < end; k++) {
      const place = from[k]! - i * size;
      if (from[k]! !== -1 && !(place >= 0 && place < size)) {
        throw new ShapeError(
          `Pick ${k} is ${from[k]}: neither -1 nor one of the ${size} numbers of its image (${i}).`,
        );
      }
    }
  }
  return picks;
}

interface Padded {
  readonly high: number;
  readonly wide: number;
  readonly pixel: number;
  readonly bytes: number;
}

/** An image with all that windows see around it, the channels of a pixel in whole vectors: see assembly/picked.ts. */
function paddedSize(c: Convolution, size: number): Padded {
  const along = (axis: 0 | 1, pixels: number) => {
    const seen = (c.outputs[axis] - 1) * c.stride[axis] + c.dilation[axis] * (c.kernel[axis] - 1) + 1;
    return Math.max(seen, c.padding[axis] + pixels);
  };
  const [high, wide] = [along(0, c.height), along(1, c.width)];
  const pixel = Math.ceil((c.channels * size) / 16) * 16;
  return { high, wide, pixel, bytes: high * wide * pixel };
}

/** Where the window at each position begins in a padded image, in bytes. */
function windowStarts({ outputs, stride }: Windows, { wide, pixel }: Padded): Int32Array {
  const starts = new Int32Array(outputs[0] * outputs[1]);
  for (let r = 0, k = 0; r < outputs[0]; r++) {
    for (let q = 0; q < outputs[1]; q++) starts[k++] = (r * stride[0] * wide + q * stride[1]) * pixel;
  }
  return starts;
}

/** Pull-backs of convolutions whose cotangent is 0 but at a few places. */
export const wasmPicked: Pick<ImageRoutines, "pickedPullbackImages" | "pickedPullbackWeights"> = {
  pickedPullbackImages(c, dy, weights, dimages) {
    const picks = expectPicks(c, dy);
    expectLength("values", dy.values, dy.from.length);
    expectLength("weights", weights, weightsSize(c));
    runPicked(
      "picked_pullback_images",
      c,
      picks,
      dy,
      { array: dimages, each: imageSize(c), use: "out" },
      { array: weights, each: 0, use: "in" },
    );
  },

  pickedPullbackWeights(c, images, dy, gradients) {
    const picks = expectPicks(c, dy);
    const sets = dy.from.length > 0 ? dy.values.length / dy.from.length : 0;
    const each = sets * (weightsSize(c) + c.filters);
    expectLength("gradients", gradients, c.count * each);
    runPicked(
      "picked_pullback_weights",
      c,
      picks,
      dy,
      { array: images, each: imageSize(c), use: "in" },
      { array: gradients, each, use: "out" },
    );
  },
};

function runPicked(
  routine: string,
  c: Convolution,
  picks: number,
  { from, values }: Picks<Floats>,
  images: Part,
  weights: Part,
): void {
  expectLength("images", images.array, c.count * imageSize(c));
  const sets = from.length > 0 ? values.length / from.length : 0;
  const padded = paddedSize(c, values.BYTES_PER_ELEMENT);
  const parts: Part[] = [
    images,
    { array: from, each: picks, use: "in" },
    { array: values, each: sets * picks, use: "in" },
    weights,
    { array: windowStarts(c, padded), each: 0, use: "in" },
  ];
  // Weights with the channels of a tap side by side: of all images the same, or gradients of each.
  const turned = c.filters * tapsOf(c) * padded.pixel;
  const shared = weights.each === 0;
  const work = 2 * sets * picks * c.channels * tapsOf(c);
  const workspace = padded.bytes + (shared ? 0 : sets * turned);
  runOnImages(routine, c, parts, work, workspace, ([x, f, v, w, starts], first, count, job) => [
    ...[x!, f!, v!, w!, picks, sets, first * filteredSize(c), starts!],
    job.place(shared ? turned : count * sets * turned).address,
    job.place(count * padded.bytes).address,
    ...[padded.high, padded.wide],
  ]);
}
