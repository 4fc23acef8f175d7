/** Vector arithmetic over both element types: two f64 lanes or four f32 lanes. */

/** Lanes of one vector. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function lanes<T>(): i32 {
  return 16 / sizeof<T>();
}

/** a b + c, fused where the host has relaxed SIMD. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function madd<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(a, b, c);
  return v128.add<T>(c, v128.mul<T>(a, b));
}

/** c − a b, fused where the host has relaxed SIMD. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function nmadd<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_nmadd<T>(a, b, c);
  return v128.sub<T>(c, v128.mul<T>(a, b));
}

/** Sum of the lanes, in a fixed order. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function sum<T>(x: v128): T {
  if (sizeof<T>() == 8) return <T>(f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1));
  return <T>(
    (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3)))
  );
}

/** Bytes of `count` elements of T. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function bytes<T>(count: i32): usize {
  return <usize>count * sizeof<T>();
}
