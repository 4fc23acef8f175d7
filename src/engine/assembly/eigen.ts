import { divide_and_conquer } from "./divide";
import { barrier, mark, push, release, take } from "./parallel";
import { implicit_ql, sort_indices } from "./ql";
import { bytes } from "./simd";
import { apply_reflectors, tridiagonalize } from "./tridiagonal";

/** The results of the sequential parts, for all threads. */
const FAILED: usize = 1376;
const SCALE: usize = 1384;

/**
 * Symmetric eigendecomposition from A's lower triangle: `values` ascending and, with `vectors`, A's columns
 * orthonormal eigenvectors; else A is destroyed. Returns the number of values that did not converge.
 */
export function syevd(n: i32, a: usize, lda: usize, values: usize, vectors: bool): i32 {
  if (n == 0) return 0;
  const saved = mark();
  const d = push(bytes<f64>(n));
  const e = push(bytes<f64>(n));
  const tau = push(bytes<f64>(n));
  const order = push(bytes<f64>(n));
  const v = push(bytes<f64>(n * n));
  const vs = bytes<f64>(n);
  tridiagonalize(n, a, lda, d, e, tau, v, vs);
  if (take(-1) == 0) store<f64>(SCALE, scale_to_one(n, d, e));
  barrier();
  const scale = load<f64>(SCALE);
  const finite = scale - scale == 0;
  if (!finite) {
    if (take(-1) == 0) for (let i = 0; i < n; i++) store<f64>(values + bytes<f64>(i), NaN);
    barrier();
    release(saved);
    return n;
  }
  if (vectors) {
    const z = push(bytes<f64>(n * n));
    for (let i = take(-1); i < n; i = take(i)) memory.fill(z + <usize>i * vs, 0, vs);
    barrier();
    const failed = divide_and_conquer(n, d, e, z, vs);
    if (take(-1) == 0) {
      store<i32>(FAILED, failed);
      write_values(n, d, scale, order, values);
    }
    barrier();
    apply_reflectors(n, n, n - 1, tau, v, vs, z, vs);
    transpose(n, z, vs, order, a, lda);
  } else {
    if (take(-1) == 0) {
      store<i32>(FAILED, implicit_ql(n, d, e, 0, 0));
      write_values(n, d, scale, order, values);
    }
    barrier();
  }
  release(saved);
  return load<i32>(FAILED);
}

/** Divides (d, e) by its largest magnitude, which it returns: NaN or infinite where there is such a value. */
function scale_to_one(n: i32, d: usize, e: usize): f64 {
  let largest = 0.0;
  for (let i = 0; i < n; i++) {
    largest = max(largest, abs(load<f64>(d + bytes<f64>(i))));
    if (i < n - 1) largest = max(largest, abs(load<f64>(e + bytes<f64>(i))));
  }
  if (largest == 0) return 1;
  for (let i = 0; i < n; i++) {
    store<f64>(d + bytes<f64>(i), load<f64>(d + bytes<f64>(i)) / largest);
    if (i < n - 1) store<f64>(e + bytes<f64>(i), load<f64>(e + bytes<f64>(i)) / largest);
  }
  return largest;
}

/** Scaled back and in ascending order; `order` says from where. */
function write_values(n: i32, d: usize, scale: f64, order: usize, values: usize): void {
  sort_indices(n, d, order);
  for (let i = 0; i < n; i++) {
    const from = load<i32>(order + (<usize>i << 2));
    store<f64>(values + bytes<f64>(i), scale * load<f64>(d + bytes<f64>(from)));
  }
}

/** Column j of B ← row order[j] of A, in blocks that fit the first cache. */
function transpose(n: i32, a: usize, as: usize, order: usize, b: usize, bs: usize): void {
  const blocks = (n + 31) / 32;
  for (let t = take(-1); t < blocks; t = take(t)) {
    const j1 = min(n, (t + 1) * 32);
    for (let i0 = 0; i0 < n; i0 += 32) {
      const i1 = min(n, i0 + 32);
      for (let j = t * 32; j < j1; j++) {
        const row = a + <usize>load<i32>(order + (<usize>j << 2)) * as;
        for (let i = i0; i < i1; i++) {
          store<f64>(b + <usize>i * bs + bytes<f64>(j), load<f64>(row + bytes<f64>(i)));
        }
      }
    }
  }
  barrier();
}
