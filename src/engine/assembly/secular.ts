import { bytes, madd } from "./simd";

/**
 * Roots of the secular equation 1 + ρ Σ z_j² / (d_j − λ) = 0 for ascending d, ρ > 0 and z_j ≠ 0: one in each
 * interval (d_i, d_{i+1}), the last in (d_n, d_n + ρ ‖z‖²].
 */

const EPSILON: f64 = 2.220446049250313e-16;
const MOST_STEPS: i32 = 80;

/** Σ z_j² / x_j and Σ z_j² / x_j² over [from, to), left in `total` and `slope`. */
let total: f64 = 0;
let slope: f64 = 0;

function sums(from: i32, to: i32, z: usize, x: usize): void {
  let t = f64x2.splat(0);
  let s = t;
  let j = from;
  for (; j + 2 <= to; j += 2) {
    const zj = v128.load(z + bytes<f64>(j));
    const q = f64x2.div(zj, v128.load(x + bytes<f64>(j)));
    t = madd<f64>(zj, q, t);
    s = madd<f64>(q, q, s);
  }
  total = f64x2.extract_lane(t, 0) + f64x2.extract_lane(t, 1);
  slope = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  if (j < to) {
    const zj = load<f64>(z + bytes<f64>(j));
    const q = zj / load<f64>(x + bytes<f64>(j));
    total += zj * q;
    slope += q * q;
  }
}

/** x_j ← (d_j − origin) − mu: differences from a pole are exact where it matters, near it. */
function differences(n: i32, d: usize, origin: f64, mu: f64, x: usize): void {
  for (let j = 0; j < n; j++) store<f64>(x + bytes<f64>(j), load<f64>(d + bytes<f64>(j)) - origin - mu);
}

/**
 * Root number i: returns λ and leaves d_j − λ in x. The sums left and right of the root are each replaced by a
 * rational function with the nearest pole of its side (Li 1993, "the middle way"); the zero of those two is the next
 * iterate where it lies inside the bracket, else the bracket is halved.
 */
export function secular_root(n: i32, i: i32, d: usize, z: usize, norm: f64, rho: f64, x: usize): f64 {
  const last = i == n - 1;
  const di = load<f64>(d + bytes<f64>(i));
  const width = last ? rho * norm : load<f64>(d + bytes<f64>(i + 1)) - di;
  // The nearer pole becomes the origin: the sign at the middle tells on which side the root is.
  let origin = di;
  let low = 0.0;
  let high = width;
  let mu = 0.5 * width;
  if (!last) {
    differences(n, d, di, mu, x);
    sums(0, n, z, x);
    if (1 + rho * total >= 0) high = mu;
    else {
      origin = load<f64>(d + bytes<f64>(i + 1));
      low = mu - width;
      high = 0;
    }
    mu = 0.5 * (low + high);
  }
  const split = last ? n - 1 : i + 1;
  for (let step = 0; step < MOST_STEPS; step++) {
    differences(n, d, origin, mu, x);
    sums(0, split, z, x);
    const left = rho * total;
    const left_slope = rho * slope;
    sums(split, n, z, x);
    const right = rho * total;
    const right_slope = rho * slope;
    const f = 1 + left + right;
    if (f > 0) high = mu;
    else low = mu;
    const noise = EPSILON * (1 + abs(left) + abs(right) + abs(mu) * (left_slope + right_slope));
    if (abs(f) <= noise || high - low <= EPSILON * max(abs(low), abs(high))) break;
    let next = mu + middle_way(
      f,
      left_slope,
      right_slope,
      split > 0 ? load<f64>(x + bytes<f64>(split - 1)) : -width,
      load<f64>(x + bytes<f64>(split)),
      low - mu,
      high - mu,
    );
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (next == mu) break;
    mu = next;
  }
  differences(n, d, origin, mu, x);
  return origin + mu;
}

/** The step to the zero of the two rational functions with poles at a and b (relative to here), if inside. */
function middle_way(f: f64, fa: f64, fb: f64, a: f64, b: f64, low: f64, high: f64): f64 {
  const c = f - a * fa - b * fb;
  const p = (a + b) * f - a * b * (fa + fb);
  const q = a * b * f;
  const root = sqrt(max(0, p * p - 4 * q * c));
  // c η² − p η + q = 0, each root by the form that does not cancel.
  const big = p >= 0 ? p + root : p - root;
  const first = (2 * q) / big;
  if (first > low && first < high) return first;
  return big / (2 * c);
}
