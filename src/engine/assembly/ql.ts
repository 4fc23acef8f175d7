import { bytes, madd, nmadd } from "./simd";

/** Sweeps allowed for one eigenvalue. */
const SWEEPS: i32 = 50;
const EPSILON: f64 = 2.220446049250313e-16;

/**
 * Implicit QL with Wilkinson's shift on the tridiagonal matrix (d, e), e of length n − 1; rotations are applied to the rows of Z unless
 * it is 0. A value that does not converge is counted and left.
 */
export function implicit_ql(n: i32, d: usize, e: usize, z: usize, zs: usize): i32 {
  let failed = 0;
  // Rounding disturbs every entry by this much, so nothing smaller can be told from 0. A threshold relative to the
  // neighbours alone never lets the zero eigenvalues of a rank-deficient matrix go.
  let norm = 0.0;
  for (let i = 0; i < n; i++) {
    const beside = i < n - 1 ? abs(load<f64>(e + bytes<f64>(i))) : 0;
    norm = max(norm, abs(load<f64>(d + bytes<f64>(i))) + beside);
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
      ql_sweep(n, l, m, d, e, z, zs);
    }
  }
  return failed;
}

/** One sweep of rotations from row m down to row l. */
function ql_sweep(n: i32, l: i32, m: i32, d: usize, e: usize, z: usize, zs: usize): void {
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
    if (i + 1 < m) store<f64>(ei + 8, r);
    if (r == 0) {
      store<f64>(di + 8, load<f64>(di + 8) - p);
      if (m < n - 1) store<f64>(e + bytes<f64>(m), 0);
      return;
    }
    s = f / r;
    c = g / r;
    g = load<f64>(di + 8) - p;
    r = (load<f64>(di) - g) * s + 2 * c * b;
    p = s * r;
    store<f64>(di + 8, g + p);
    g = c * r - b;
    if (z) rotate(n, z + <usize>i * zs, zs, c, s);
  }
  store<f64>(d + bytes<f64>(l), load<f64>(d + bytes<f64>(l)) - p);
  store<f64>(e + bytes<f64>(l), g);
  if (m < n - 1) store<f64>(e + bytes<f64>(m), 0);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function hypotenuse(x: f64, y: f64): f64 {
  const big = max(abs(x), abs(y));
  const small = min(abs(x), abs(y));
  if (big == 0 || big != big) return big;
  const q = small / big;
  return big * sqrt(1 + q * q);
}

/** Rows i and i + 1 of Z. */
function rotate(n: i32, row: usize, zs: usize, c: f64, s: f64): void {
  const next = row + zs;
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

/** Indices (i32) of d's values in ascending order. */
export function sort_indices(n: i32, d: usize, to: usize): void {
  for (let i = 0; i < n; i++) {
    const x = load<f64>(d + bytes<f64>(i));
    let j = i;
    for (; j > 0; j--) {
      const before = load<i32>(to + (<usize>(j - 1) << 2));
      if (!(load<f64>(d + bytes<f64>(before)) > x)) break;
      store<i32>(to + (<usize>j << 2), before);
    }
    store<i32>(to + (<usize>j << 2), i);
  }
}
