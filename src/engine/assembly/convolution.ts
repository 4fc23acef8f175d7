import { gemm } from "./gemm";
import { alone, barrier, mark, push, release, take, thread, together } from "./parallel";
import { bytes } from "./simd";
import {
  add_to,
  channels,
  clear,
  cols,
  copy,
  count,
  filters,
  groups,
  height,
  rows,
  tap_cols,
  tap_rows,
  unfold,
  unfold_plane,
  width,
} from "./windows";

/**
 * Convolutions as matrix products over the patches of a few images at a time: weights (filters × features) by
 * patches (features × all positions). `patches` and `flat` are workspaces of so many rows, `stride` bytes apart; in
 * `flat` a filter's row holds its planes of all images, which lie apart in y.
 */

/** y [image, filter, position] to flat [filter, image, position], or with `back` the other way round. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function flatten<T>(w: usize, y: usize, flat: usize, stride: usize, back: bool): void {
  const size = bytes<T>(rows(w) * cols(w));
  const tasks = count(w) * filters(w);
  for (let t = take(-1); t < tasks; t = take(t)) {
    const plane = y + <usize>t * size;
    const row = flat + <usize>(t % filters(w)) * stride + <usize>(t / filters(w)) * size;
    if (back) copy(plane, row, size);
    else copy(row, plane, size);
  }
  barrier();
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function features(w: usize): i32 {
  return (channels(w) / groups(w)) * tap_rows(w) * tap_cols(w);
}

/** Products smaller than these are one thread's each: what a thread packs must fit its own workspace (1 MiB). */
const MOST_ROWS: i32 = 128;
const MOST_PACKED: i32 = 49152;

/** For each group g, C_g ← A_g B_g: A_g is m × k at a + g m k, B_g has k rows and C_g m rows, `stride` bytes apart. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function products<T>(
  parts: i32,
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  ars: isize,
  acs: isize,
  b: usize,
  c: usize,
  stride: usize,
): void {
  const apart = parts > 1 && m <= MOST_ROWS;
  const piece = apart ? max(64, MOST_PACKED / min(k, 256)) : n;
  const pieces = (n + piece - 1) / piece;
  const tasks = parts * pieces;
  for (let t = apart ? take(-1) : 0; t < tasks; t = apart ? take(t) : t + 1) {
    const g = t / pieces;
    const j = (t % pieces) * piece;
    const from = b + <usize>(g * k) * stride + bytes<T>(j);
    const to = c + <usize>(g * m) * stride + bytes<T>(j);
    const team = apart ? alone() : 0;
    const left = a + bytes<T>(g * m * k);
    gemm<T>(m, min(piece, n - j), k, <T>1, left, ars, acs, from, stride, sizeof<T>(), true, to, stride, false);
    if (apart) together(team);
  }
  if (apart) barrier();
}

/** What a thread may use alone for an image's patches and what it packs of their product; images that are enough work. */
const MOST_ALONE: usize = 900000;
const LEAST_POSITIONS: i32 = 64;
const LEAST_IMAGES: i32 = 4;

/**
 * Whether each image is one thread's work from its patches to its product, which stay in that thread's cache. C_g = A_g B_g
 * is m × positions with an inner size of k, for each group.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function fits_alone<T>(w: usize, m: i32, k: i32): bool {
  const n = rows(w) * cols(w);
  const packed = <usize>(m + n + 64) * <usize>min(k, 256);
  const patches = <usize>(groups(w) * features(w)) * <usize>n;
  return n >= LEAST_POSITIONS && count(w) >= LEAST_IMAGES && (packed + patches) * sizeof<T>() <= MOST_ALONE;
}

/** `convolve` or, with `back`, `pullback_images`, an image at a time. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function by_image<T>(w: usize, images: usize, weights: usize, y: usize, back: bool): void {
  const depth = features(w);
  const each = filters(w) / groups(w);
  const n = rows(w) * cols(w);
  const row = bytes<T>(n);
  const plane = bytes<T>(height(w) * width(w));
  // Off powers of two, at which all rows of a tile would fall into the same cache sets.
  const stride = row + (row % 512 == 0 ? 64 : 0);
  const taps = <usize>(tap_rows(w) * tap_cols(w)) * stride;
  for (let t = take(-1); t < count(w); t = take(t)) {
    const team = alone();
    const saved = mark();
    const patches = push(<usize>(groups(w) * depth) * stride);
    const image = images + <usize>(t * channels(w)) * plane;
    const out = y + <usize>(t * filters(w)) * row;
    if (!back) {
      for (let c = 0; c < channels(w); c++) {
        unfold_plane<T>(w, image + <usize>c * plane, patches + <usize>c * taps, stride, false);
      }
    }
    for (let g = 0; g < groups(w); g++) {
      const a = weights + bytes<T>(g * each * depth);
      const p = patches + <usize>(g * depth) * stride;
      const q = out + <usize>(g * each) * row;
      if (back) gemm<T>(depth, n, each, <T>1, a, sizeof<T>(), bytes<T>(depth), q, row, sizeof<T>(), true, p, stride, false);
      else gemm<T>(each, n, depth, <T>1, a, bytes<T>(depth), sizeof<T>(), p, stride, sizeof<T>(), true, q, row, false);
    }
    if (back) {
      for (let c = 0; c < channels(w); c++) {
        unfold_plane<T>(w, image + <usize>c * plane, patches + <usize>c * taps, stride, true);
      }
    }
    release(saved);
    together(team);
  }
  barrier();
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function convolve<T>(
  w: usize,
  images: usize,
  weights: usize,
  y: usize,
  patches: usize,
  flat: usize,
  stride: usize,
): void {
  const k = features(w);
  const m = filters(w) / groups(w);
  if (fits_alone<T>(w, m, k)) {
    by_image<T>(w, images, weights, y, false);
    return;
  }
  unfold<T>(w, images, patches, stride, false);
  const n = count(w) * rows(w) * cols(w);
  products<T>(groups(w), m, n, k, weights, bytes<T>(k), sizeof<T>(), patches, flat, stride);
  flatten<T>(w, y, flat, stride, true);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function pullback_images<T>(
  w: usize,
  dy: usize,
  weights: usize,
  images: usize,
  patches: usize,
  flat: usize,
  stride: usize,
): void {
  const m = features(w);
  const k = filters(w) / groups(w);
  if (fits_alone<T>(w, m, k)) {
    by_image<T>(w, images, weights, dy, true);
    return;
  }
  flatten<T>(w, dy, flat, stride, false);
  const n = count(w) * rows(w) * cols(w);
  products<T>(groups(w), m, n, k, weights, sizeof<T>(), bytes<T>(m), flat, patches, stride);
  unfold<T>(w, images, patches, stride, true);
}

/** Sums over positions are kept in this many fixed parts, so that they do not depend on the threads. */
const PARTS: i32 = 8;

/** Adds to dweights unless `fresh`. Few weights are many threads' work in parts of the positions. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function pullback_weights<T>(
  w: usize,
  images: usize,
  dy: usize,
  dweights: usize,
  patches: usize,
  flat: usize,
  stride: usize,
  fresh: bool,
): void {
  unfold<T>(w, images, patches, stride, false);
  flatten<T>(w, dy, flat, stride, false);
  const n = features(w);
  const m = filters(w) / groups(w);
  const k = count(w) * rows(w) * cols(w);
  const size = bytes<T>(groups(w) * m * n);
  const saved = mark();
  const split = m + n <= 2 * MOST_ROWS && size <= 1 << 20;
  const parts = split ? PARTS : 1;
  const sums = split ? push(<usize>PARTS * size) : dweights;
  const piece = (k + parts - 1) / parts;
  for (let t = split ? take(-1) : 0; t < parts; t = split ? take(t) : t + 1) {
    const p = min(k, t * piece);
    const q = min(k, p + piece);
    const team = split ? alone() : 0;
    for (let g = 0; g < groups(w); g++) {
      const a = flat + <usize>(g * m) * stride + bytes<T>(p);
      const b = patches + <usize>(g * n) * stride + bytes<T>(p);
      const c = sums + <usize>t * size + bytes<T>(g * m * n);
      if (split) clear(c, bytes<T>(m * n));
      const first = fresh && !split;
      gemm<T>(m, n, q - p, <T>1, a, stride, sizeof<T>(), b, sizeof<T>(), stride, first, c, bytes<T>(n), false);
    }
    if (split) together(team);
  }
  if (split) {
    barrier();
    if (fresh) {
      if (thread == 0) clear(dweights, size);
      barrier();
    }
    add_parts<T>(dweights, sums, size);
  }
  release(saved);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add_parts<T>(to: usize, parts: usize, size: usize): void {
  const CHUNK: usize = 4096;
  const tasks = <i32>((size + CHUNK - 1) / CHUNK);
  for (let t = take(-1); t < tasks; t = take(t)) {
    const end = min(size, <usize>(t + 1) * CHUNK);
    for (let i = <usize>t * CHUNK; i < end; i += sizeof<T>()) {
      for (let p = 0; p < PARTS; p++) add_to<T>(to + i, load<T>(parts + <usize>p * size + i));
    }
  }
  barrier();
}
