import { exp_falling } from "./elementary";
import { bytes, madd, nmadd } from "./simd";

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
/** The same for f32: relative errors 2e-9 and 5e-8 (of erfc, at most 0.16). */
const NEAR32 = memory.data<f32>([
  0.9654687386698673, -0.14053609727754268, 0.019852497140907616, -0.0022854195448728494, 0.00021751354165582579,
  -1.7669068026125697e-5, 1.2306054785446075e-6, 0,
]);
const FAR32 = memory.data<f32>([
  0.20798329549073946, 0.15436117425501214, 0.04969831228475211, 0.012713148953150776, 0.0024799825791831935,
  0.0003315967264280054, 1.8485697971986048e-5, -2.4157982329487707e-6,
]);

/** Polynomial with `count` coefficients at `table`, lowest first. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function polynomial<T>(table: usize, count: i32, x: v128): v128 {
  let p = v128.load_splat<T>(table + bytes<T>(count - 1));
  for (let i = count - 2; i >= 0; i--) p = madd<T>(p, x, v128.load_splat<T>(table + bytes<T>(i)));
  return p;
}

/** Polynomial with eight f32 coefficients: in pairs (Estrin), as waiting for each term would cost most of the time. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function octic(table: usize, x: v128): v128 {
  const x2 = f32x4.mul(x, x);
  const a = madd<f32>(v128.load32_splat(table, 4), x, v128.load32_splat(table));
  const b = madd<f32>(v128.load32_splat(table, 12), x, v128.load32_splat(table, 8));
  const c = madd<f32>(v128.load32_splat(table, 20), x, v128.load32_splat(table, 16));
  const d = madd<f32>(v128.load32_splat(table, 28), x, v128.load32_splat(table, 24));
  return madd<f32>(madd<f32>(d, x2, c), f32x4.mul(x2, x2), madd<f32>(b, x2, a));
}

function error_function<T>(x: v128): v128 {
  const wide = sizeof<T>() == 8;
  const one = v128.splat<T>(<T>1);
  const a = v128.abs<T>(x);
  const square = v128.mul<T>(x, x);
  const u = v128.sub<T>(v128.add<T>(square, square), one);
  const near = v128.mul<T>(x, wide ? polynomial<T>(NEAR, 12, u) : octic(NEAR32, u));
  // Beyond 6, erf is 1 to the last digit.
  const bounded = v128.min<T>(a, v128.splat<T>(<T>6));
  const t = v128.div<T>(v128.splat<T>(<T>14.4), v128.add<T>(bounded, v128.splat<T>(<T>3)));
  const w = v128.sub<T>(t, v128.splat<T>(<T>2.6));
  const tail = wide ? polynomial<T>(FAR, 15, w) : octic(FAR32, w);
  const far = nmadd<T>(exp_falling<T>(v128.neg<T>(v128.mul<T>(bounded, bounded))), tail, one);
  const signed = v128.or(far, v128.and(x, v128.splat<T>(<T>-0.0)));
  return v128.bitselect(near, signed, v128.le<T>(a, one));
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
  const s = madd<f64>(f64x2.mul(r, r2), polynomial<f64>(SINE, 6, r2), r);
  const half = nmadd<f64>(f64x2.splat(0.5), r2, f64x2.splat(1));
  const c = madd<f64>(f64x2.mul(r2, r2), polynomial<f64>(COSINE, 6, r2), half);
  // The quarter turn, in the low bits of t: odd swaps the two, and two of the four change the sign.
  const quarter = cosine ? i64x2.add(t, i64x2.splat(1)) : t;
  const odd = i64x2.ne(v128.and(quarter, i64x2.splat(1)), i64x2.splat(0));
  const sign = i64x2.shl(v128.and(quarter, i64x2.splat(2)), 62);
  return v128.xor(v128.bitselect(c, s, odd), sign);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
}

/** Four f32 from two pairs of f64. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function erf<T>(x: v128): v128 {
  return error_function<T>(x);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function trigonometric<T>(x: v128, cosine: bool): v128 {
  if (sizeof<T>() == 8) return trigonometric_f64(x, cosine);
  return narrow(trigonometric_f64(f64x2.promote_low_f32x4(x), cosine), trigonometric_f64(high(x), cosine));
}
