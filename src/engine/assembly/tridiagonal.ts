import { gemm } from "./gemm";
import { barrier, mark, push, release, take } from "./parallel";
import { bytes, madd, nmadd, sum } from "./simd";

/**
 * Householder reduction of a symmetric matrix to tridiagonal form, in panels (LAPACK's dsytrd): within a panel
 * the trailing matrix is only multiplied, never changed; it is updated once a panel, by gemm.
 */

/** Columns reduced between two updates of the trailing matrix. */
export const PANEL: i32 = 32;
/** The symmetric product is summed in this many fixed parts, so that its value does not depend on the threads. */
const PARTS: i32 = 8;

/** Σ x y over n values. */
export function dot(n: i32, x: usize, y: usize): f64 {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let at: usize = 0;
  const four = bytes<f64>(n & ~3);
  for (; at < four; at += 32) {
    s0 = madd<f64>(v128.load(x + at), v128.load(y + at), s0);
    s1 = madd<f64>(v128.load(x + at, 16), v128.load(y + at, 16), s1);
  }
  let s = sum<f64>(f64x2.add(s0, s1));
  for (; at < bytes<f64>(n); at += 8) s += load<f64>(x + at) * load<f64>(y + at);
  return s;
}

/** y ← y + s x over n values. */
export function axpy(n: i32, s: f64, x: usize, y: usize): void {
  const sv = f64x2.splat(s);
  let at: usize = 0;
  for (; at < bytes<f64>(n & ~1); at += 16) v128.store(y + at, madd<f64>(sv, v128.load(x + at), v128.load(y + at)));
  if (n & 1) store<f64>(y + at, load<f64>(y + at) + s * load<f64>(x + at));
}

/**
 * Reduces the lower triangle of A: `d` and `e` receive the diagonal and the n − 1 values beside it, `tau` the n − 1
 * Householder factors. Reflector j, H = I − tau v vᵀ with v[j + 1] = 1, is row j of `v` (n × n, rows `vs` bytes apart,
 * zero up to j). A is destroyed.
 */
export function tridiagonalize(n: i32, a: usize, lda: usize, d: usize, e: usize, tau: usize, v: usize, vs: usize): void {
  const saved = mark();
  // Column vectors are kept as rows, so that all inner loops run along memory.
  const w = push(bytes<f64>(PANEL * n));
  const ws = bytes<f64>(n);
  const parts = push(bytes<f64>(PARTS * n));
  const column = push(bytes<f64>(n));
  for (let j0 = 0; j0 < n - 1; j0 += PANEL) {
    const j1 = min(n - 1, j0 + PANEL);
    for (let j = j0; j < j1; j++) {
      if (take(-1) == 0) start_column(n, j, j0, a, lda, d, e, tau, v, vs, w, ws, column);
      barrier();
      symmetric_product(n, j, a, lda, v + <usize>j * vs, parts);
      barrier();
      if (take(-1) == 0) {
        finish_column(n, j, j0, tau, v, vs, w + <usize>(j - j0) * ws, w, ws, parts);
      }
      barrier();
    }
    // A ← A − Vᵀ W − Wᵀ V on the rows and columns behind the panel (V and W hold vectors as rows).
    const rest = n - j1;
    const at = a + <usize>j1 * lda + bytes<f64>(j1);
    const vp = v + <usize>j0 * vs + bytes<f64>(j1);
    const wp = w + bytes<f64>(j1);
    const k = j1 - j0;
    gemm<f64>(rest, rest, k, -1, vp, 8, vs, wp, ws, 8, false, at, lda, true);
    gemm<f64>(rest, rest, k, -1, wp, 8, ws, vp, vs, 8, false, at, lda, true);
  }
  if (take(-1) == 0 && n > 0) {
    const last = a + <usize>(n - 1) * lda + bytes<f64>(n - 1);
    store<f64>(d + bytes<f64>(n - 1), load<f64>(last));
  }
  barrier();
  release(saved);
}

/** Brings column j up to date with the panel's reflectors and makes its own. */
function start_column(
  n: i32, j: i32, j0: i32, a: usize, lda: usize, d: usize, e: usize, tau: usize, v: usize, vs: usize, w: usize,
  ws: usize, column: usize,
): void {
  for (let i = j; i < n; i++) store<f64>(column + bytes<f64>(i), load<f64>(a + <usize>i * lda + bytes<f64>(j)));
  const tail = column + bytes<f64>(j);
  for (let p = j0; p < j; p++) {
    const vp = v + <usize>p * vs + bytes<f64>(j);
    const wp = w + <usize>(p - j0) * ws + bytes<f64>(j);
    axpy(n - j, -load<f64>(wp), vp, tail);
    axpy(n - j, -load<f64>(vp), wp, tail);
  }
  store<f64>(d + bytes<f64>(j), load<f64>(tail));
  const row = v + <usize>j * vs;
  memory.fill(row, 0, bytes<f64>(j + 1));
  const t = reflector(n - j - 1, tail + 8, row + bytes<f64>(j + 1), e + bytes<f64>(j));
  store<f64>(tau + bytes<f64>(j), t);
}

/** v and the returned tau with (I − tau v vᵀ) x = beta e₁; scaled against overflow, beta has x₀'s opposite sign. */
export function reflector(n: i32, x: usize, v: usize, beta: usize): f64 {
  let largest = 0.0;
  for (let i = 1; i < n; i++) largest = max(largest, abs(load<f64>(x + bytes<f64>(i))));
  const x0 = load<f64>(x);
  store<f64>(v, 1);
  if (largest == 0) {
    memory.fill(v + 8, 0, bytes<f64>(n - 1));
    store<f64>(beta, x0);
    return 0;
  }
  largest = max(largest, abs(x0));
  let s = 0.0;
  for (let i = 0; i < n; i++) {
    const y = load<f64>(x + bytes<f64>(i)) / largest;
    s += y * y;
  }
  const norm = largest * sqrt(s);
  const b = x0 > 0 ? -norm : norm;
  const scale = 1.0 / (x0 - b);
  for (let i = 1; i < n; i++) store<f64>(v + bytes<f64>(i), load<f64>(x + bytes<f64>(i)) * scale);
  store<f64>(beta, b);
  return (b - x0) / b;
}

/** Partial sums of A v over the trailing lower triangle (rows and columns behind j). */
function symmetric_product(n: i32, j: i32, a: usize, lda: usize, v: usize, parts: usize): void {
  const from = j + 1;
  const m = n - from;
  for (let t = take(-1); t < PARTS; t = take(t)) {
    const y = parts + bytes<f64>(t * n);
    memory.fill(y + bytes<f64>(from), 0, bytes<f64>(m));
    // Parts of equal area: row boundaries at the square roots.
    const r0 = from + <i32>(<f64>m * sqrt(<f64>t / PARTS));
    const r1 = t == PARTS - 1 ? n : from + <i32>(<f64>m * sqrt(<f64>(t + 1) / PARTS));
    let i = r0;
    for (; i + 2 <= r1; i += 2) two_rows(i, from, a + <usize>i * lda, lda, v, y);
    if (i < r1) one_row(i, from, a + <usize>i * lda, v, y);
  }
}

function one_row(i: i32, from: i32, row: usize, v: usize, y: usize): void {
  const vi = load<f64>(v + bytes<f64>(i));
  const at = bytes<f64>(from);
  const s = dot(i - from, row + at, v + at) + load<f64>(row + bytes<f64>(i)) * vi;
  axpy(i - from, vi, row + at, y + at);
  store<f64>(y + bytes<f64>(i), load<f64>(y + bytes<f64>(i)) + s);
}

/** Rows i and i + 1 in one pass over v and y. */
function two_rows(i: i32, from: i32, row: usize, lda: usize, v: usize, y: usize): void {
  const next = row + lda;
  const vi = load<f64>(v + bytes<f64>(i));
  const vn = load<f64>(v + bytes<f64>(i + 1));
  const vi2 = f64x2.splat(vi);
  const vn2 = f64x2.splat(vn);
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let at = bytes<f64>(from);
  const end = bytes<f64>(from + ((i - from) & ~1));
  for (; at < end; at += 16) {
    const r0 = v128.load(row + at);
    const r1 = v128.load(next + at);
    const x = v128.load(v + at);
    s0 = madd<f64>(r0, x, s0);
    s1 = madd<f64>(r1, x, s1);
    v128.store(y + at, madd<f64>(vn2, r1, madd<f64>(vi2, r0, v128.load(y + at))));
  }
  let t0 = sum<f64>(s0);
  let t1 = sum<f64>(s1);
  for (; at < bytes<f64>(i); at += 8) {
    const r0 = load<f64>(row + at);
    const r1 = load<f64>(next + at);
    const x = load<f64>(v + at);
    t0 += r0 * x;
    t1 += r1 * x;
    store<f64>(y + at, load<f64>(y + at) + vi * r0 + vn * r1);
  }
  // The 2 × 2 block on the diagonal.
  const corner = load<f64>(next + at);
  t0 += load<f64>(row + at) * vi + corner * vn;
  t1 += corner * vi + load<f64>(next + at, 8) * vn;
  store<f64>(y + at, load<f64>(y + at) + t0);
  store<f64>(y + at, load<f64>(y + at, 8) + t1, 8);
}

/** w ← tau (A v − V (W v) − W (V v)), then w ← w − ½ tau (w v) v. */
function finish_column(
  n: i32, j: i32, j0: i32, tau: usize, v: usize, vs: usize, out: usize, w: usize, ws: usize, parts: usize,
): void {
  const from = j + 1;
  const m = n - from;
  const at = bytes<f64>(from);
  const x = v + <usize>j * vs + at;
  const y = out + at;
  memory.copy(y, parts + at, bytes<f64>(m));
  for (let p = 1; p < PARTS; p++) axpy(m, 1, parts + bytes<f64>(p * n) + at, y);
  for (let p = j0; p < j; p++) {
    const vp = v + <usize>p * vs + at;
    const wp = w + <usize>(p - j0) * ws + at;
    const wx = dot(m, wp, x);
    const vx = dot(m, vp, x);
    axpy(m, -wx, vp, y);
    axpy(m, -vx, wp, y);
  }
  const t = load<f64>(tau + bytes<f64>(j));
  const half = -0.5 * t * t * dot(m, y, x);
  const tv = f64x2.splat(t);
  const hv = f64x2.splat(half);
  let q: usize = 0;
  for (; q < bytes<f64>(m & ~1); q += 16) {
    v128.store(y + q, madd<f64>(hv, v128.load(x + q), f64x2.mul(tv, v128.load(y + q))));
  }
  if (m & 1) store<f64>(y + q, t * load<f64>(y + q) + half * load<f64>(x + q));
}

/**
 * Each of `rows` rows z of Z (`length` long) becomes (H₀ … H_{count−1} zᵀ)ᵀ, in panels by gemm; reflector j is row j
 * of `v`, zero in front of its column j.
 */
export function apply_reflectors(
  rows: i32, length: i32, count: i32, tau: usize, v: usize, vs: usize, z: usize, zs: usize,
): void {
  const saved = mark();
  const t = push(bytes<f64>(PANEL * PANEL));
  const x = push(bytes<f64>(PANEL * rows));
  const y = push(bytes<f64>(PANEL * rows));
  const pitch = bytes<f64>(PANEL);
  for (let b = (count + PANEL - 1) / PANEL - 1; b >= 0; b--) {
    const j0 = b * PANEL;
    const k = min(count, j0 + PANEL) - j0;
    const vp = v + <usize>j0 * vs;
    const at = bytes<f64>(j0);
    if (take(-1) == 0) triangular_factor(length - j0, k, tau + at, vp + at, vs, t);
    barrier();
    // z ← z − ((z V) Tᵀ) Vᵀ with V's vectors as rows.
    gemm<f64>(rows, k, length - j0, 1, z + at, zs, 8, vp + at, 8, vs, true, x, pitch, false);
    gemm<f64>(rows, k, k, 1, x, pitch, 8, t, 8, pitch, true, y, pitch, false);
    gemm<f64>(rows, length - j0, k, -1, y, pitch, 8, vp + at, vs, 8, false, z + at, zs, false);
  }
  release(saved);
}

/** The k × k upper triangle T of H₀ … Hₖ₋₁ = I − V T Vᵀ. */
export function triangular_factor(length: i32, k: i32, tau: usize, v: usize, vs: usize, t: usize): void {
  const pitch = bytes<f64>(PANEL);
  memory.fill(t, 0, pitch * PANEL);
  for (let j = 0; j < k; j++) {
    const tj = load<f64>(tau + bytes<f64>(j));
    // T[:j, j] = −tau T[:j, :j] (V[:j] v); column j is first filled with V[:j] v, then multiplied from the top.
    for (let i = 0; i < j; i++) {
      const s = -tj * dot(length, v + <usize>i * vs, v + <usize>j * vs);
      store<f64>(t + <usize>i * pitch + bytes<f64>(j), s);
    }
    for (let i = 0; i < j; i++) {
      let s = 0.0;
      for (let p = i; p < j; p++) {
        s += load<f64>(t + <usize>i * pitch + bytes<f64>(p)) * load<f64>(t + <usize>p * pitch + bytes<f64>(j));
      }
      store<f64>(t + <usize>i * pitch + bytes<f64>(j), s);
    }
    store<f64>(t + <usize>j * pitch + bytes<f64>(j), tj);
  }
}
