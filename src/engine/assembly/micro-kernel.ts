import { lanes, madd } from "./simd";

/**
 * The micro-kernel: a 6-row tile of C, two vectors wide, stays in twelve registers while the inner index runs.
 * Twelve accumulators, two vectors of B, one broadcast of A and one for the engine: sixteen, all that x64 has.
 */
export const MR: i32 = 6;

/** Columns of the tile: two vectors. */
// @ts-ignore: decorator
@inline
export function NR<T>(): i32 {
  return 2 * lanes<T>();
}

/**
 * C ← alpha A B (`fresh`) or C + alpha A B for one tile of packed panels: A holds MR values and B holds NR for
 * each of `k` steps; C's rows lie `stride` bytes apart. The never-taken exits between the rows (k is positive)
 * end a basic block, so that the host's register allocator does not hoist loads and spill.
 */
export function micro_kernel<T>(
  k: i32,
  a: usize,
  b: usize,
  alpha: T,
  fresh: bool,
  c: usize,
  stride: usize,
): void {
  let c00 = v128.splat<T>(<T>0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let c40 = c00;
  let c41 = c00;
  let c50 = c00;
  let c51 = c00;
  if (k > 0) {
    while (true) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load_splat<T>(a);
      c00 = madd<T>(a0, b0, c00);
      c01 = madd<T>(a0, b1, c01);
      if (k == -1) break;
      const a1 = v128.load_splat<T>(a, sizeof<T>());
      c10 = madd<T>(a1, b0, c10);
      c11 = madd<T>(a1, b1, c11);
      if (k == -2) break;
      const a2 = v128.load_splat<T>(a, 2 * sizeof<T>());
      c20 = madd<T>(a2, b0, c20);
      c21 = madd<T>(a2, b1, c21);
      if (k == -3) break;
      const a3 = v128.load_splat<T>(a, 3 * sizeof<T>());
      c30 = madd<T>(a3, b0, c30);
      c31 = madd<T>(a3, b1, c31);
      if (k == -4) break;
      const a4 = v128.load_splat<T>(a, 4 * sizeof<T>());
      c40 = madd<T>(a4, b0, c40);
      c41 = madd<T>(a4, b1, c41);
      if (k == -5) break;
      const a5 = v128.load_splat<T>(a, 5 * sizeof<T>());
      c50 = madd<T>(a5, b0, c50);
      c51 = madd<T>(a5, b1, c51);
      a += <usize>MR * sizeof<T>();
      b += 32;
      k -= 1;
      if (k == 0) break;
    }
  }
  const s = v128.splat<T>(alpha);
  if (fresh) {
    v128.store(c, v128.mul<T>(s, c00));
    v128.store(c, v128.mul<T>(s, c01), 16);
    c += stride;
    v128.store(c, v128.mul<T>(s, c10));
    v128.store(c, v128.mul<T>(s, c11), 16);
    c += stride;
    v128.store(c, v128.mul<T>(s, c20));
    v128.store(c, v128.mul<T>(s, c21), 16);
    c += stride;
    v128.store(c, v128.mul<T>(s, c30));
    v128.store(c, v128.mul<T>(s, c31), 16);
    c += stride;
    v128.store(c, v128.mul<T>(s, c40));
    v128.store(c, v128.mul<T>(s, c41), 16);
    c += stride;
    v128.store(c, v128.mul<T>(s, c50));
    v128.store(c, v128.mul<T>(s, c51), 16);
  } else {
    v128.store(c, madd<T>(s, c00, v128.load(c)));
    v128.store(c, madd<T>(s, c01, v128.load(c, 16)), 16);
    c += stride;
    v128.store(c, madd<T>(s, c10, v128.load(c)));
    v128.store(c, madd<T>(s, c11, v128.load(c, 16)), 16);
    c += stride;
    v128.store(c, madd<T>(s, c20, v128.load(c)));
    v128.store(c, madd<T>(s, c21, v128.load(c, 16)), 16);
    c += stride;
    v128.store(c, madd<T>(s, c30, v128.load(c)));
    v128.store(c, madd<T>(s, c31, v128.load(c, 16)), 16);
    c += stride;
    v128.store(c, madd<T>(s, c40, v128.load(c)));
    v128.store(c, madd<T>(s, c41, v128.load(c, 16)), 16);
    c += stride;
    v128.store(c, madd<T>(s, c50, v128.load(c)));
    v128.store(c, madd<T>(s, c51, v128.load(c, 16)), 16);
  }
}
