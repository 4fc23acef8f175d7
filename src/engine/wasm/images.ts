import type { Floats } from "../engine.ts";
import { type Convolution, type ImageRoutines, positionsOf, tapsOf, type Windows } from "../images.ts";
import {
  columnsSize,
  expectConvolution,
  expectLength,
  filteredSize,
  imageSize,
  type Part,
  pooledSize,
  runOnImages,
  weightsSize,
} from "./image-job.ts";
import type { Job } from "./machine.ts";
import { wasmPicked } from "./picked.ts";

/** The workspaces of a convolution of so many images, behind its parts: patches, filters by positions, and stride. */
function workspaces(job: Job, c: Convolution, count: number, size: number): readonly number[] {
  const row = count * positionsOf(c) * size;
  // Off powers of two, at which all rows of a tile would fall into the same cache sets.
  const stride = row + (row % 512 === 0 ? 64 : 0);
  const patches = job.place(c.channels * tapsOf(c) * stride);
  const flat = job.place(c.filters * stride);
  return [patches.address, flat.address, stride];
}

function runConvolution(
  routine: string,
  c: Convolution,
  parts: readonly [images: Part, filtered: Part, weights: Part],
  order: readonly [number, number, number],
): void {
  const [images, filtered, weights] = parts;
  const [x, y, w] = [images.array, filtered.array, weights.array] as [Floats, Floats, Floats];
  expectConvolution(c, x, y, w);
  const size = images.array.BYTES_PER_ELEMENT;
  const work = 2 * weightsSize(c) * positionsOf(c) + 2 * columnsSize(c);
  runOnImages(
    routine,
    c,
    parts,
    work,
    (columnsSize(c) + filteredSize(c)) * size,
    (addresses, first, count, job) => [
      ...order.map((i) => addresses[i]!),
      ...workspaces(job, c, count, size),
      ...(weights.use === "sum" ? [first === 0 ? 1 : 0] : []),
    ],
  );
}

export const wasmImages: ImageRoutines = {
  im2col(w, images, columns) {
    expectLength("images", images, w.count * imageSize(w));
    expectLength("columns", columns, w.count * columnsSize(w));
    const parts: Part[] = [
      { array: images, each: imageSize(w), use: "in" },
      { array: columns, each: columnsSize(w), use: "out" },
    ];
    runOnImages("im2col", w, parts, 4 * columnsSize(w), 0, (addresses) => addresses);
  },

  col2im(w, columns, images) {
    expectLength("images", images, w.count * imageSize(w));
    expectLength("columns", columns, w.count * columnsSize(w));
    const parts: Part[] = [
      { array: columns, each: columnsSize(w), use: "in" },
      { array: images, each: imageSize(w), use: "out" },
    ];
    runOnImages("col2im", w, parts, 4 * columnsSize(w), 0, (addresses) => addresses);
  },

  convolve(c, images, weights, y) {
    runConvolution(
      "convolve",
      c,
      [
        { array: images, each: imageSize(c), use: "in" },
        { array: y, each: filteredSize(c), use: "out" },
        { array: weights, each: 0, use: "in" },
      ],
      [0, 2, 1],
    );
  },

  convolvePullbackImages(c, dy, weights, dimages) {
    runConvolution(
      "convolve_pullback_images",
      c,
      [
        { array: dimages, each: imageSize(c), use: "out" },
        { array: dy, each: filteredSize(c), use: "in" },
        { array: weights, each: 0, use: "in" },
      ],
      [1, 2, 0],
    );
  },

  convolvePullbackWeights(c, images, dy, dweights) {
    if (c.count === 0) dweights.fill(0);
    runConvolution(
      "convolve_pullback_weights",
      c,
      [
        { array: images, each: imageSize(c), use: "in" },
        { array: dy, each: filteredSize(c), use: "in" },
        { array: dweights, each: 0, use: "sum" },
      ],
      [0, 1, 2],
    );
  },

  ...wasmPicked,

  maxPool(w, images, y, from) {
    expectLength("images", images, w.count * imageSize(w));
    expectLength("y", y, w.count * pooledSize(w));
    expectLength("from", from, w.count * pooledSize(w));
    const parts: Part[] = [
      { array: images, each: imageSize(w), use: "in" },
      { array: y, each: pooledSize(w), use: "out" },
      { array: from, each: pooledSize(w), use: "out" },
    ];
    const work = 4 * columnsSize(w);
    runOnImages("max_pool", w, parts, work, 0, (addresses, first) => [...addresses, first * imageSize(w)]);
  },

  sumPool(w, factors, images, y) {
    pool(w, factors, { array: images, use: "in" }, { array: y, use: "out" });
  },

  sumPoolPullback(w, factors, dy, dimages) {
    pool(w, factors, { array: dimages, use: "out" }, { array: dy, use: "in" });
  },
};

function pool(w: Windows, factors: Floats, images: Omit<Part, "each">, y: Omit<Part, "each">): void {
  expectLength("factors", factors, positionsOf(w));
  expectLength("images", images.array, w.count * imageSize(w));
  expectLength("y", y.array, w.count * pooledSize(w));
  const parts: Part[] = [
    { array: factors, each: 0, use: "in" },
    { ...images, each: imageSize(w) },
    { ...y, each: pooledSize(w) },
  ];
  const back = y.use === "in" ? 1 : 0;
  runOnImages("sum_pool", w, parts, 4 * columnsSize(w), 0, (addresses) => [...addresses, back]);
}
