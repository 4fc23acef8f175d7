import { ShapeError } from "../../errors/index.ts";
import type { Floats } from "../engine.ts";
import { type Convolution, type ImageRoutines, positionsOf, tapsOf, type Windows } from "../images.ts";
import { type Job, type Place, useScratch } from "./machine.ts";

/** Scratch for a few images at a time: patches that are read again soon should still be in the caches. */
const CHUNK_BYTES = 8 * 2 ** 20;

const imageSize = (w: Windows): number => w.channels * w.height * w.width;
const pooledSize = (w: Windows): number => w.channels * positionsOf(w);
const columnsSize = (w: Windows): number => pooledSize(w) * tapsOf(w);
const filteredSize = (c: Convolution): number => c.filters * positionsOf(c);
const weightsSize = (c: Convolution): number => (c.filters * c.channels * tapsOf(c)) / c.groups;

function expectLength(name: string, array: Floats | Int32Array, length: number): void {
  if (array.length !== length) {
    throw new ShapeError(
      `${name} should have ${length} elements for these windows, but has ${array.length}.`,
    );
  }
}

function expectGroups({ channels, filters, groups }: Convolution): void {
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new ShapeError(
      `A convolution of ${channels} channels and ${filters} filters has no ${groups} groups.`,
    );
  }
}

/** Picks an image. */
function expectPicks(c: Convolution, from: Int32Array, values: Floats): number {
  if (c.groups !== 1) {
    throw new ShapeError(`Picked cotangents are for convolutions of one group, got ${c.groups} groups.`);
  }
  const picks = from.length / Math.max(1, c.count);
  if (!Number.isInteger(picks) || values.length % Math.max(1, from.length) !== 0) {
    throw new ShapeError(
      `${from.length} picks with ${values.length} values are not as many for each of ${c.count} images.`,
    );
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

/** As assembly/windows.ts reads them. */
function sizes(w: Windows, count: number): readonly number[] {
  const { filters = 0, groups = 1 } = w as Partial<Convolution>;
  return [
    ...[count, w.channels, w.height, w.width, ...w.kernel, ...w.stride, ...w.dilation],
    ...[...w.padding, ...w.outputs, filters, groups],
  ];
}

/** An array of which a run of images at a time is in scratch: `each` elements an image; 0: all of it, always. */
interface Part {
  readonly array: Floats | Int32Array;
  readonly each: number;
  readonly use: "in" | "out" | "sum";
}

/**
 * Runs `routine` on a few images at a time, `each` the bytes that one of them takes beside its parts, and `work` its
 * operations. `values` gives the routine's arguments after the windows from the parts' addresses, the first image
 * and the number of images.
 */
function run(
  routine: string,
  windows: Windows,
  parts: readonly Part[],
  work: number,
  workspace: number,
  values: (addresses: readonly number[], first: number, count: number, job: Job) => readonly number[],
): void {
  const wide = parts[0]!.array instanceof Float64Array;
  const bytes = workspace + parts.reduce((sum, { each, array }) => sum + each * array.BYTES_PER_ELEMENT, 0);
  const most = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, bytes)));
  for (let first = 0; first < windows.count; first += most) {
    const count = Math.min(most, windows.count - first);
    useScratch((job) => {
      const header = job.place(64);
      const places = parts.map(({ array, each }) =>
        job.place((each > 0 ? each * count : array.length) * array.BYTES_PER_ELEMENT),
      );
      const rest = values(
        places.map(({ address }) => address),
        first,
        count,
        job,
      );
      job.open();
      job.i32(header).set(sizes(windows, count));
      const view = (place: Place, array: Floats | Int32Array) =>
        array instanceof Int32Array ? job.i32(place) : wide ? job.f64(place) : job.f32(place);
      const slice = ({ array, each }: Part) =>
        each > 0 ? array.subarray(first * each, (first + count) * each) : array;
      parts.forEach((part, i) => {
        const needed = part.use === "in" || (part.use === "sum" && first > 0);
        if (needed) view(places[i]!, part.array).set(slice(part));
      });
      job.run(`${routine}_${wide ? "f64" : "f32"}`, work * count, header.address, ...rest);
      parts.forEach((part, i) => {
        if (part.use !== "in") slice(part).set(view(places[i]!, part.array));
      });
    });
  }
}

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
  expectGroups(c);
  const [images, filtered, weights] = parts;
  expectLength("images", images.array, c.count * imageSize(c));
  expectLength("y", filtered.array, c.count * filteredSize(c));
  expectLength("weights", weights.array, weightsSize(c));
  const size = images.array.BYTES_PER_ELEMENT;
  const work = 2 * weightsSize(c) * positionsOf(c) + 2 * columnsSize(c);
  run(routine, c, parts, work, (columnsSize(c) + filteredSize(c)) * size, (addresses, first, count, job) => [
    ...order.map((i) => addresses[i]!),
    ...workspaces(job, c, count, size),
    ...(weights.use === "sum" ? [first === 0 ? 1 : 0] : []),
  ]);
}

export const wasmImages: ImageRoutines = {
  im2col(w, images, columns) {
    expectLength("images", images, w.count * imageSize(w));
    expectLength("columns", columns, w.count * columnsSize(w));
    const parts: Part[] = [
      { array: images, each: imageSize(w), use: "in" },
      { array: columns, each: columnsSize(w), use: "out" },
    ];
    run("im2col", w, parts, 4 * columnsSize(w), 0, (addresses) => addresses);
  },

  col2im(w, columns, images) {
    expectLength("images", images, w.count * imageSize(w));
    expectLength("columns", columns, w.count * columnsSize(w));
    const parts: Part[] = [
      { array: columns, each: columnsSize(w), use: "in" },
      { array: images, each: imageSize(w), use: "out" },
    ];
    run("col2im", w, parts, 4 * columnsSize(w), 0, (addresses) => addresses);
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

  pickedPullbackImages(c, { from, values }, weights, dimages) {
    const picks = expectPicks(c, from, values);
    expectLength("images", dimages, c.count * imageSize(c));
    expectLength("weights", weights, weightsSize(c));
    expectLength("values", values, from.length);
    const padded = paddedSize(c, weights.BYTES_PER_ELEMENT);
    const parts: Part[] = [
      { array: values, each: picks, use: "in" },
      { array: from, each: picks, use: "in" },
      { array: weights, each: 0, use: "in" },
      { array: windowStarts(c, padded), each: 0, use: "in" },
      { array: dimages, each: imageSize(c), use: "out" },
    ];
    const work = 2 * picks * c.channels * tapsOf(c);
    run("picked_pullback_images", c, parts, work, padded.bytes, (addresses, first, count, job) => [
      ...[addresses[1]!, addresses[0]!, addresses[2]!, addresses[4]!, picks, first * filteredSize(c)],
      addresses[3]!,
      job.place(c.filters * tapsOf(c) * padded.pixel).address,
      job.place(count * padded.bytes).address,
      ...[padded.high, padded.wide],
    ]);
  },

  pickedPullbackWeights(c, images, { from, values }, gradients) {
    const picks = expectPicks(c, from, values);
    const sets = from.length > 0 ? values.length / from.length : 0;
    const each = sets * (weightsSize(c) + c.filters);
    expectLength("images", images, c.count * imageSize(c));
    expectLength("gradients", gradients, c.count * each);
    const padded = paddedSize(c, images.BYTES_PER_ELEMENT);
    const parts: Part[] = [
      { array: images, each: imageSize(c), use: "in" },
      { array: from, each: picks, use: "in" },
      { array: values, each: sets * picks, use: "in" },
      { array: windowStarts(c, padded), each: 0, use: "in" },
      { array: gradients, each, use: "out" },
    ];
    const turned = sets * c.filters * tapsOf(c) * padded.pixel;
    const work = 2 * sets * picks * c.channels * tapsOf(c);
    run("picked_pullback_weights", c, parts, work, padded.bytes + turned, (addresses, first, count, job) => [
      ...[...addresses.slice(0, 3), addresses[4]!, picks, sets, first * filteredSize(c), addresses[3]!],
      job.place(count * turned).address,
      job.place(count * padded.bytes).address,
      ...[padded.high, padded.wide],
    ]);
  },

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
    run("max_pool", w, parts, work, 0, (addresses, first) => [...addresses, first * imageSize(w)]);
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
  run("sum_pool", w, parts, 4 * columnsSize(w), 0, (addresses) => [...addresses, back]);
}
