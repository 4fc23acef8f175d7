import { MR, NR } from "./micro-kernel";
import { bytes } from "./simd";

/**
 * Packing: `count` rows of a view (row stride `rs`, column stride `cs`, in bytes, of either sign) become panels of
 * `width` rows, laid out column by column: the order in which the micro-kernel reads. Missing rows are zero.
 */

/** Panels of MR rows: the left factor. */
export function pack_a<T>(k: i32, count: i32, from: usize, rs: isize, cs: isize, to: usize): void {
  pack<T>(MR, k, count, from, rs, cs, to);
}

/** Panels of NR rows: the right factor, given by its transpose's rows (so `rs` is its column stride). */
export function pack_b<T>(k: i32, count: i32, from: usize, rs: isize, cs: isize, to: usize): void {
  pack<T>(NR<T>(), k, count, from, rs, cs, to);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function pack<T>(width: i32, k: i32, count: i32, from: usize, rs: isize, cs: isize, to: usize): void {
  for (let i = 0; i < count; i += width) {
    const source = from + <usize>(<isize>i * rs);
    const panel = to + bytes<T>(i * k);
    if (count - i < width) edge<T>(width, k, count - i, source, rs, cs, panel);
    else if (rs == sizeof<T>()) copy_columns<T>(width, k, source, cs, panel);
    else if (cs == sizeof<T>()) interleave_rows<T>(width, k, source, rs, panel);
    else edge<T>(width, k, width, source, rs, cs, panel);
  }
}

function edge<T>(width: i32, k: i32, rows: i32, from: usize, rs: isize, cs: isize, to: usize): void {
  for (let p = 0; p < k; p++) {
    for (let r = 0; r < width; r++) {
      store<T>(to + bytes<T>(r), r < rows ? load<T>(from + <usize>(<isize>r * rs)) : <T>0);
    }
    from += <usize>cs;
    to += bytes<T>(width);
  }
}

/** The rows lie side by side: each packed column is one straight copy. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function copy_columns<T>(width: i32, k: i32, from: usize, cs: isize, to: usize): void {
  const size = bytes<T>(width);
  for (let p = 0; p < k; p++) {
    v128.store(to, v128.load(from));
    if (size == 24) store<f64>(to, load<f64>(from, 16), 16);
    else v128.store(to, v128.load(from, 16), 16);
    if (size == 48) v128.store(to, v128.load(from, 32), 32);
    from += <usize>cs;
    to += size;
  }
}

/** The columns lie side by side: transposes as it goes, two rows at a time. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function interleave_rows<T>(width: i32, k: i32, from: usize, rs: isize, to: usize): void {
  const size = bytes<T>(width);
  for (let r = 0; r < width; r += 2) {
    let x = from + <usize>(<isize>r * rs);
    let y = x + <usize>rs;
    let w = to + bytes<T>(r);
    let p = 0;
    if (sizeof<T>() == 8) {
      for (; p + 2 <= k; p += 2) {
        const u = v128.load(x);
        const v = v128.load(y);
        v128.store(w, v128.shuffle<f64>(u, v, 0, 2));
        v128.store(w + size, v128.shuffle<f64>(u, v, 1, 3));
        x += 16;
        y += 16;
        w += 2 * size;
      }
    } else {
      for (; p + 4 <= k; p += 4) {
        const u = v128.load(x);
        const v = v128.load(y);
        const low = v128.shuffle<f32>(u, v, 0, 4, 1, 5);
        const high = v128.shuffle<f32>(u, v, 2, 6, 3, 7);
        v128.store_lane<u64>(w, low, 0);
        v128.store_lane<u64>(w + size, low, 1);
        v128.store_lane<u64>(w + 2 * size, high, 0);
        v128.store_lane<u64>(w + 3 * size, high, 1);
        x += 16;
        y += 16;
        w += 4 * size;
      }
    }
    for (; p < k; p++) {
      store<T>(w, load<T>(x));
      store<T>(w, load<T>(y), sizeof<T>());
      x += sizeof<T>();
      y += sizeof<T>();
      w += size;
    }
  }
}
