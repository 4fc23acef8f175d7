import { exp_falling, five, five_thirds, log1p, minus_half, one, three } from "./elementary";
import { bytes, madd } from "./simd";

/** Maps of the squared distance s of two scaled points to their covariance f(s); f(0) = 1 but for the first. */
export const SQUARED_DISTANCE: i32 = 0; // s
export const RBF: i32 = 1; // exp(−s / 2)
export const MATERN12: i32 = 2; // exp(−√s)
export const MATERN32: i32 = 3; // (1 + a) exp(−a), a = √(3 s)
export const MATERN52: i32 = 4; // (1 + a + a² / 3) exp(−a), a = √(5 s)
export const RATIONAL_QUADRATIC: i32 = 5; // (1 + s / (2 α))^−α

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function splat(x: f64): v128 {
  return f64x2.splat(x);
}

/** f(s); `alpha` is used by the rational quadratic alone. `map` is known where this is inlined. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function value(map: i32, s: v128, alpha: v128): v128 {
  if (map == RBF) return exp_falling<f64>(f64x2.mul(minus_half(), s));
  if (map == MATERN12) return exp_falling<f64>(f64x2.neg(f64x2.sqrt(s)));
  if (map == MATERN32) {
    const a = f64x2.sqrt(f64x2.mul(three(), s));
    return f64x2.mul(f64x2.add(one<f64>(), a), exp_falling<f64>(f64x2.neg(a)));
  }
  if (map == MATERN52) {
    const a = f64x2.sqrt(f64x2.mul(five(), s));
    const p = madd<f64>(five_thirds(), s, f64x2.add(one<f64>(), a));
    return f64x2.mul(p, exp_falling<f64>(f64x2.neg(a)));
  }
  if (map == RATIONAL_QUADRATIC) {
    const u = f64x2.div(s, f64x2.add(alpha, alpha));
    return exp_falling<f64>(f64x2.neg(f64x2.mul(alpha, log1p<f64>(u))));
  }
  return s;
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function map_values(map: i32, count: i32, s: usize, amplitude: f64, alpha: f64): void {
  const a = splat(amplitude);
  const shape = splat(alpha);
  const end = s + bytes<f64>(count);
  for (; s < end; s += 16) v128.store(s, f64x2.mul(a, value(map, v128.load(s), shape)));
}

/** In place, amplitude f(s) for `count` (even) squared distances. */
export function apply_map(map: i32, count: i32, s: usize, amplitude: f64, alpha: f64): void {
  if (map == RBF) map_values(RBF, count, s, amplitude, alpha);
  else if (map == MATERN12) map_values(MATERN12, count, s, amplitude, alpha);
  else if (map == MATERN32) map_values(MATERN32, count, s, amplitude, alpha);
  else if (map == MATERN52) map_values(MATERN52, count, s, amplitude, alpha);
  else if (map == RATIONAL_QUADRATIC) map_values(RATIONAL_QUADRATIC, count, s, amplitude, alpha);
  else map_values(SQUARED_DISTANCE, count, s, amplitude, alpha);
}

/** In place, w f′(s) from s; adds the sums of w f(s), w ∂f/∂α and w f′(s) to the three values at `sums`. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function map_slopes(map: i32, count: i32, s: usize, w: usize, alpha: f64, sums: usize): void {
  const shape = splat(alpha);
  let total = splat(0);
  let by_shape = total;
  let slopes = total;
  const end = s + bytes<f64>(count);
  for (; s < end; s += 16) {
    const x = v128.load(s);
    const weight = v128.load(w);
    let f: v128;
    let slope: v128;
    if (map == RBF) {
      f = exp_falling<f64>(f64x2.mul(minus_half(), x));
      slope = f64x2.mul(minus_half(), f);
    } else if (map == MATERN12) {
      const r = f64x2.sqrt(x);
      f = exp_falling<f64>(f64x2.neg(r));
      // No derivative at 0: where points coincide their pull-back is taken as 0.
      slope = v128.andnot(f64x2.div(f, f64x2.mul(splat(-2), r)), f64x2.eq(x, splat(0)));
    } else if (map == MATERN32) {
      const a = f64x2.sqrt(f64x2.mul(three(), x));
      const e = exp_falling<f64>(f64x2.neg(a));
      f = madd<f64>(a, e, e);
      slope = f64x2.mul(splat(-1.5), e);
    } else if (map == MATERN52) {
      const a = f64x2.sqrt(f64x2.mul(five(), x));
      const e = exp_falling<f64>(f64x2.neg(a));
      const a1 = f64x2.add(one<f64>(), a);
      f = f64x2.mul(e, madd<f64>(five_thirds(), x, a1));
      slope = f64x2.mul(f64x2.mul(splat(-5.0 / 6.0), e), a1);
    } else if (map == RATIONAL_QUADRATIC) {
      const u = f64x2.div(x, f64x2.add(shape, shape));
      const l = log1p<f64>(u);
      const q = f64x2.div(one<f64>(), f64x2.add(one<f64>(), u));
      f = exp_falling<f64>(f64x2.neg(f64x2.mul(shape, l)));
      slope = f64x2.mul(minus_half(), f64x2.mul(f, q));
      const by = f64x2.mul(f, f64x2.sub(f64x2.mul(u, q), l));
      by_shape = madd<f64>(weight, by, by_shape);
    } else {
      f = x;
      slope = one<f64>();
    }
    total = madd<f64>(weight, f, total);
    const product = f64x2.mul(weight, slope);
    slopes = f64x2.add(slopes, product);
    v128.store(s, product);
    w += 16;
  }
  add(sums, total);
  add(sums + 8, by_shape);
  add(sums + 16, slopes);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function add(at: usize, x: v128): void {
  store<f64>(at, load<f64>(at) + (f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)));
}

export function apply_slopes(map: i32, count: i32, s: usize, w: usize, alpha: f64, sums: usize): void {
  if (map == RBF) map_slopes(RBF, count, s, w, alpha, sums);
  else if (map == MATERN12) map_slopes(MATERN12, count, s, w, alpha, sums);
  else if (map == MATERN32) map_slopes(MATERN32, count, s, w, alpha, sums);
  else if (map == MATERN52) map_slopes(MATERN52, count, s, w, alpha, sums);
  else if (map == RATIONAL_QUADRATIC) map_slopes(RATIONAL_QUADRATIC, count, s, w, alpha, sums);
  else map_slopes(SQUARED_DISTANCE, count, s, w, alpha, sums);
}
