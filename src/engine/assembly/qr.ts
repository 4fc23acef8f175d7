import { gemm } from "./gemm";
import { barrier, mark, push, release, take } from "./parallel";
import { bytes } from "./simd";
import { apply_reflectors, axpy, dot, PANEL, reflector, triangular_factor } from "./tridiagonal";

/**
 * Thin QR by Householder reflections in panels (m ≥ n): A becomes Q, and `r` (n × n) the upper triangle with zeros
 * below. A's columns are kept as rows while they are worked on.
 */
export function qr(m: i32, n: i32, a: usize, as: usize, r: usize, rs: usize): void {
  if (n == 0) return;
  const saved = mark();
  const ws = bytes<f64>(m);
  const w = push(bytes<f64>(n * m));
  const v = push(bytes<f64>(n * m));
  const tau = push(bytes<f64>(n));
  const t = push(bytes<f64>(PANEL * PANEL));
  const x = push(bytes<f64>(PANEL * n));
  const y = push(bytes<f64>(PANEL * n));
  const pitch = bytes<f64>(PANEL);
  transpose(m, n, a, as, w, ws);
  for (let j0 = 0; j0 < n; j0 += PANEL) {
    const k = min(PANEL, n - j0);
    const at = bytes<f64>(j0);
    const vp = v + <usize>j0 * ws;
    if (take(-1) == 0) {
      for (let j = j0; j < j0 + k; j++) reflect_panel(m, j, j0 + k, w, v, ws, tau);
      triangular_factor(m - j0, k, tau + at, vp + at, ws, t);
    }
    barrier();
    const rest = n - j0 - k;
    if (rest == 0) break;
    // A ← (I − V Tᵀ Vᵀ) A on the columns behind the panel, as rows: w ← w − ((w V) T) Vᵀ.
    const wr = w + <usize>(j0 + k) * ws + at;
    gemm<f64>(rest, k, m - j0, 1, wr, ws, 8, vp + at, 8, ws, true, x, pitch, false);
    gemm<f64>(rest, k, k, 1, x, pitch, 8, t, pitch, 8, true, y, pitch, false);
    gemm<f64>(rest, m - j0, k, -1, y, pitch, 8, vp + at, ws, 8, false, wr, ws, false);
  }
  for (let i = take(-1); i < n; i = take(i)) {
    const row = r + <usize>i * rs;
    for (let j = 0; j < n; j++) store<f64>(row + bytes<f64>(j), j < i ? 0 : load<f64>(w + <usize>j * ws + bytes<f64>(i)));
  }
  barrier();
  // Q's columns are the reflected unit vectors.
  for (let i = take(-1); i < n; i = take(i)) {
    memory.fill(w + <usize>i * ws, 0, ws);
    store<f64>(w + <usize>i * ws + bytes<f64>(i), 1);
  }
  barrier();
  apply_reflectors(n, m, n, tau, v, ws, w, ws);
  transpose(n, m, w, ws, a, as);
  release(saved);
}

/** Makes reflector j from row j of w, stores it in v, and applies it to the other rows of the panel. */
function reflect_panel(m: i32, j: i32, end: i32, w: usize, v: usize, ws: usize, tau: usize): void {
  const at = bytes<f64>(j);
  const column = w + <usize>j * ws + at;
  const vj = v + <usize>j * ws;
  memory.fill(vj, 0, at);
  const t = reflector(m - j, column, vj + at, column);
  store<f64>(tau + at, t);
  for (let c = j + 1; c < end; c++) {
    const row = w + <usize>c * ws + at;
    axpy(m - j, -t * dot(m - j, vj + at, row), vj + at, row);
  }
}

/** B (n × m) ← Aᵀ for an m × n matrix, in blocks that fit the first cache. */
function transpose(m: i32, n: i32, a: usize, as: usize, b: usize, bs: usize): void {
  const blocks = (m + 31) / 32;
  for (let t = take(-1); t < blocks; t = take(t)) {
    const i1 = min(m, (t + 1) * 32);
    for (let j0 = 0; j0 < n; j0 += 32) {
      const j1 = min(n, j0 + 32);
      for (let j = j0; j < j1; j++) {
        for (let i = t * 32; i < i1; i++) {
          store<f64>(b + <usize>j * bs + bytes<f64>(i), load<f64>(a + <usize>i * as + bytes<f64>(j)));
        }
      }
    }
  }
  barrier();
}
