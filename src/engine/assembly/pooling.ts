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

/** The largest pixel of each window and its index, counted from `first`. */
// @ts-ignore: decorator
@inline
export function max_pool<T>(w: usize, images: usize, y: usize, source: usize, first: i32): void {
  const dr = row_dilation(w);
  const dc = col_dilation(w);
  const h = height(w);
  const wide = width(w);
  const kr = tap_rows(w);
  const kc = tap_cols(w);
  const planes = count(w) * channels(w);
  for (let t = take(-1); t < planes; t = take(t)) {
    let at = t * rows(w) * cols(w);
    for (let r = 0; r < rows(w); r++) {
      const y0 = first_row(w, r);
      const a0 = entering(y0, dr);
      const a1 = leaving(y0, dr, h, kr);
      for (let q = 0; q < cols(w); q++) {
        const x0 = first_col(w, q);
        const b0 = entering(x0, dc);
        const b1 = leaving(x0, dc, wide, kc);
        let best = <T>-Infinity;
        let index = -1;
        for (let a = a0; a < a1; a++) {
          const row = (t * h + y0 + a * dr) * wide + x0;
          for (let b = b0; b < b1; b++) {
            const pixel = row + b * dc;
            const value = load<T>(images + bytes<T>(pixel));
            // Of NaNs the first stays. No branch: which pixel is the largest cannot be foreseen.
            const takes = i32(value > best) | (i32(value != value) & i32(best == best)) | i32(index < 0);
            best = select<T>(value, best, takes);
            index = select<i32>(pixel, index, takes);
          }
        }
        store<T>(y + bytes<T>(at), best);
        store<i32>(source + (<usize>at << 2), index < 0 ? -1 : first + index);
        at++;
      }
    }
  }
  barrier();
}

/** Sums of the windows times factors[position], or with `back` the pull-back: y spread over the pixels. */
// @ts-ignore: decorator
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
