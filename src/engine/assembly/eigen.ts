import { barrier, mark, push, release, take } from "./parallel";
import { bytes, madd, nmadd } from "./simd";
import { apply_reflectors, tridiagonalize } from "./tridiagonal";

/** Sweeps allowed for one eigenvalue. */
const SWEEPS: i32 = 50;
const EPSILON: f64 = 2.220446049250313e-16;

/** The result of the sequential part, for all threads. */
const FAILED: usize = 1344;

/**
 * Symmetric eigendecomposition from A's lower triangle: `values` ascending and, with `vectors`, A's columns
 * orthonormal eigenvectors; else A is destroyed. Returns the number of values that did not converge.
 */
export function syevd(n: i32, a: usize, lda: usize, values: usize, vectors: bool): i32 {
  if (n == 0) return 0;
  const saved = mark();
  const e = push(bytes<f64>(n));
  const tau = push(bytes<f64>(n));
  const v = push(bytes<f64>(n * n));
  const vs = bytes<f64>(n);
  tridiagonalize(n, a, lda, values, e, tau, v, vs);
  const z = vectors ? push(bytes<f64>(n * n)) : 0;
  if (take(-1) == 0) {
    if (vectors) {
      memory.fill(z, 0, bytes<f64>(n * n));
      for (let i = 0; i < n; i++) store<f64>(z + bytes<f64>(i * n + i), 1);
    }
    store<i32>(FAILED, finite(n, values, e) ? implicit_ql(n, values, e, z) : spoil(n, values, z));
    sort(n, values, z);
  }
  barrier();
  if (vectors) {
    apply_reflectors(n, tau, v, vs, z, vs);
    transpose(n, z, vs, a, lda);
  }
  release(saved);
  return load<i32>(FAILED);
}

/** Whether no value of the tridiagonal matrix is NaN or infinite. */
function finite(n: i32, d: usize, e: usize): bool {
  let s = 0.0;
  for (let i = 0; i < n; i++) {
    s += 0 * load<f64>(d + bytes<f64>(i));
    if (i < n - 1) s += 0 * load<f64>(e + bytes<f64>(i));
  }
  return s == 0;
}

/** Nothing can be computed: NaN everywhere, and every value counted as failed. */
function spoil(n: i32, d: usize, z: usize): i32 {
  for (let i = 0; i < n; i++) store<f64>(d + bytes<f64>(i), NaN);
  if (z) for (let i = 0; i < n * n; i++) store<f64>(z + bytes<f64>(i), NaN);
  return n;
}

/**
 * Implicit QL with Wilkinson's shift on the tridiagonal matrix (d, e); rotations are applied to the rows of Z unless
 * it is 0. A value that does not converge is counted and left.
 */
function implicit_ql(n: i32, d: usize, e: usize, z: usize): i32 {
  store<f64>(e + bytes<f64>(n - 1), 0);
  let failed = 0;
  // Rounding disturbs every entry by this much, so nothing smaller can be told from 0. A threshold relative to the
  // neighbours alone never lets the zero eigenvalues of a rank-deficient matrix go.
  let norm = 0.0;
  for (let i = 0; i < n; i++) {
    norm = max(norm, abs(load<f64>(d + bytes<f64>(i))) + abs(load<f64>(e + bytes<f64>(i))));
  }
  const negligible = EPSILON * norm;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      for (; m < n - 1; m++) if (abs(load<f64>(e + bytes<f64>(m))) <= negligible) break;
      if (m == l) break;
      if (sweep == SWEEPS) {
        failed++;
        break;
      }
      ql_sweep(n, l, m, d, e, z);
    }
  }
  return failed;
}

/** One sweep of rotations from row m down to row l. */
function ql_sweep(n: i32, l: i32, m: i32, d: usize, e: usize, z: usize): void {
  const dl = load<f64>(d + bytes<f64>(l));
  const el = load<f64>(e + bytes<f64>(l));
  let g = (load<f64>(d + bytes<f64>(l + 1)) - dl) / (2 * el);
  let r = hypotenuse(g, 1);
  g = load<f64>(d + bytes<f64>(m)) - dl + el / (g + (g >= 0 ? r : -r));
  let s = 1.0;
  let c = 1.0;
  let p = 0.0;
  for (let i = m - 1; i >= l; i--) {
    const ei = e + bytes<f64>(i);
    const di = d + bytes<f64>(i);
    const f = s * load<f64>(ei);
    const b = c * load<f64>(ei);
    r = hypotenuse(f, g);
    store<f64>(ei + 8, r);
    if (r == 0) {
      store<f64>(di + 8, load<f64>(di + 8) - p);
      store<f64>(e + bytes<f64>(m), 0);
      return;
    }
    s = f / r;
    c = g / r;
    g = load<f64>(di + 8) - p;
    r = (load<f64>(di) - g) * s + 2 * c * b;
    p = s * r;
    store<f64>(di + 8, g + p);
    g = c * r - b;
    if (z) rotate(n, z + bytes<f64>(i * n), c, s);
  }
  store<f64>(d + bytes<f64>(l), load<f64>(d + bytes<f64>(l)) - p);
  store<f64>(e + bytes<f64>(l), g);
  store<f64>(e + bytes<f64>(m), 0);
}

// @ts-ignore: decorator
@inline
function hypotenuse(x: f64, y: f64): f64 {
  const big = max(abs(x), abs(y));
  const small = min(abs(x), abs(y));
  if (big == 0 || big != big) return big;
  const q = small / big;
  return big * sqrt(1 + q * q);
}

/** Rows i and i + 1 of Z. */
function rotate(n: i32, row: usize, c: f64, s: f64): void {
  const next = row + bytes<f64>(n);
  const cv = f64x2.splat(c);
  const sv = f64x2.splat(s);
  let at: usize = 0;
  for (; at < bytes<f64>(n & ~1); at += 16) {
    const x = v128.load(row + at);
    const y = v128.load(next + at);
    v128.store(next + at, madd<f64>(cv, y, f64x2.mul(sv, x)));
    v128.store(row + at, nmadd<f64>(sv, y, f64x2.mul(cv, x)));
  }
  if (n & 1) {
    const x = load<f64>(row + at);
    const y = load<f64>(next + at);
    store<f64>(next + at, s * x + c * y);
    store<f64>(row + at, c * x - s * y);
  }
}

/** Ascending values, the rows of Z with them: selection, since each swap moves a whole row once. */
function sort(n: i32, d: usize, z: usize): void {
  for (let i = 0; i < n - 1; i++) {
    let k = i;
    for (let j = i + 1; j < n; j++) if (load<f64>(d + bytes<f64>(j)) < load<f64>(d + bytes<f64>(k))) k = j;
    if (k == i) continue;
    const x = load<f64>(d + bytes<f64>(i));
    store<f64>(d + bytes<f64>(i), load<f64>(d + bytes<f64>(k)));
    store<f64>(d + bytes<f64>(k), x);
    if (!z) continue;
    for (let j = 0; j < n; j++) {
      const p = z + bytes<f64>(i * n + j);
      const q = z + bytes<f64>(k * n + j);
      const t = load<f64>(p);
      store<f64>(p, load<f64>(q));
      store<f64>(q, t);
    }
  }
}

/** B ← Aᵀ for n × n matrices, in blocks that fit the first cache. */
function transpose(n: i32, a: usize, as: usize, b: usize, bs: usize): void {
  const blocks = (n + 31) / 32;
  for (let t = take(-1); t < blocks; t = take(t)) {
    const i1 = min(n, (t + 1) * 32);
    for (let j0 = 0; j0 < n; j0 += 32) {
      const j1 = min(n, j0 + 32);
      for (let i = t * 32; i < i1; i++) {
        for (let j = j0; j < j1; j++) {
          store<f64>(b + <usize>i * bs + bytes<f64>(j), load<f64>(a + <usize>j * as + bytes<f64>(i)));
        }
      }
    }
  }
  barrier();
}
