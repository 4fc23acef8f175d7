import { madd, nmadd } from "./simd";

/**
 * Vectorised exp, expm1 and log. exp: x = k ln 2 + r with |r| ≤ ln 2 / 2, e^r = 1 + r + r² q(r) with q interpolated
 * at Chebyshev nodes (degree 9 for f64, 4 for f32: truncation below 2e-17 and 2e-8), and k added to the exponent.
 * Constants are read from memory: a splat load costs nothing, a vector constant is rebuilt at every use.
 */
const E64 = memory.data<f64>([
  1.4426950408889634, 6755399441055744, 6.93147180369123816490e-1, 1.90821492927058770002e-10, -708.39, 709.782,
  0.5000000000000001, 0.16666666666666669, 0.04166666666662399, 0.008333333333330051, 0.0013888888917281794,
  0.00019841269863105968, 2.480152119021773e-5, 2.7557268378684192e-6, 2.7620138719733994e-7,
  2.5100424157005067e-8, 1, -0.5, 3, 5, 1.6666666666666667,
]);
const E32 = memory.data<f32>([
  1.44269504, 12582912, 0.693359375, -2.12194440e-4, -87.33, 88.7228, 0.5, 0.16666576845993977,
  0.04166655443768594, 0.008363202971575855, 0.0013926213466332444, 1,
]);

/** Constant number i. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function constant<T>(i: i32): v128 {
  return sizeof<T>() == 8 ? v128.load64_splat(E64 + (<usize>i << 3)) : v128.load32_splat(E32 + (<usize>i << 2));
}

/** x / ln 2 to the nearest integer, in the low bits of the mantissa. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function shifted<T>(x: v128): v128 {
  return madd<T>(x, constant<T>(0), constant<T>(1));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function reduced<T>(x: v128, k: v128): v128 {
  return nmadd<T>(k, constant<T>(3), nmadd<T>(k, constant<T>(2), x));
}

/** e^r − 1 for a reduced r. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function reduced_expm1<T>(r: v128): v128 {
  const r2 = v128.mul<T>(r, r);
  const a0 = madd<T>(r, constant<T>(7), constant<T>(6));
  const a1 = madd<T>(r, constant<T>(9), constant<T>(8));
  if (sizeof<T>() == 4) return madd<T>(r2, madd<T>(madd<T>(constant<T>(10), r2, a1), r2, a0), r);
  const a2 = madd<T>(r, constant<T>(11), constant<T>(10));
  const a3 = madd<T>(r, constant<T>(13), constant<T>(12));
  const a4 = madd<T>(r, constant<T>(15), constant<T>(14));
  const r4 = v128.mul<T>(r2, r2);
  const low = madd<T>(a1, r2, a0);
  const high = madd<T>(a4, r4, madd<T>(a3, r2, a2));
  return madd<T>(r2, madd<T>(high, r4, low), r);
}

/** p 2^k for k as `shifted` leaves it. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function scaled<T>(p: v128, k: v128): v128 {
  return sizeof<T>() == 8 ? i64x2.add(p, i64x2.shl(k, 52)) : i32x4.add(p, i32x4.shl(k, 23));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function one<T>(): v128 {
  return sizeof<T>() == 8 ? constant<T>(16) : constant<T>(11);
}

/** −½, 3, 5 and 5 / 3, for the kernel maps (f64 only). */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function minus_half(): v128 {
  return constant<f64>(17);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function three(): v128 {
  return constant<f64>(18);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function five(): v128 {
  return constant<f64>(19);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function five_thirds(): v128 {
  return constant<f64>(20);
}

/** e^x for x ≤ 0 (and up to where it overflows); 0 where it would be subnormal; NaN stays NaN. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function exp_falling<T>(x: v128): v128 {
  const t = shifted<T>(x);
  const r = reduced<T>(x, v128.sub<T>(t, constant<T>(1)));
  const e = scaled<T>(v128.add<T>(one<T>(), reduced_expm1<T>(r)), t);
  return v128.or(v128.andnot(e, v128.lt<T>(x, constant<T>(4))), v128.ne<T>(x, x));
}

/** e^x for every x. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function exp<T>(x: v128): v128 {
  const infinite = v128.splat<T>(<T>Infinity);
  return v128.bitselect(infinite, exp_falling<T>(x), v128.gt<T>(x, constant<T>(5)));
}

/** e^x − 1 for x ≤ 0 without cancellation: (2^k − 1) + 2^k (e^r − 1). */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function expm1_falling<T>(x: v128): v128 {
  // Below −40 the result is −1 to the last digit, and 2^k stays normal.
  const y = v128.max<T>(x, v128.splat<T>(<T>-40));
  const t = shifted<T>(y);
  const r = reduced<T>(y, v128.sub<T>(t, constant<T>(1)));
  const power = scaled<T>(one<T>(), t);
  const e = madd<T>(power, reduced_expm1<T>(r), v128.sub<T>(power, one<T>()));
  return v128.or(e, v128.ne<T>(x, x));
}

/** log(1 + x) for x ≥ 0. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function log1p<T>(x: v128): v128 {
  const y = v128.add<T>(x, one<T>());
  // What rounding 1 + x lost, to first order.
  const lost = v128.div<T>(v128.sub<T>(x, v128.sub<T>(y, one<T>())), y);
  return v128.bitselect(x, v128.add<T>(log_normal<T>(y), lost), v128.eq<T>(x, v128.splat<T>(<T>Infinity)));
}

/** Odd series of 2 atanh: 2 / (2 i + 1). */
const L64 = memory.data<f64>([
  0.6666666666666666, 0.4, 0.2857142857142857, 0.2222222222222222, 0.18181818181818182, 0.15384615384615385,
  0.13333333333333333, 0.11764705882352941, 0.10526315789473684, 0.09523809523809523,
]);
const L32 = memory.data<f32>([0.6666666666666666, 0.4, 0.2857142857142857, 0.2222222222222222]);

/** log of a normal positive y: y = 2^k m with m in [√½, √2), log m = 2 atanh((m − 1) / (m + 1)). */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function log_normal<T>(y: v128): v128 {
  let k: v128;
  let m: v128;
  if (sizeof<T>() == 8) {
    const half = i64x2.splat(0x3fe6a09e667f3bcd); // √½
    const e = i64x2.shr_s(i64x2.sub(y, half), 52);
    m = i64x2.sub(y, i64x2.shl(e, 52));
    // e as f64: small integers, through the low 32 bits of each lane.
    k = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(e, e, 0, 2, 0, 2));
  } else {
    const half = i32x4.splat(0x3f3504f3);
    const e = i32x4.shr_s(i32x4.sub(y, half), 23);
    m = i32x4.sub(y, i32x4.shl(e, 23));
    k = f32x4.convert_i32x4_s(e);
  }
  const t = v128.div<T>(v128.sub<T>(m, one<T>()), v128.add<T>(m, one<T>()));
  const t2 = v128.mul<T>(t, t);
  const terms = sizeof<T>() == 8 ? 10 : 4;
  const table = sizeof<T>() == 8 ? L64 : L32;
  let p = v128.load_splat<T>(table + <usize>(terms - 1) * sizeof<T>());
  for (let i = terms - 2; i >= 0; i--) p = madd<T>(p, t2, v128.load_splat<T>(table + <usize>i * sizeof<T>()));
  const tail = madd<T>(v128.mul<T>(t, t2), p, v128.mul<T>(k, constant<T>(3)));
  return madd<T>(k, constant<T>(2), v128.add<T>(v128.add<T>(t, t), tail));
}
