import { barrier, mark, PIVOT, push, release, take } from "./parallel";
import { bytes } from "./simd";

/**
 * In place L ← the factor of L Lᵀ + sign x xᵀ for each of k columns x of V (n × k), row by row: the rotations found
 * on the diagonal are kept and applied to the rows below (hyperbolic ones for a downdate, in the mixed form of
 * Bojanczyk et al. 1987). Returns −1, or the pivot at which nothing positive is left.
 */
export function cholesky_update(n: i32, k: i32, sign: i32, l: usize, ls: usize, v: usize, vs: usize): i32 {
  if (take(-1) == 0) {
    const saved = mark();
    const c = push(bytes<f64>(n));
    const s = push(bytes<f64>(n));
    let pivot = -1;
    for (let p = 0; p < k && pivot < 0; p++) {
      for (let i = 0; i < n && pivot < 0; i++) {
        const x = load<f64>(v + <usize>i * vs + bytes<f64>(p));
        if (!update_row(i, sign, l + <usize>i * ls, x, c, s)) pivot = i;
      }
    }
    store<i32>(PIVOT, pivot);
    release(saved);
  }
  barrier();
  return load<i32>(PIVOT);
}

/** Applies the rotations of the rows above to row i, and makes its own; false when its pivot fails. */
function update_row(i: i32, sign: i32, row: usize, x: f64, c: usize, s: usize): bool {
  const end = bytes<f64>(i);
  if (sign > 0) {
    for (let at: usize = 0; at < end; at += 8) {
      const y = load<f64>(row + at);
      const cj = load<f64>(c + at);
      const sj = load<f64>(s + at);
      store<f64>(row + at, cj * y + sj * x);
      x = cj * x - sj * y;
    }
  } else {
    for (let at: usize = 0; at < end; at += 8) {
      const cj = load<f64>(c + at);
      const sj = load<f64>(s + at);
      const y = (load<f64>(row + at) - sj * x) / cj;
      store<f64>(row + at, y);
      x = cj * x - sj * y;
    }
  }
  const d = load<f64>(row + end);
  // (d − x)(d + x) rather than d² − x²: nothing is lost where the pivot nearly vanishes.
  const square = sign > 0 ? d * d + x * x : (d - x) * (d + x);
  if (!(square > 0)) return false;
  const r = sqrt(square);
  store<f64>(c + end, sign > 0 ? d / r : r / d);
  store<f64>(s + end, sign > 0 ? x / r : x / d);
  store<f64>(row + end, r);
  return true;
}
