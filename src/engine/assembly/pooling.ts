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
  const planes = count(w) * channels(w);
  for (let t = take(-1); t < planes; t = take(t)) {
    let at = t * rows(w) * cols(w);
    for (let r = 0; r < rows(w); r++) {
      const y0 = first_row(w, r);
      const a0 = entering(y0, dr);
      const a1 = leaving(y0, dr, height(w), tap_rows(w));
      for (let q = 0; q < cols(w); q++) {
        const x0 = first_col(w, q);
        const b0 = entering(x0, dc);
        const b1 = leaving(x0, dc, width(w), tap_cols(w));
        let best = <T>-Infinity;
        let index = -1;
        for (let a = a0; a < a1; a++) {
          const row = (t * height(w) + y0 + a * dr) * width(w) + x0;
          for (let b = b0; b < b1; b++) {
            const pixel = row + b * dc;
            const value = load<T>(images + bytes<T>(pixel));
            // Of NaNs the first stays.
            if (index < 0 || !(value <= best || best != best)) {
              best = value;
              index = pixel;
            }
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
  const planes = count(w) * channels(w);
  const size = bytes<T>(height(w) * width(w));
  for (let t = take(-1); t < planes; t = take(t)) {
    const image = images + <usize>t * size;
    if (back) clear(image, size);
    let at = y + bytes<T>(t * rows(w) * cols(w));
    let factor = factors;
    for (let r = 0; r < rows(w); r++) {
      const y0 = first_row(w, r);
      const a0 = entering(y0, dr);
      const a1 = leaving(y0, dr, height(w), tap_rows(w));
      for (let q = 0; q < cols(w); q++) {
        const x0 = first_col(w, q);
        const b0 = entering(x0, dc);
        const b1 = leaving(x0, dc, width(w), tap_cols(w));
        const spread = back ? <T>(load<T>(factor) * load<T>(at)) : <T>0;
        let sum = <T>0;
        for (let a = a0; a < a1; a++) {
          const row = image + bytes<T>((y0 + a * dr) * width(w) + x0);
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
