import { barrier, take } from "./parallel";
import { bytes, lanes, madd } from "./simd";
import {
  channels,
  clear,
  col_dilation,
  cols,
  count,
  filters,
  first_col,
  first_row,
  height,
  row_dilation,
  rows,
  tap_cols,
  tap_rows,
  width,
} from "./windows";

/**
 * Pull-backs of convolutions (of one group) whose cotangent is 0 but at few places, as behind a max pool: place by place.
 * Images lie padded, `high` × `wide` pixels with the channels of a pixel side by side: what a window sees are then runs of
 * numbers. Filters lie in the same order.
 */

/** Channels of a pixel, filled up to whole vectors. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function pixel_bytes<T>(w: usize): usize {
  return bytes<T>((channels(w) + lanes<T>() - 1) & ~(lanes<T>() - 1));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function taps(w: usize): i32 {
  return tap_rows(w) * tap_cols(w);
}

/** A filter's weights [channel, tap] to or (with `back`) from [tap, channel]. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function turn<T>(w: usize, weights: usize, turned: usize, back: bool): void {
  const pixel = pixel_bytes<T>(w);
  for (let c = 0; c < channels(w); c++) {
    let at = turned + bytes<T>(c);
    for (let tap = 0; tap < taps(w); tap++) {
      if (back) store<T>(weights, load<T>(at));
      else store<T>(at, load<T>(weights));
      weights += sizeof<T>();
      at += pixel;
    }
  }
}

/** An image's planes to or (with `back`) from its padded pixels. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function pad<T>(w: usize, image: usize, padded: usize, wide: i32, back: bool): void {
  const pixel = pixel_bytes<T>(w);
  const corner = padded - <usize>(first_row(w, 0) * wide + first_col(w, 0)) * pixel;
  for (let c = 0; c < channels(w); c++) {
    for (let y = 0; y < height(w); y++) {
      let at = corner + <usize>(y * wide) * pixel + bytes<T>(c);
      for (let x = 0; x < width(w); x++) {
        if (back) store<T>(image, load<T>(at));
        else store<T>(at, load<T>(image));
        image += sizeof<T>();
        at += pixel;
      }
    }
  }
}

/** to += factor from, whole vectors, four at a time: the loop's own steps cost as much as a vector's. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add_times<T>(to: usize, from: usize, factor: v128, size: usize): void {
  const end = to + size;
  for (; to + 64 <= end; to += 64) {
    v128.store(to, madd<T>(factor, v128.load(from), v128.load(to)));
    v128.store(to, madd<T>(factor, v128.load(from, 16), v128.load(to, 16)), 16);
    v128.store(to, madd<T>(factor, v128.load(from, 32), v128.load(to, 32)), 32);
    v128.store(to, madd<T>(factor, v128.load(from, 48), v128.load(to, 48)), 48);
    from += 64;
  }
  if (end - to >= 32) {
    v128.store(to, madd<T>(factor, v128.load(from), v128.load(to)));
    v128.store(to, madd<T>(factor, v128.load(from, 16), v128.load(to, 16)), 16);
    to += 32;
    from += 32;
  }
  if (to < end) v128.store(to, madd<T>(factor, v128.load(from), v128.load(to)));
}

/** The filter of a place, most often that of the one before: a division takes as long as a dozen sums. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function filter_of(place: i32, before: i32, positions: i32): i32 {
  return <u32>(place - before * positions) < <u32>positions ? before : place / positions;
}

/**
 * Adds a factor times `rows` × `runs` runs of numbers of a window to those of a filter, which follow each other, or with `back`
 * the other way round.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add_windows<T>(
  window: usize,
  weights: usize,
  factor: T,
  rows: i32,
  down: usize,
  runs: i32,
  across: usize,
  run: usize,
  back: bool,
): void {
  const factors = v128.splat<T>(factor);
  for (let a = 0; a < rows; a++) {
    let at = window;
    for (let b = 0; b < runs; b++) {
      if (back) add_times<T>(at, weights, factors, run);
      else add_times<T>(weights, at, factors, run);
      weights += run;
      at += across;
    }
    window += down;
  }
}

/**
 * Of each image there are `picks` places, their indices in all cotangents at `from` (those of the images before: `base`; −1:
 * none). `starts` says where the window at each position begins in a padded image, in bytes; `padded` is room for the images.
 *
 * The gradient of each image for each of `sets` lists of values at its places, [filter, features + 1]: what the window at each
 * place sees times its value, and last the sum of the values; `turned` is room for as many. Or with `back` the pull-back of
 * one list to the images: each filter times its values at the windows; `weights` are read, `turned` is room for them.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function pullback_picked<T>(
  w: usize,
  images: usize,
  from: usize,
  values: usize,
  weights: usize,
  picks: i32,
  sets: i32,
  base: i32,
  starts: usize,
  turned: usize,
  padded: usize,
  high: i32,
  wide: i32,
  back: bool,
): void {
  const pixel = pixel_bytes<T>(w);
  const across = <usize>col_dilation(w) * pixel;
  const runs = col_dilation(w) == 1 ? 1 : tap_cols(w);
  const run = col_dilation(w) == 1 ? <usize>tap_cols(w) * pixel : pixel;
  const down = <usize>(row_dilation(w) * wide) * pixel;
  const lines = tap_rows(w);
  const positions = rows(w) * cols(w);
  const places = filters(w) * positions;
  const size = <usize>(high * wide) * pixel;
  const plane = bytes<T>(channels(w) * height(w) * width(w));
  const filter = <usize>taps(w) * pixel;
  const row = bytes<T>(channels(w) * taps(w) + 1);
  const list = bytes<T>(picks);
  const each = filters(w);
  const gradients = sets * each;
  if (back) {
    for (let t = take(-1); t < filters(w); t = take(t)) {
      const to = turned + <usize>t * filter;
      clear(to, filter);
      turn<T>(w, weights + bytes<T>(t * channels(w) * taps(w)), to, false);
    }
    barrier();
  }
  for (let t = take(-1); t < count(w); t = take(t)) {
    const image = padded + <usize>t * size;
    const sums = back ? turned : turned + <usize>(t * gradients) * filter;
    const out = weights + <usize>(t * gradients) * row;
    clear(image, size);
    if (!back) {
      clear(sums, <usize>gradients * filter);
      clear(out, <usize>gradients * row);
      pad<T>(w, images + <usize>t * plane, image, wide, false);
    }
    let f = 0;
    for (let k = 0; k < picks; k++) {
      const index = load<i32>(from + (<usize>(t * picks + k) << 2));
      if (index < 0) continue;
      const place = index - base - t * places;
      f = filter_of(place, f, positions);
      const window = image + load<i32>(starts + (<usize>(place - f * positions) << 2));
      let at = values + bytes<T>(t * sets * picks + k);
      let own = sums + <usize>f * filter;
      let bias = out + <usize>(f + 1) * row - sizeof<T>();
      for (let s = 0; s < sets; s++) {
        const value = load<T>(at);
        if (value != 0) {
          add_windows<T>(window, own, value, lines, down, runs, across, run, back);
          if (!back) store<T>(bias, <T>(load<T>(bias) + value));
        }
        at += list;
        own += <usize>each * filter;
        bias += <usize>each * row;
      }
    }
    if (back) {
      pad<T>(w, images + <usize>t * plane, image, wide, true);
      continue;
    }
    for (let g = 0; g < gradients; g++) {
      turn<T>(w, out + <usize>g * row, sums + <usize>g * filter, true);
    }
  }
  barrier();
}
