import { exp_falling } from "./elementary";
import { madd, nmadd } from "./simd";

/**
 * erf, sin and cos. They are computed in f64; f32 vectors are widened, two lanes at a time. The coefficients of erf
 * are interpolations at Chebyshev nodes made with mpmath (40 digits); those of sin and cos are fdlibm's.
 */

/** erf(x) / x for |x| ≤ 1, in powers of 2 x² − 1: relative error 8e-18. */
const NEAR = memory.data<f64>([
  0.9654687386698673, -0.1405360890227171, 0.019852496688984218, -0.0022854855611440855,
  0.00021751715603563488, -1.75371694412802e-05, 1.2233827638093572e-06, -7.51156925108609e-08,
  4.115751500265885e-09, -2.035231956483527e-10, 9.21125018742823e-12, -3.80659122412214e-13,
]);
/** exp(x²) erfc(x) for 1 ≤ x ≤ 6, in powers of 14.4 t − 2.6 with t = 1 / (x + 3): relative error 1.1e-16. */
const FAR = memory.data<f64>([
  0.20798329133342885, 0.15436117429436919, 0.04969844540339464, 0.012713147695692198,
  0.002479314697078186, 0.0003316029605764125, 1.9563583246137112e-05, -2.4255574719050315e-06,
  -5.541274478467714e-07, 4.526700764248741e-09, 1.1339538061744706e-08, 2.6381508985080735e-10,
  -2.571511429603255e-10, -6.047405945991704e-12, 6.0857915906870915e-12,
]);
const FAR_SCALE: f64 = 14.4;
const FAR_SHIFT: f64 = 2.6;

/** Polynomial with `count` coefficients at `table`, lowest first. */
// @ts-ignore: decorator
@inline
function polynomial(table: usize, count: i32, x: v128): v128 {
  let p = v128.load64_splat(table + (<usize>(count - 1) << 3));
  for (let i = count - 2; i >= 0; i--) p = madd<f64>(p, x, v128.load64_splat(table + (<usize>i << 3)));
  return p;
}

function erf_f64(x: v128): v128 {
  const a = f64x2.abs(x);
  const square = f64x2.mul(x, x);
  const near = f64x2.mul(x, polynomial(NEAR, 12, f64x2.sub(f64x2.add(square, square), f64x2.splat(1))));
  // Beyond 6, erf is 1 to the last digit.
  const bounded = f64x2.min(a, f64x2.splat(6));
  const t = f64x2.div(f64x2.splat(FAR_SCALE), f64x2.add(bounded, f64x2.splat(3)));
  const tail = polynomial(FAR, 15, f64x2.sub(t, f64x2.splat(FAR_SHIFT)));
  const e = exp_falling<f64>(f64x2.neg(f64x2.mul(bounded, bounded)));
  const far = f64x2.sub(f64x2.splat(1), f64x2.mul(e, tail));
  const signed = v128.or(far, v128.and(x, f64x2.splat(-0.0)));
  return v128.bitselect(near, signed, f64x2.le(a, f64x2.splat(1)));
}

/** sin: −1/6 …, cos: 1/24 … */
const SINE = memory.data<f64>([
  -1.66666666666666324348e-1, 8.33333333332248946124e-3, -1.98412698298579493134e-4, 2.75573137070700676789e-6,
  -2.50507602534068634195e-8, 1.58969099521155010221e-10,
]);
const COSINE = memory.data<f64>([
  4.16666666666666019037e-2, -1.38888888888741095749e-3, 2.48015872894767294178e-5, -2.75573143513906633035e-7,
  2.08757232129817482790e-9, -1.13596475577881948265e-11,
]);
/** Beyond, the three parts of π / 2 no longer reduce exactly, and the scalar functions take over. */
const REDUCIBLE: f64 = 1e5;
const MAGIC: f64 = 6755399441055744;

/** sin x or cos x. */
function trigonometric_f64(x: v128, cosine: bool): v128 {
  if (!i64x2.all_true(f64x2.le(f64x2.abs(x), f64x2.splat(REDUCIBLE)))) {
    const a = f64x2.extract_lane(x, 0);
    const b = f64x2.extract_lane(x, 1);
    return cosine ? f64x2(NativeMath.cos(a), NativeMath.cos(b)) : f64x2(NativeMath.sin(a), NativeMath.sin(b));
  }
  const t = f64x2.add(f64x2.mul(x, f64x2.splat(0.6366197723675814)), f64x2.splat(MAGIC));
  const k = f64x2.sub(t, f64x2.splat(MAGIC));
  let r = nmadd<f64>(k, f64x2.splat(1.57079632673412561417), x);
  r = nmadd<f64>(k, f64x2.splat(6.07710050630396597660e-11), r);
  r = nmadd<f64>(k, f64x2.splat(2.02226624879595063154e-21), r);
  const r2 = f64x2.mul(r, r);
  const s = madd<f64>(f64x2.mul(r, r2), polynomial(SINE, 6, r2), r);
  const half = nmadd<f64>(f64x2.splat(0.5), r2, f64x2.splat(1));
  const c = madd<f64>(f64x2.mul(r2, r2), polynomial(COSINE, 6, r2), half);
  // The quarter turn, in the low bits of t: odd swaps the two, and two of the four change the sign.
  const quarter = cosine ? i64x2.add(t, i64x2.splat(1)) : t;
  const odd = i64x2.ne(v128.and(quarter, i64x2.splat(1)), i64x2.splat(0));
  const sign = i64x2.shl(v128.and(quarter, i64x2.splat(2)), 62);
  return v128.xor(v128.bitselect(c, s, odd), sign);
}

// @ts-ignore: decorator
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
}

/** Four f32 from two pairs of f64. */
// @ts-ignore: decorator
@inline
function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

// @ts-ignore: decorator
@inline
export function erf<T>(x: v128): v128 {
  if (sizeof<T>() == 8) return erf_f64(x);
  return narrow(erf_f64(f64x2.promote_low_f32x4(x)), erf_f64(high(x)));
}

// @ts-ignore: decorator
@inline
export function trigonometric<T>(x: v128, cosine: bool): v128 {
  if (sizeof<T>() == 8) return trigonometric_f64(x, cosine);
  return narrow(trigonometric_f64(f64x2.promote_low_f32x4(x), cosine), trigonometric_f64(high(x), cosine));
}
