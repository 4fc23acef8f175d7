import type { Block, Floats } from "../engine/engine.ts";
import {
  type Convolution,
  type Engine,
  type ImageRoutines,
  positionsOf,
  tapsOf,
  wasm,
} from "../engine/index.ts";
import {
  CHUNK_BYTES,
  expectConvolution,
  filteredSize,
  imageSize,
  sizes,
  weightsSize,
} from "../engine/wasm/image-job.ts";
import { useScratch } from "../engine/wasm/machine.ts";

type Convolutions = Pick<ImageRoutines, "convolve" | "convolvePullbackImages" | "convolvePullbackWeights">;

/** Operations of an image's product from which it is one of its own, with nothing copied. */
const ownProduct = 3e7;
/** Operations of a whole convolution, and filters of a group, below which WASM is as fast in its own caches (measured). */
const fewOperations = 4e6;
const fewFilters = 32;

/**
 * Convolutions by a library's matrix products on the patches of a few images: WASM unfolds these and folds them back, in the
 * memory in which the library reads and writes them.
 */
export function nativeConvolutions(gemm: Engine["gemm"]): Convolutions {
  return {
    convolve(c, images, weights, y) {
      if (isSmall(c)) return wasm.convolve(c, images, weights, y);
      expectConvolution(c, images, y, weights);
      inChunks(c, images, (chunk) => {
        chunk.unfold(false);
        chunk.products(y, "out", ({ filters, features, columns, at, filtered, patches }) => {
          const w = { data: weights, ...at, transposed: false };
          gemm(filters, columns, features, 1, w, { ...patches, transposed: false }, 0, filtered);
        });
      });
    },

    convolvePullbackImages(c, dy, weights, dimages) {
      if (isSmall(c)) return wasm.convolvePullbackImages(c, dy, weights, dimages);
      expectConvolution(c, dimages, dy, weights);
      inChunks(c, dimages, (chunk) => {
        chunk.products(dy, "in", ({ filters, features, columns, at, filtered, patches }) => {
          const w = { data: weights, ...at, transposed: true };
          gemm(features, columns, filters, 1, w, { ...filtered, transposed: false }, 0, patches);
        });
        chunk.unfold(true);
      });
    },

    convolvePullbackWeights(c, images, dy, dweights) {
      if (isSmall(c)) return wasm.convolvePullbackWeights(c, images, dy, dweights);
      expectConvolution(c, images, dy, dweights);
      inChunks(c, images, (chunk) => {
        chunk.unfold(false);
        chunk.products(dy, "in", ({ filters, features, columns, at, filtered, patches, first }) => {
          const a = { ...filtered, transposed: false };
          const b = { ...patches, transposed: true };
          gemm(filters, features, columns, 1, a, b, first ? 0 : 1, { data: dweights, ...at });
        });
      });
    },
  };
}

function isSmall(c: Convolution): boolean {
  return c.filters / c.groups < fewFilters || 2 * c.count * weightsSize(c) * positionsOf(c) < fewOperations;
}

/** One product of a group: weights (filters × features, at `at`), patches (features × columns), filtered planes. */
interface Product<A extends Floats> {
  readonly filters: number;
  readonly features: number;
  readonly columns: number;
  readonly at: { readonly offset: number; readonly stride: number };
  readonly filtered: Block<A>;
  readonly patches: Block<A>;
  /** Whether it is the first of its group in the whole batch. */
  readonly first: boolean;
}

interface Chunk<A extends Floats> {
  /** The images' patches, or with `back` the images from their patches. */
  unfold(back: boolean): void;
  /** The products of these images, `filtered` [count, filters, positions] being read or written. */
  products(filtered: A, use: "in" | "out", body: (product: Product<A>) => void): void;
}

/** A few images at a time, their patches side by side: rows of (channel, tap), columns of (image, position). */
function inChunks<A extends Floats>(c: Convolution, images: A, body: (chunk: Chunk<A>) => void): void {
  const size = images.BYTES_PER_ELEMENT;
  const positions = positionsOf(c);
  const patchRows = c.channels * tapsOf(c);
  const imageBytes = (imageSize(c) + (patchRows + c.filters) * positions) * size;
  const most = Math.max(1, Math.floor(CHUNK_BYTES / imageBytes));
  for (let first = 0; first < c.count; first += most) {
    const count = Math.min(most, c.count - first);
    useScratch((job) => {
      const row = count * positions * size;
      // Off powers of two, at which all rows of a tile would fall into the same cache sets.
      const stride = row + (row % 512 === 0 ? 64 : 0);
      const header = job.place(64);
      const pixels = job.place(count * imageSize(c) * size);
      const unfolded = job.place(patchRows * stride);
      const planes = job.place(c.filters * row);
      job.open();
      job.i32(header).set(sizes(c, count));
      const view = (place: typeof pixels) =>
        (images instanceof Float64Array ? job.f64(place) : job.f32(place)) as A;
      const own = images.subarray(first * imageSize(c), (first + count) * imageSize(c));
      const routine = `unfold_${size === 8 ? "f64" : "f32"}`;
      body({
        unfold(back) {
          if (!back) view(pixels).set(own);
          const to = [header.address, pixels.address, unfolded.address, stride, back ? 1 : 0];
          job.run(routine, 4 * count * patchRows * positions, ...to);
          if (back) own.set(view(pixels));
        },
        products(filtered, use, each) {
          const patches = { data: view(unfolded), stride: stride / size };
          eachProduct(c, { first, count, filtered, use, planes: view(planes), patches }, each);
        },
      });
    });
  }
}

interface ProductsOf<A extends Floats> {
  readonly first: number;
  readonly count: number;
  readonly filtered: A;
  readonly use: "in" | "out";
  /** Room for the planes of a filter side by side. */
  readonly planes: A;
  readonly patches: { readonly data: A; readonly stride: number };
}

/** Large images are products of their own, their planes where they lie; of others the planes are laid side by side. */
function eachProduct<A extends Floats>(
  c: Convolution,
  { first, count, filtered, use, planes, patches }: ProductsOf<A>,
  body: (product: Product<A>) => void,
): void {
  const positions = positionsOf(c);
  const features = (c.channels / c.groups) * tapsOf(c);
  const filters = c.filters / c.groups;
  const apart = count === 1 || 2 * filters * features * positions >= ownProduct;
  if (!apart && use === "in") movePlanes(c, filtered, first, count, planes, false);
  for (let i = 0; i < (apart ? count : 1); i++) {
    const columns = apart ? positions : count * positions;
    for (let g = 0; g < c.groups; g++) {
      const start = apart ? (first + i) * filteredSize(c) : 0;
      body({
        filters,
        features,
        columns,
        at: { offset: g * filters * features, stride: features },
        filtered: {
          data: apart ? filtered : planes,
          offset: start + g * filters * columns,
          stride: columns,
        },
        patches: { ...patches, offset: g * features * patches.stride + i * positions },
        first: first + i === 0,
      });
    }
  }
  if (!apart && use === "out") movePlanes(c, filtered, first, count, planes, true);
}

/** [image, filter, position] to [filter, image, position], or `back`. */
function movePlanes(
  c: Convolution,
  filtered: Floats,
  first: number,
  count: number,
  planes: Floats,
  back: boolean,
): void {
  const positions = positionsOf(c);
  for (let i = 0; i < count; i++) {
    for (let f = 0; f < c.filters; f++) {
      const from = ((first + i) * c.filters + f) * positions;
      const to = (f * count + i) * positions;
      if (back) filtered.set(planes.subarray(to, to + positions), from);
      else planes.set(filtered.subarray(from, from + positions), to);
    }
  }
}
