import { barrier, take } from "./parallel";
import { bytes } from "./simd";
import {
  add_to,
  channels,
  clear,
  col_dilation,
  cols,
  count,
  entering,
  first_col,
  first_row,
  height,
  leaving,
  row_dilation,
  rows,
  tap_cols,
  tap_rows,
  width,
} from "./windows";

/** The largest pixel of each window and its index, counted from `first`: tap by tap, a row of windows at a time. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function max_pool<T>(w: usize, images: usize, y: usize, source: usize, first: i32): void {
  const dr = row_dilation(w);
  const dc = col_dilation(w);
  const h = height(w);
  const wide = width(w);
  const kr = tap_rows(w);
  const kc = tap_cols(w);
  const n = cols(w);
  const x0 = first_col(w, 0);
  const step = first_col(w, 1) - x0;
  const planes = count(w) * channels(w);
  for (let t = take(-1); t < planes; t = take(t)) {
    for (let r = 0; r < rows(w); r++) {
      const at = (t * rows(w) + r) * n;
      const best = y + bytes<T>(at);
      const index = source + (<usize>at << 2);
      for (let q = 0; q < n; q++) {
        store<T>(best + bytes<T>(q), <T>-Infinity);
        store<i32>(index + (<usize>q << 2), -1);
      }
      const y0 = first_row(w, r);
      const a1 = leaving(y0, dr, h, kr);
      for (let a = entering(y0, dr); a < a1; a++) {
        const row = (t * h + y0 + a * dr) * wide;
        for (let b = 0; b < kc; b++) {
          const x = x0 + b * dc;
          const q0 = entering(x, step);
          const q1 = leaving(x, step, wide, n);
          const pixel = row + x + q0 * step;
          const from = images + bytes<T>(pixel);
          larger<T>(from, step, best + bytes<T>(q0), index + (<usize>q0 << 2), first + pixel, q1 - q0);
        }
      }
    }
  }
  barrier();
}

/**
 * Takes every `step`-th of n pixels, numbered from `number` on, where it is larger than the best so far. Of NaNs the
 * first stays. No branch: which pixel is the largest cannot be foreseen.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function larger<T>(from: usize, step: i32, best: usize, index: usize, number: i32, n: i32): void {
  let q = 0;
  if (sizeof<T>() == 4 && step <= 2) {
    let numbers = i32x4.add(i32x4.splat(number), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step)));
    for (; q + 4 <= n; q += 4) {
      const pixels = from + bytes<T>(q * step);
      let value = v128.load(pixels);
      // The last lane is not looked at, and may lie behind the image.
      if (step == 2) value = v128.shuffle<f32>(value, v128.load(pixels, 16), 0, 2, 4, 6);
      const old = v128.load(best + bytes<T>(q));
      const known = v128.load(index + (<usize>q << 2));
      const fresh = v128.andnot(f32x4.ne(value, value), f32x4.ne(old, old));
      const takes = v128.or(v128.or(f32x4.gt(value, old), fresh), i32x4.lt_s(known, i32x4.splat(0)));
      v128.store(best + bytes<T>(q), v128.bitselect(value, old, takes));
      v128.store(index + (<usize>q << 2), v128.bitselect(numbers, known, takes));
      numbers = i32x4.add(numbers, i32x4.splat(4 * step));
    }
  }
  for (; q < n; q++) {
    const value = load<T>(from + bytes<T>(q * step));
    const old = load<T>(best + bytes<T>(q));
    const known = load<i32>(index + (<usize>q << 2));
    const takes = i32(value > old) | (i32(value != value) & i32(old == old)) | i32(known < 0);
    store<T>(best + bytes<T>(q), select<T>(value, old, takes));
    store<i32>(index + (<usize>q << 2), select<i32>(number + q * step, known, takes));
  }
}

/** Sums of the windows times factors[position], or with `back` the pull-back: y spread over the pixels. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function sum_pool<T>(w: usize, factors: usize, images: usize, y: usize, back: bool): void {
  const dr = row_dilation(w);
  const dc = col_dilation(w);
  const h = height(w);
  const wide = width(w);
  const kr = tap_rows(w);
  const kc = tap_cols(w);
  const planes = count(w) * channels(w);
  const size = bytes<T>(h * wide);
  for (let t = take(-1); t < planes; t = take(t)) {
    const image = images + <usize>t * size;
    if (back) clear(image, size);
    let at = y + bytes<T>(t * rows(w) * cols(w));
    let factor = factors;
    for (let r = 0; r < rows(w); r++) {
      const y0 = first_row(w, r);
      const a0 = entering(y0, dr);
      const a1 = leaving(y0, dr, h, kr);
      for (let q = 0; q < cols(w); q++) {
        const x0 = first_col(w, q);
        const b0 = entering(x0, dc);
        const b1 = leaving(x0, dc, wide, kc);
        const spread = back ? <T>(load<T>(factor) * load<T>(at)) : <T>0;
        let sum = <T>0;
        for (let a = a0; a < a1; a++) {
          const row = image + bytes<T>((y0 + a * dr) * wide + x0);
          for (let b = b0; b < b1; b++) {
            const pixel = row + bytes<T>(b * dc);
            if (back) add_to<T>(pixel, spread);
            else sum = <T>(sum + load<T>(pixel));
          }
        }
        if (!back) store<T>(at, <T>(load<T>(factor) * sum));
        at += sizeof<T>();
        factor += sizeof<T>();
      }
    }
  }
  barrier();
}
