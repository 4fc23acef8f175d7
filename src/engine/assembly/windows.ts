import { barrier, take } from "./parallel";
import { bytes } from "./simd";

/**
 * Windows over images, and the routines that only copy: patches out of images and back. `w` is the address of the
 * windows' sizes as src/engine/wasm/images.ts lays them out, sixteen integers.
 */

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function field(w: usize, index: i32): i32 {
  return load<i32>(w + (<usize>index << 2));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function count(w: usize): i32 {
  return field(w, 0);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function channels(w: usize): i32 {
  return field(w, 1);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function height(w: usize): i32 {
  return field(w, 2);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function width(w: usize): i32 {
  return field(w, 3);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function tap_rows(w: usize): i32 {
  return field(w, 4);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function tap_cols(w: usize): i32 {
  return field(w, 5);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function row_dilation(w: usize): i32 {
  return field(w, 8);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function col_dilation(w: usize): i32 {
  return field(w, 9);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function rows(w: usize): i32 {
  return field(w, 12);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function cols(w: usize): i32 {
  return field(w, 13);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function filters(w: usize): i32 {
  return field(w, 14);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function groups(w: usize): i32 {
  return field(w, 15);
}

/** Row of the first tap of the windows in output row r. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function first_row(w: usize, r: i32): i32 {
  return field(w, 6) * r - field(w, 10);
}

/** Column of the first tap of the windows in output column q. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function first_col(w: usize, q: i32): i32 {
  return field(w, 7) * q - field(w, 11);
}

/** The first of the steps 0, 1, … whose place `from + step * by` is not negative. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function entering(from: i32, by: i32): i32 {
  return from >= 0 ? 0 : by == 1 ? -from : (by - 1 - from) / by;
}

/** How many of `most` steps stay below `size`. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function leaving(from: i32, by: i32, size: i32, most: i32): i32 {
  if (from + (most - 1) * by < size) return most;
  return from >= size ? 0 : (size - from + by - 1) / by;
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function add_to<T>(at: usize, x: T): void {
  store<T>(at, <T>(load<T>(at) + x));
}

/** Short runs: the host's bulk operations cost a call. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function clear(to: usize, size: usize): void {
  const end = to + size;
  for (; to + 16 <= end; to += 16) v128.store(to, i64x2.splat(0));
  for (; to < end; to += 4) store<i32>(to, 0);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function copy(to: usize, from: usize, size: usize): void {
  const end = to + size;
  for (; to + 16 <= end; to += 16) {
    v128.store(to, v128.load(from));
    from += 16;
  }
  for (; to < end; to += 4) {
    store<i32>(to, load<i32>(from));
    from += 4;
  }
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add_run<T>(to: usize, from: usize, size: usize): void {
  const end = to + size;
  for (; to + 16 <= end; to += 16) {
    v128.store(to, v128.add<T>(v128.load(to), v128.load(from)));
    from += 16;
  }
  for (; to < end; to += sizeof<T>()) {
    add_to<T>(to, load<T>(from));
    from += sizeof<T>();
  }
}

/** Patches as rows: out[image, position, (channel, tap)]. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function im2col<T>(w: usize, images: usize, out: usize): void {
  const kr = tap_rows(w);
  const kc = tap_cols(w);
  const h = height(w);
  const wide = width(w);
  const dr = row_dilation(w);
  const dc = col_dilation(w);
  const plane = bytes<T>(h * wide);
  const depth = channels(w);
  const patch = bytes<T>(depth * kr * kc);
  const line = bytes<T>(dr * wide);
  const tasks = count(w) * rows(w);
  for (let t = take(-1); t < tasks; t = take(t)) {
    const image = images + <usize>(t / rows(w)) * <usize>depth * plane;
    const y0 = first_row(w, t % rows(w));
    let to = out + <usize>t * <usize>cols(w) * patch;
    const level = y0 >= 0 && y0 + (kr - 1) * dr < h;
    for (let q = 0; q < cols(w); q++) {
      const x0 = first_col(w, q);
      if (level && x0 >= 0 && x0 + (kc - 1) * dc < wide) {
        // All of it lies inside.
        for (let c = 0; c < depth; c++) {
          let row = image + <usize>c * plane + bytes<T>(y0 * wide + x0);
          for (let a = 0; a < kr; a++) {
            for (let b = 0; b < kc; b++) {
              store<T>(to, load<T>(row + bytes<T>(b * dc)));
              to += sizeof<T>();
            }
            row += line;
          }
        }
        continue;
      }
      for (let c = 0; c < depth; c++) {
        for (let a = 0; a < kr; a++) {
          const y = y0 + a * dr;
          const row = image + <usize>c * plane + bytes<T>(y * wide);
          for (let b = 0; b < kc; b++) {
            const x = x0 + b * dc;
            const inside = <u32>y < <u32>h && <u32>x < <u32>wide;
            store<T>(to, inside ? load<T>(row + bytes<T>(x)) : <T>0);
            to += sizeof<T>();
          }
        }
      }
    }
  }
  barrier();
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function col2im<T>(w: usize, columns: usize, images: usize): void {
  const kr = tap_rows(w);
  const kc = tap_cols(w);
  const plane = bytes<T>(height(w) * width(w));
  const window = bytes<T>(kr * kc);
  const patch = <usize>channels(w) * window;
  const tasks = count(w) * channels(w);
  for (let t = take(-1); t < tasks; t = take(t)) {
    const to = images + <usize>t * plane;
    clear(to, plane);
    let from = columns + <usize>(t / channels(w)) * <usize>(rows(w) * cols(w)) * patch;
    from += <usize>(t % channels(w)) * window;
    for (let r = 0; r < rows(w); r++) {
      const y0 = first_row(w, r);
      const a0 = entering(y0, row_dilation(w));
      const a1 = leaving(y0, row_dilation(w), height(w), kr);
      for (let q = 0; q < cols(w); q++) {
        const x0 = first_col(w, q);
        const b0 = entering(x0, col_dilation(w));
        const b1 = leaving(x0, col_dilation(w), width(w), kc);
        for (let a = a0; a < a1; a++) {
          const row = to + bytes<T>((y0 + a * row_dilation(w)) * width(w));
          for (let b = b0; b < b1; b++) {
            add_to<T>(row + bytes<T>(x0 + b * col_dilation(w)), load<T>(from + bytes<T>(a * kc + b)));
          }
        }
        from += patch;
      }
    }
  }
  barrier();
}

/**
 * Patches of one plane as columns: out[tap, position], rows `stride` bytes apart. With `back` the other way round: each
 * pixel becomes the sum of its copies.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function unfold_plane<T>(w: usize, image: usize, out: usize, stride: usize, back: bool): void {
  const step = first_col(w, 1) - first_col(w, 0);
  if (back) clear(image, bytes<T>(height(w) * width(w)));
  let column = out;
  for (let a = 0; a < tap_rows(w); a++) {
    for (let b = 0; b < tap_cols(w); b++) {
      const x0 = first_col(w, 0) + b * col_dilation(w);
      // Windows q in [from, to) have this tap inside the row.
      const from = min(cols(w), entering(x0, step));
      const to = max(from, leaving(x0, step, width(w), cols(w)));
      for (let r = 0; r < rows(w); r++) {
        const y = first_row(w, r) + a * row_dilation(w);
        const at = column + bytes<T>(r * cols(w));
        if (<u32>y >= <u32>height(w)) {
          if (!back) clear(at, bytes<T>(cols(w)));
          continue;
        }
        let pixel = image + bytes<T>(y * width(w) + x0 + from * step);
        const begin = at + bytes<T>(from);
        const end = at + bytes<T>(to);
        if (!back) {
          clear(at, bytes<T>(from));
          clear(end, bytes<T>(cols(w) - to));
        }
        if (step == 1) {
          if (back) add_run<T>(pixel, begin, end - begin);
          else copy(begin, pixel, end - begin);
        } else {
          for (let p = begin; p < end; p += sizeof<T>()) {
            if (back) add_to<T>(pixel, load<T>(p));
            else store<T>(p, load<T>(pixel));
            pixel += bytes<T>(step);
          }
        }
      }
      column += stride;
    }
  }
}

/** `unfold_plane` of all images side by side: out[(channel, tap), image · positions + position]. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function unfold<T>(w: usize, images: usize, out: usize, stride: usize, back: bool): void {
  const plane = bytes<T>(height(w) * width(w));
  const positions = rows(w) * cols(w);
  const tasks = count(w) * channels(w);
  for (let t = take(-1); t < tasks; t = take(t)) {
    const column = out + <usize>(t % channels(w)) * <usize>(tap_rows(w) * tap_cols(w)) * stride;
    const at = column + bytes<T>((t / channels(w)) * positions);
    unfold_plane<T>(w, images + <usize>t * plane, at, stride, back);
  }
  barrier();
}
