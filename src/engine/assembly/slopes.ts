import { COLS, distance_tile, PITCH, ROWS } from "./distance";
import { multiply_tile, padded, PARTS } from "./kernel";
import { apply_slopes } from "./kernel-map";
import { barrier, mark, own, release, take } from "./parallel";
import { bytes, madd } from "./simd";

/** Values in front of the scales in a part's sums: w f(s), w ∂f/∂α, and room for w f′(s). */
const HEAD: i32 = 4;

/**
 * The slopes of a Gram matrix's strict lower triangle and half its diagonal in all but the points, for rows
 * [first, first + rows) of points z: with w = scale (weight − vᵢ vⱼ) and g = w f′(s), Σ w f(s), Σ w ∂f/∂α, and
 * Σ g (xᵢₚ − xⱼₚ)² = Σᵢ xᵢₚ (xᵢₚ Σⱼ g − 2 Σⱼ g xⱼₚ) + Σⱼ xⱼₚ² Σᵢ g, of which the column sums Σᵢ g are left to the host.
 *
 * `right` holds all points in rows of r (a multiple of 4) values, zero rows behind their last. The weights' rows lie
 * `ws` bytes apart and are overwritten; `vector` is 0 or one value a point, padded to a multiple of 4. Each of PARTS
 * parts has HEAD + r `sums` and `cs` bytes of column sums, so that results do not depend on the threads.
 */
export function kernel_slopes(
  map: i32,
  alpha: f64,
  first: i32,
  rows: i32,
  d: i32,
  x: usize,
  z: usize,
  r: i32,
  right: usize,
  weights: usize,
  ws: usize,
  scale: f64,
  vector: usize,
  sums: usize,
  columns: usize,
  cs: usize,
): void {
  const saved = mark();
  const tile = own(<usize>ROWS * PITCH);
  const y = own(bytes<f64>(ROWS * r));
  const row_sums = own(bytes<f64>(ROWS));
  const groups = (rows + ROWS - 1) / ROWS;
  const xs = bytes<f64>(d);
  const rs = bytes<f64>(r);
  for (let p = take(-1); p < PARTS; p = take(p)) {
    const own_sums = sums + <usize>p * bytes<f64>(HEAD + r);
    const own_columns = columns + <usize>p * cs;
    for (let g = p; g < groups; g += PARTS) {
      const i = g * ROWS;
      const h = min(ROWS, rows - i);
      const limit = first + i + h;
      memory.fill(y, 0, <usize>ROWS * rs);
      memory.fill(row_sums, 0, bytes<f64>(ROWS));
      for (let j = 0; j < limit; j += COLS) {
        const w = min(COLS, limit - j);
        const cols = padded(w);
        distance_tile(d, cols, x + <usize>i * xs, xs, z + bytes<f64>(j * d), tile);
        for (let q = 0; q < h; q++) {
          const at = weights + <usize>(i + q) * ws + bytes<f64>(j);
          form_weights(first + i + q, j, cols, at, scale, vector);
          store<f64>(own_sums, 0, 16);
          apply_slopes(map, cols, tile + <usize>q * PITCH, at, alpha, own_sums);
          const total = row_sums + bytes<f64>(q);
          store<f64>(total, load<f64>(total) + load<f64>(own_sums, 16));
        }
        for (let q = h; q < ROWS; q++) memory.fill(tile + <usize>q * PITCH, 0, bytes<f64>(cols));
        add_columns(cols, tile, own_columns + bytes<f64>(j));
        multiply_tile(ROWS, w, tile, PITCH, 8, r, right + <usize>j * rs, y);
      }
      const scales = own_sums + bytes<f64>(HEAD);
      for (let q = 0; q < h; q++) {
        const total = load<f64>(row_sums + bytes<f64>(q));
        const point = x + <usize>(i + q) * xs;
        const products = y + <usize>q * rs;
        for (let at: usize = 0; at < xs; at += 8) {
          const c = load<f64>(point + at);
          store<f64>(scales + at, load<f64>(scales + at) + c * (c * total - 2 * load<f64>(products + at)));
        }
      }
    }
  }
  barrier();
  release(saved);
}

/** Row i of the weights from column j on: w = scale (weight − vᵢ vⱼ), halved on the diagonal and 0 above it. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function form_weights(i: i32, j: i32, cols: i32, at: usize, scale: f64, vector: usize): void {
  const kept = max(0, min(cols, i + 1 - j));
  const factor = f64x2.splat(scale);
  const end = bytes<f64>((kept + 1) & ~1);
  if (vector) {
    const v = f64x2.splat(-load<f64>(vector + bytes<f64>(i)));
    const others = vector + bytes<f64>(j);
    for (let p: usize = 0; p < end; p += 16) {
      const w = madd<f64>(v, v128.load(others + p), v128.load(at + p));
      v128.store(at + p, f64x2.mul(factor, w));
    }
  } else {
    for (let p: usize = 0; p < end; p += 16) v128.store(at + p, f64x2.mul(factor, v128.load(at + p)));
  }
  if (kept < cols) memory.fill(at + bytes<f64>(kept), 0, bytes<f64>(cols - kept));
  const diagonal = i - j;
  if (diagonal < cols && diagonal >= 0) {
    const p = at + bytes<f64>(diagonal);
    store<f64>(p, 0.5 * load<f64>(p));
  }
}

/** to += the sums of the tile's columns. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add_columns(cols: i32, tile: usize, to: usize): void {
  const end = tile + bytes<f64>(cols);
  for (let at = tile; at < end; at += 16) {
    let even = v128.load(at);
    let odd = v128.load(at + PITCH);
    for (let q: usize = 2 * PITCH; q < <usize>ROWS * PITCH; q += 2 * PITCH) {
      even = f64x2.add(even, v128.load(at + q));
      odd = f64x2.add(odd, v128.load(at + q + PITCH));
    }
    v128.store(to, f64x2.add(v128.load(to), f64x2.add(even, odd)));
    to += 16;
  }
}
