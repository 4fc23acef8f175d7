import { barrier, take } from "./parallel";
import { bytes, madd, nmadd, sum } from "./simd";

/** Rows solved by one thread before all take what they change. */
const BLOCK: i32 = 128;
/** Rows, or columns, changed as one task. */
const CHUNK: i32 = 64;

/**
 * In place X ← (L Lᵀ)⁻¹ X for a few columns, each `xs` bytes behind the one before: for one column every number of L
 * is read once, so that packing it, as `trsm` does, would cost as much as the solve.
 */
export function solve_columns(n: i32, l: usize, ls: usize, count: i32, x: usize, xs: usize): void {
  for (let c = 0; c < count; c++) {
    forward(n, l, ls, x);
    backward(n, l, ls, x);
    x += xs;
  }
}

/** L⁻¹ x. */
function forward(n: i32, l: usize, ls: usize, x: usize): void {
  for (let k = 0; k < n; k += BLOCK) {
    const h = min(BLOCK, n - k);
    const columns = l + bytes<f64>(k);
    const solved = x + bytes<f64>(k);
    if (take(-1) == 0) {
      for (let i = 0; i < h; i++) {
        const row = columns + <usize>(k + i) * ls;
        const at = solved + bytes<f64>(i);
        store<f64>(at, (load<f64>(at) - dot(i, row, solved)) / load<f64>(row + bytes<f64>(i)));
      }
    }
    barrier();
    const from = k + h;
    const tasks = (n - from + CHUNK - 1) / CHUNK;
    for (let t = take(-1); t < tasks; t = take(t)) {
      const end = min(n, from + (t + 1) * CHUNK);
      for (let i = from + t * CHUNK; i < end; i++) {
        const at = x + bytes<f64>(i);
        store<f64>(at, load<f64>(at) - dot(h, columns + <usize>i * ls, solved));
      }
    }
    barrier();
  }
}

/** L⁻ᵀ x. */
function backward(n: i32, l: usize, ls: usize, x: usize): void {
  for (let k = ((n - 1) / BLOCK) * BLOCK; k >= 0; k -= BLOCK) {
    const h = min(BLOCK, n - k);
    const rows = l + <usize>k * ls;
    const solved = x + bytes<f64>(k);
    if (take(-1) == 0) {
      for (let i = h - 1; i >= 0; i--) {
        const row = rows + <usize>i * ls + bytes<f64>(k);
        const at = solved + bytes<f64>(i);
        store<f64>(at, load<f64>(at) / load<f64>(row + bytes<f64>(i)));
        subtract(i, load<f64>(at), row, solved);
      }
    }
    barrier();
    const tasks = (k + CHUNK - 1) / CHUNK;
    for (let t = take(-1); t < tasks; t = take(t)) {
      const j = bytes<f64>(t * CHUNK);
      const width = min(CHUNK, k - t * CHUNK);
      for (let i = 0; i < h; i++) {
        subtract(width, load<f64>(solved + bytes<f64>(i)), rows + <usize>i * ls + j, x + j);
      }
    }
    barrier();
  }
}

/** Σ a b over n terms. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function dot(n: i32, a: usize, b: usize): f64 {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let at: usize = 0;
  const whole = bytes<f64>(n & ~3);
  for (; at < whole; at += 32) {
    s0 = madd<f64>(v128.load(a + at), v128.load(b + at), s0);
    s1 = madd<f64>(v128.load(a + at, 16), v128.load(b + at, 16), s1);
  }
  let total = sum<f64>(f64x2.add(s0, s1));
  for (const end = bytes<f64>(n); at < end; at += 8) total += load<f64>(a + at) * load<f64>(b + at);
  return total;
}

/** y −= s a over n terms. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function subtract(n: i32, s: f64, a: usize, y: usize): void {
  const factor = f64x2.splat(s);
  let at: usize = 0;
  const even = bytes<f64>(n & ~1);
  for (; at < even; at += 16) v128.store(y + at, nmadd<f64>(factor, v128.load(a + at), v128.load(y + at)));
  if (n & 1) store<f64>(y + at, load<f64>(y + at) - s * load<f64>(a + at));
}
