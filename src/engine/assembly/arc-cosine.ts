import { barrier, take } from "./parallel";
import { bytes, madd } from "./simd";

/** asin x = x + x z P(z) / Q(z), z = x² ≤ ¼ (fdlibm, e_asin.c). */
const P = memory.data<f64>([
  1.66666666666666657415e-1, -3.25565818622400915405e-1, 2.01212532134862925881e-1, -4.00555345006794114027e-2,
  7.91534994289814532176e-4, 3.4793310759602116757e-5,
]);
const Q = memory.data<f64>([
  1, -2.40339491173441421878, 2.02094576023350569471, -6.8828397160545329303e-1, 7.70381505559019352791e-2,
]);

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function term(table: usize, i: usize): v128 {
  return v128.load64_splat(table + (i << 3));
}

/** acos c from c and 1 − |c|: near ±1 through the half angle, where no digits are lost. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function acos(c: v128, rest: v128): v128 {
  const a = f64x2.abs(c);
  const half = f64x2.splat(0.5);
  const large = f64x2.gt(a, half);
  const z = v128.bitselect(f64x2.mul(half, rest), f64x2.mul(a, a), large);
  const x = v128.bitselect(f64x2.sqrt(z), a, large);
  let p = madd<f64>(term(P, 5), z, term(P, 4));
  p = madd<f64>(p, z, term(P, 3));
  p = madd<f64>(p, z, term(P, 2));
  p = madd<f64>(p, z, term(P, 1));
  p = madd<f64>(p, z, term(P, 0));
  let q = madd<f64>(term(Q, 4), z, term(Q, 3));
  q = madd<f64>(q, z, term(Q, 2));
  q = madd<f64>(q, z, term(Q, 1));
  q = madd<f64>(q, z, term(Q, 0));
  const asin = madd<f64>(f64x2.mul(x, z), f64x2.div(p, q), x);
  const right = f64x2.splat(1.5707963267948966);
  const positive = v128.bitselect(f64x2.add(asin, asin), f64x2.sub(right, asin), large);
  const negative = f64x2.sub(f64x2.splat(3.141592653589793), positive);
  return v128.bitselect(negative, positive, f64x2.lt(c, f64x2.splat(0)));
}

/**
 * In place, rows of covariances k become (√(vw) / 2π) (sin θ + (π − θ) cos θ), and `slopes` (π − θ) / 2π, for
 * cos θ = k / √(vw), v the row's variance and w the column's. Rows of both are `stride` bytes apart, of whole vectors.
 */
export function arc_cosine(rows: i32, cols: i32, k: usize, slopes: usize, stride: usize, v: usize, w: usize): void {
  const one = f64x2.splat(1);
  const pi = f64x2.splat(3.141592653589793);
  const share = f64x2.splat(0.15915494309189535); // 1 / 2π
  for (let i = take(-1); i < rows; i = take(i)) {
    const variance = v128.load64_splat(v + bytes<f64>(i));
    const row = k + <usize>i * stride;
    const slope = slopes + <usize>i * stride;
    for (let at: usize = 0; at < bytes<f64>(cols); at += 16) {
      const scale = f64x2.sqrt(f64x2.mul(variance, v128.load(w + at)));
      const quotient = f64x2.div(v128.load(row + at), scale);
      // Without variance the angle is a right one.
      const bare = v128.andnot(quotient, f64x2.eq(scale, f64x2.splat(0)));
      const c = f64x2.max(f64x2.neg(one), f64x2.min(one, bare));
      const rest = f64x2.sub(one, f64x2.abs(c));
      const angle = f64x2.sub(pi, acos(c, rest));
      const sine = f64x2.sqrt(f64x2.mul(rest, f64x2.add(one, f64x2.abs(c))));
      v128.store(slope + at, f64x2.mul(share, angle));
      v128.store(row + at, f64x2.mul(f64x2.mul(share, scale), madd<f64>(angle, c, sine)));
    }
  }
  barrier();
}
