import { gemm } from "./gemm";
import { barrier, take } from "./parallel";
import { bytes } from "./simd";
import { channels, cols, copy, count, filters, groups, rows, tap_cols, tap_rows, unfold } from "./windows";

/**
 * Convolutions as matrix products over the patches of a few images at a time: weights (filters × features) by
 * patches (features × all positions). `patches` and `flat` are workspaces of so many rows, `stride` bytes apart; in
 * `flat` a filter's row holds its planes of all images, which lie apart in y.
 */

/** y [image, filter, position] to flat [filter, image, position], or with `back` the other way round. */
// @ts-ignore: decorator
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

// @ts-ignore: decorator
@inline
function features(w: usize): i32 {
  return (channels(w) / groups(w)) * tap_rows(w) * tap_cols(w);
}

// @ts-ignore: decorator
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
  unfold<T>(w, images, patches, stride, false);
  const k = features(w);
  const m = filters(w) / groups(w);
  const n = count(w) * rows(w) * cols(w);
  for (let g = 0; g < groups(w); g++) {
    const a = weights + bytes<T>(g * m * k);
    const b = patches + <usize>(g * k) * stride;
    const c = flat + <usize>(g * m) * stride;
    gemm<T>(m, n, k, <T>1, a, bytes<T>(k), sizeof<T>(), b, stride, sizeof<T>(), true, c, stride, false);
  }
  flatten<T>(w, y, flat, stride, true);
}

// @ts-ignore: decorator
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
  flatten<T>(w, dy, flat, stride, false);
  const m = features(w);
  const k = filters(w) / groups(w);
  const n = count(w) * rows(w) * cols(w);
  for (let g = 0; g < groups(w); g++) {
    const a = weights + bytes<T>(g * m * k);
    const b = flat + <usize>(g * k) * stride;
    const c = patches + <usize>(g * m) * stride;
    gemm<T>(m, n, k, <T>1, a, sizeof<T>(), bytes<T>(m), b, stride, sizeof<T>(), true, c, stride, false);
  }
  unfold<T>(w, images, patches, stride, true);
}

/** Adds to dweights unless `fresh`. */
// @ts-ignore: decorator
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
  for (let g = 0; g < groups(w); g++) {
    const a = flat + <usize>(g * m) * stride;
    const b = patches + <usize>(g * n) * stride;
    const c = dweights + bytes<T>(g * m * n);
    gemm<T>(m, n, k, <T>1, a, stride, sizeof<T>(), b, sizeof<T>(), stride, fresh, c, bytes<T>(n), false);
  }
}
