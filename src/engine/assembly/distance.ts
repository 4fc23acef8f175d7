import { bytes, madd } from "./simd";

/** A tile of squared distances: ROWS points of x by up to COLS points of z; it stays in the first cache. */
export const ROWS: i32 = 16;
export const COLS: i32 = 128;
/** Bytes between the rows of a tile. */
export const PITCH: usize = 1024;

/**
 * Squared distances of ROWS points x (rows `xs` bytes apart) to `cols` (a multiple of 4) points of z, packed in
 * panels of four (`pack_b`). Differences are squared and summed: no cancellation, and 0 for equal points.
 */
export function distance_tile(d: i32, cols: i32, x: usize, xs: usize, z: usize, to: usize): void {
  for (let j = 0; j < cols; j += 4) {
    const panel = z + bytes<f64>(j * d);
    for (let i = 0; i < ROWS; i += 4) {
      four_by_four(d, x + <usize>i * xs, xs, panel, to + <usize>i * PITCH + bytes<f64>(j));
    }
  }
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function square(x: v128, z: v128, c: v128): v128 {
  const t = f64x2.sub(x, z);
  return madd<f64>(t, t, c);
}

function four_by_four(d: i32, x: usize, xs: usize, z: usize, to: usize): void {
  let c00 = f64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  const x1 = x + xs;
  const x2 = x1 + xs;
  const x3 = x2 + xs;
  for (let at: usize = 0; at < bytes<f64>(d); at += 8) {
    const z0 = v128.load(z);
    const z1 = v128.load(z, 16);
    const a0 = v128.load64_splat(x + at);
    c00 = square(a0, z0, c00);
    c01 = square(a0, z1, c01);
    const a1 = v128.load64_splat(x1 + at);
    c10 = square(a1, z0, c10);
    c11 = square(a1, z1, c11);
    const a2 = v128.load64_splat(x2 + at);
    c20 = square(a2, z0, c20);
    c21 = square(a2, z1, c21);
    const a3 = v128.load64_splat(x3 + at);
    c30 = square(a3, z0, c30);
    c31 = square(a3, z1, c31);
    z += 32;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to + PITCH, c10);
  v128.store(to + PITCH, c11, 16);
  v128.store(to + 2 * PITCH, c20);
  v128.store(to + 2 * PITCH, c21, 16);
  v128.store(to + 3 * PITCH, c30);
  v128.store(to + 3 * PITCH, c31, 16);
}
