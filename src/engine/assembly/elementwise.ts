import { exp, expm1_falling, log1p, one } from "./elementary";
import { barrier, take } from "./parallel";
import { bytes, madd, nmadd } from "./simd";
import { erf, trigonometric } from "./special";

/** Functions of one number, as numbered by src/engine/wasm/elementwise.ts. */
const EXP: i32 = 0;
const RELU: i32 = 1;
const TANH: i32 = 2;
const SIGMOID: i32 = 3;
const SOFTPLUS: i32 = 4;
const SILU: i32 = 5;
const ERF: i32 = 6;
const GELU: i32 = 7;
const SIN: i32 = 8;
const COS: i32 = 9;

/** Elements taken as one task. */
const CHUNK: i32 = 4096;

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function splat<T>(x: f64): v128 {
  return v128.splat<T>(<T>x);
}

/** tanh x = −(e^(−2|x|) − 1) / (e^(−2|x|) + 1) with x's sign. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function tanh<T>(x: v128): v128 {
  const e = expm1_falling<T>(v128.mul<T>(splat<T>(-2), v128.abs<T>(x)));
  const t = v128.div<T>(e, v128.add<T>(e, splat<T>(2))); // not positive
  const sign = splat<T>(-0.0);
  return v128.xor(v128.abs<T>(t), v128.and(x, sign));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function sigmoid<T>(x: v128): v128 {
  return v128.div<T>(one<T>(), v128.add<T>(one<T>(), exp<T>(v128.neg<T>(x))));
}

/** exp(−x² / 2) / √(2π) */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function normal_density<T>(x: v128): v128 {
  return v128.mul<T>(splat<T>(0.3989422804014327), exp<T>(v128.mul<T>(splat<T>(-0.5), v128.mul<T>(x, x))));
}

/** Φ(x) = (1 + erf(x / √2)) / 2 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function normal_cdf<T>(x: v128): v128 {
  return madd<T>(splat<T>(0.5), erf<T>(v128.mul<T>(splat<T>(0.7071067811865476), x)), splat<T>(0.5));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function value<T>(f: i32, x: v128): v128 {
  if (f == EXP) return exp<T>(x);
  if (f == RELU) return v128.max<T>(x, splat<T>(0));
  if (f == TANH) return tanh<T>(x);
  if (f == SIGMOID) return sigmoid<T>(x);
  if (f == SOFTPLUS) {
    return v128.add<T>(v128.max<T>(x, splat<T>(0)), log1p<T>(exp<T>(v128.neg<T>(v128.abs<T>(x)))));
  }
  if (f == SILU) return v128.mul<T>(x, sigmoid<T>(x));
  if (f == ERF) return erf<T>(x);
  if (f == GELU) return v128.mul<T>(x, normal_cdf<T>(x));
  if (f == SIN) return trigonometric<T>(x, false);
  return trigonometric<T>(x, true);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function slope<T>(f: i32, x: v128): v128 {
  if (f == EXP) return exp<T>(x);
  if (f == RELU) return v128.or(v128.and(one<T>(), v128.gt<T>(x, splat<T>(0))), v128.ne<T>(x, x));
  if (f == TANH) {
    const t = tanh<T>(x);
    return nmadd<T>(t, t, one<T>());
  }
  if (f == SIGMOID) {
    const s = sigmoid<T>(x);
    return v128.mul<T>(s, v128.sub<T>(one<T>(), s));
  }
  if (f == SOFTPLUS) return sigmoid<T>(x);
  if (f == SILU) {
    const s = sigmoid<T>(x);
    return v128.mul<T>(s, madd<T>(x, v128.sub<T>(one<T>(), s), one<T>()));
  }
  if (f == ERF) {
    return v128.mul<T>(splat<T>(1.1283791670955126), exp<T>(v128.neg<T>(v128.mul<T>(x, x))));
  }
  if (f == GELU) return madd<T>(x, normal_density<T>(x), normal_cdf<T>(x));
  if (f == SIN) return trigonometric<T>(x, true);
  return v128.neg<T>(trigonometric<T>(x, false));
}

/** out ← f(x), or with `by` out ← by f′(x), over n values; all arrays have room for whole vectors. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function loop<T>(f: i32, n: i32, x: usize, by: usize, out: usize): void {
  const tasks = (n + CHUNK - 1) / CHUNK;
  for (let t = take(-1); t < tasks; t = take(t)) {
    let at = bytes<T>(t * CHUNK);
    const end = bytes<T>(min(n, (t + 1) * CHUNK));
    if (by) {
      for (; at < end; at += 16) v128.store(out + at, v128.mul<T>(v128.load(by + at), slope<T>(f, v128.load(x + at))));
    } else {
      for (; at < end; at += 16) v128.store(out + at, value<T>(f, v128.load(x + at)));
    }
  }
  barrier();
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function dispatch<T>(f: i32, n: i32, x: usize, by: usize, out: usize): void {
  if (f == EXP) loop<T>(EXP, n, x, by, out);
  else if (f == RELU) loop<T>(RELU, n, x, by, out);
  else if (f == TANH) loop<T>(TANH, n, x, by, out);
  else if (f == SIGMOID) loop<T>(SIGMOID, n, x, by, out);
  else if (f == SOFTPLUS) loop<T>(SOFTPLUS, n, x, by, out);
  else if (f == SILU) loop<T>(SILU, n, x, by, out);
  else if (f == ERF) loop<T>(ERF, n, x, by, out);
  else if (f == GELU) loop<T>(GELU, n, x, by, out);
  else if (f == SIN) loop<T>(SIN, n, x, by, out);
  else loop<T>(COS, n, x, by, out);
}

export function elementwise_f64(f: i32, n: i32, x: usize, by: usize, out: usize): void {
  dispatch<f64>(f, n, x, by, out);
}

export function elementwise_f32(f: i32, n: i32, x: usize, by: usize, out: usize): void {
  dispatch<f32>(f, n, x, by, out);
}
