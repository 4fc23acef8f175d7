import { COLS, distance_tile, PITCH, ROWS } from "./distance";
import { apply_map, apply_slopes } from "./kernel-map";
import { pack_b } from "./pack";
import { barrier, mark, own, release, take } from "./parallel";
import { bytes, madd } from "./simd";
import { copy } from "./windows";

/**
 * Kernel matrices and their products, tile by tile: squared distances, the map, and then the tile is stored or
 * multiplied away. Points x are rows `xs` bytes apart, padded with zero rows to a multiple of ROWS; points z come
 * packed by `pack_points`. Rows and columns of padding are computed and dropped.
 */

/** Packs m points (rows of d, contiguous) in panels of four for the distance tiles. */
export function pack_points(m: i32, d: i32, z: usize, to: usize): void {
  const tasks = (m + COLS - 1) / COLS;
  for (let t = take(-1); t < tasks; t = take(t)) {
    const j = t * COLS;
    pack_b<f64>(d, min(COLS, m - j), z + bytes<f64>(j * d), bytes<f64>(d), 8, to + bytes<f64>(j * d));
  }
  barrier();
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function padded(count: i32): i32 {
  return (count + 3) & ~3;
}

/**
 * A block of amplitude f(‖x − z‖²), `rows` points x by `cols` points z, to `out`; unless `mirror` is 0 also transposed to it
 * (`cols` rows).
 */
export function kernel_block(
  map: i32,
  alpha: f64,
  amplitude: f64,
  rows: i32,
  cols: i32,
  d: i32,
  x: usize,
  z: usize,
  out: usize,
  os: usize,
  mirror: usize,
  ms: usize,
): void {
  const saved = mark();
  const tile = own(<usize>ROWS * PITCH);
  const groups = (rows + ROWS - 1) / ROWS;
  const blocks = (cols + COLS - 1) / COLS;
  const xs = bytes<f64>(d);
  for (let t = take(-1); t < groups * blocks; t = take(t)) {
    const i = (t % groups) * ROWS;
    const j = (t / groups) * COLS;
    const h = min(ROWS, rows - i);
    const w = min(COLS, cols - j);
    distance_tile(d, padded(w), x + <usize>i * xs, xs, z + bytes<f64>(j * d), tile);
    for (let r = 0; r < h; r++) {
      const row = tile + <usize>r * PITCH;
      apply_map(map, padded(w), row, amplitude, alpha);
      copy(out + <usize>(i + r) * os + bytes<f64>(j), row, bytes<f64>(w));
    }
    if (mirror) transpose_tile(h, w, tile, mirror + <usize>j * ms + bytes<f64>(i), ms);
  }
  barrier();
  release(saved);
}

function transpose_tile(h: i32, w: i32, tile: usize, to: usize, ts: usize): void {
  const whole = h == ROWS ? w & ~1 : 0;
  for (let j = 0; j < whole; j += 2) {
    let from = tile + bytes<f64>(j);
    for (let at: usize = 0; at < bytes<f64>(ROWS); at += 16) {
      const x = v128.load(from);
      const y = v128.load(from + PITCH);
      v128.store(to + at, v128.shuffle<f64>(x, y, 0, 2));
      v128.store(to + ts + at, v128.shuffle<f64>(x, y, 1, 3));
      from += 2 * PITCH;
    }
    to += 2 * ts;
  }
  for (let j = whole; j < w; j++) {
    let from = tile + bytes<f64>(j);
    for (let i = 0; i < h; i++) {
      store<f64>(to + bytes<f64>(i), load<f64>(from));
      from += PITCH;
    }
    to += ts;
  }
}

/** Sums over columns are kept in this many fixed parts, so that they do not depend on the threads. */
export const PARTS: i32 = 8;

/**
 * y += K v (rows of x), and unless `u` is 0 yᵀ-wise parts[p] += Kᵀ u (points z) for the row groups of part p. With
 * `weights` (a rows × m block whose rows lie `ws` bytes apart) K is w f′(s), and `sums` (four values a part) gathers
 * w f(s), w ∂f/∂α and w f′(s); without, K is f(s). v, u, y and the parts have `r` columns (a multiple of 4), contiguous rows,
 * and zero rows behind their last up to a multiple of ROWS.
 *
 * `symmetric`: the rows are points [first, first + rows) of z itself; only columns up to the diagonal are visited,
 * the strict lower triangle counts for both sides, and weights above the diagonal are overwritten with 0.
 */
export function kernel_multiply(
  map: i32,
  alpha: f64,
  first: i32,
  rows: i32,
  m: i32,
  d: i32,
  x: usize,
  z: usize,
  r: i32,
  v: usize,
  u: usize,
  y: usize,
  parts: usize,
  weights: usize,
  ws: usize,
  sums: usize,
  symmetric: bool,
): void {
  const saved = mark();
  const tile = own(<usize>ROWS * PITCH);
  const groups = (rows + ROWS - 1) / ROWS;
  const xs = bytes<f64>(d);
  const rs = bytes<f64>(r);
  const part_bytes = <usize>((m + ROWS - 1) / ROWS) * ROWS * rs;
  for (let p = take(-1); p < PARTS; p = take(p)) {
    const part = parts + <usize>p * part_bytes;
    for (let g = p; g < groups; g += PARTS) {
      const i = g * ROWS;
      const h = min(ROWS, rows - i);
      const limit = symmetric ? first + i + h : m;
      const ui = u + <usize>i * rs;
      if (weights && symmetric) clear_above(h, weights + <usize>i * ws + bytes<f64>(first + i), ws);
      for (let j = 0; j < limit; j += COLS) {
        const w = min(COLS, limit - j);
        const cols = padded(w);
        distance_tile(d, cols, x + <usize>i * xs, xs, z + bytes<f64>(j * d), tile);
        for (let q = 0; q < ROWS; q++) {
          const row = tile + <usize>q * PITCH;
          if (!weights) apply_map(map, cols, row, 1, alpha);
          else if (q < h) {
            const at = weights + <usize>(i + q) * ws + bytes<f64>(j);
            // Weights beyond the last column are another row's: they must not count.
            if (cols > w) memory.fill(at + bytes<f64>(w), 0, bytes<f64>(cols - w));
            apply_slopes(map, cols, row, at, alpha, sums + <usize>p * 32);
          }
        }
        const diagonal = first + i - j;
        if (symmetric && diagonal < w) {
          for (let q = 0; q < h; q++) {
            const from = max(0, diagonal + q + 1);
            if (from < cols) memory.fill(tile + <usize>q * PITCH + bytes<f64>(from), 0, bytes<f64>(cols - from));
          }
        }
        multiply_tile(ROWS, w, tile, PITCH, 8, r, v + <usize>j * rs, y + <usize>i * rs);
        if (!u) continue;
        if (symmetric && diagonal < w) {
          for (let q = 0; q < h; q++) {
            const c = diagonal + q;
            if (c >= 0 && c < w) store<f64>(tile + <usize>q * PITCH + bytes<f64>(c), 0);
          }
        }
        multiply_tile(cols, h, tile, 8, PITCH, r, ui, part + <usize>j * rs);
      }
    }
  }
  barrier();
  release(saved);
}

function clear_above(h: i32, weights: usize, ws: usize): void {
  for (let q = 0; q < h; q++) {
    memory.fill(weights + <usize>q * ws + bytes<f64>(q + 1), 0, bytes<f64>(h - 1 - q));
  }
}

/** y += K v for `rows` (even) rows of a tile with strides ks and cs, k columns and r right-hand sides. */
export function multiply_tile(rows: i32, k: i32, tile: usize, ks: usize, cs: usize, r: i32, v: usize, y: usize): void {
  const rs = bytes<f64>(r);
  for (let i = 0; i < rows; i += 2) {
    for (let c: usize = 0; c < rs; c += 32) {
      let a = tile + <usize>i * ks;
      let b = v + c;
      const y0 = y + <usize>i * rs + c;
      const y1 = y0 + rs;
      let c00 = v128.load(y0);
      let c01 = v128.load(y0, 16);
      let c10 = v128.load(y1);
      let c11 = v128.load(y1, 16);
      for (let j = 0; j < k; j++) {
        const b0 = v128.load(b);
        const b1 = v128.load(b, 16);
        const a0 = v128.load64_splat(a);
        const a1 = v128.load64_splat(a + ks);
        c00 = madd<f64>(a0, b0, c00);
        c01 = madd<f64>(a0, b1, c01);
        c10 = madd<f64>(a1, b0, c10);
        c11 = madd<f64>(a1, b1, c11);
        a += cs;
        b += rs;
      }
      v128.store(y0, c00);
      v128.store(y0, c01, 16);
      v128.store(y1, c10);
      v128.store(y1, c11, 16);
    }
  }
}

/** y += Σ parts, over `count` values a part. */
export function sum_parts(count: i32, y: usize, parts: usize): void {
  const CHUNK = 1024;
  const tasks = (count + CHUNK - 1) / CHUNK;
  for (let t = take(-1); t < tasks; t = take(t)) {
    const end = min(count, (t + 1) * CHUNK);
    for (let i = t * CHUNK; i < end; i += 2) {
      let s = v128.load(y + bytes<f64>(i));
      for (let p = 0; p < PARTS; p++) s = f64x2.add(s, v128.load(parts + bytes<f64>(p * count + i)));
      v128.store(y + bytes<f64>(i), s);
    }
  }
  barrier();
}
