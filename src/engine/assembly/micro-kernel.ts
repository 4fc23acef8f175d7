import { lanes, madd } from "./simd";

/**
 * The micro-kernel: a 6-row tile of C, two vectors wide, stays in twelve registers while the inner index runs.
 * Twelve accumulators, two vectors of B, one broadcast of A and one for the engine: sixteen, all that x64 has.
 */
export const MR: i32 = 6;

/** Columns of the tile: two vectors. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function NR<T>(): i32 {
  return 2 * lanes<T>();
}

/**
 * C ← alpha A B (`fresh`) or C + alpha A B for one tile of packed panels: A holds MR values and B holds NR for
 * each of `k` steps; C's rows lie `stride` bytes apart. The never-taken exits between the rows (k is positive)
 * end a basic block, so that the host's register allocator does not hoist loads and spill. Four steps to a turn of
 * the loop are written out: one to a turn was 15 % slower.
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
  while (k >= 4) {
    const p0 = v128.load(b);
    const q0 = v128.load(b, 16);
    const a0 = v128.load_splat<T>(a);
    c00 = madd<T>(a0, p0, c00);
    c01 = madd<T>(a0, q0, c01);
    if (k == -1) break;
    const a1 = v128.load_splat<T>(a, sizeof<T>());
    c10 = madd<T>(a1, p0, c10);
    c11 = madd<T>(a1, q0, c11);
    if (k == -2) break;
    const a2 = v128.load_splat<T>(a, 2 * sizeof<T>());
    c20 = madd<T>(a2, p0, c20);
    c21 = madd<T>(a2, q0, c21);
    if (k == -3) break;
    const a3 = v128.load_splat<T>(a, 3 * sizeof<T>());
    c30 = madd<T>(a3, p0, c30);
    c31 = madd<T>(a3, q0, c31);
    if (k == -4) break;
    const a4 = v128.load_splat<T>(a, 4 * sizeof<T>());
    c40 = madd<T>(a4, p0, c40);
    c41 = madd<T>(a4, q0, c41);
    if (k == -5) break;
    const a5 = v128.load_splat<T>(a, 5 * sizeof<T>());
    c50 = madd<T>(a5, p0, c50);
    c51 = madd<T>(a5, q0, c51);
    if (k == -6) break;
    const p1 = v128.load(b, 32);
    const q1 = v128.load(b, 48);
    const a6 = v128.load_splat<T>(a, 6 * sizeof<T>());
    c00 = madd<T>(a6, p1, c00);
    c01 = madd<T>(a6, q1, c01);
    if (k == -7) break;
    const a7 = v128.load_splat<T>(a, 7 * sizeof<T>());
    c10 = madd<T>(a7, p1, c10);
    c11 = madd<T>(a7, q1, c11);
    if (k == -8) break;
    const a8 = v128.load_splat<T>(a, 8 * sizeof<T>());
    c20 = madd<T>(a8, p1, c20);
    c21 = madd<T>(a8, q1, c21);
    if (k == -9) break;
    const a9 = v128.load_splat<T>(a, 9 * sizeof<T>());
    c30 = madd<T>(a9, p1, c30);
    c31 = madd<T>(a9, q1, c31);
    if (k == -10) break;
    const a10 = v128.load_splat<T>(a, 10 * sizeof<T>());
    c40 = madd<T>(a10, p1, c40);
    c41 = madd<T>(a10, q1, c41);
    if (k == -11) break;
    const a11 = v128.load_splat<T>(a, 11 * sizeof<T>());
    c50 = madd<T>(a11, p1, c50);
    c51 = madd<T>(a11, q1, c51);
    if (k == -12) break;
    const p2 = v128.load(b, 64);
    const q2 = v128.load(b, 80);
    const a12 = v128.load_splat<T>(a, 12 * sizeof<T>());
    c00 = madd<T>(a12, p2, c00);
    c01 = madd<T>(a12, q2, c01);
    if (k == -13) break;
    const a13 = v128.load_splat<T>(a, 13 * sizeof<T>());
    c10 = madd<T>(a13, p2, c10);
    c11 = madd<T>(a13, q2, c11);
    if (k == -14) break;
    const a14 = v128.load_splat<T>(a, 14 * sizeof<T>());
    c20 = madd<T>(a14, p2, c20);
    c21 = madd<T>(a14, q2, c21);
    if (k == -15) break;
    const a15 = v128.load_splat<T>(a, 15 * sizeof<T>());
    c30 = madd<T>(a15, p2, c30);
    c31 = madd<T>(a15, q2, c31);
    if (k == -16) break;
    const a16 = v128.load_splat<T>(a, 16 * sizeof<T>());
    c40 = madd<T>(a16, p2, c40);
    c41 = madd<T>(a16, q2, c41);
    if (k == -17) break;
    const a17 = v128.load_splat<T>(a, 17 * sizeof<T>());
    c50 = madd<T>(a17, p2, c50);
    c51 = madd<T>(a17, q2, c51);
    if (k == -18) break;
    const p3 = v128.load(b, 96);
    const q3 = v128.load(b, 112);
    const a18 = v128.load_splat<T>(a, 18 * sizeof<T>());
    c00 = madd<T>(a18, p3, c00);
    c01 = madd<T>(a18, q3, c01);
    if (k == -19) break;
    const a19 = v128.load_splat<T>(a, 19 * sizeof<T>());
    c10 = madd<T>(a19, p3, c10);
    c11 = madd<T>(a19, q3, c11);
    if (k == -20) break;
    const a20 = v128.load_splat<T>(a, 20 * sizeof<T>());
    c20 = madd<T>(a20, p3, c20);
    c21 = madd<T>(a20, q3, c21);
    if (k == -21) break;
    const a21 = v128.load_splat<T>(a, 21 * sizeof<T>());
    c30 = madd<T>(a21, p3, c30);
    c31 = madd<T>(a21, q3, c31);
    if (k == -22) break;
    const a22 = v128.load_splat<T>(a, 22 * sizeof<T>());
    c40 = madd<T>(a22, p3, c40);
    c41 = madd<T>(a22, q3, c41);
    if (k == -23) break;
    const a23 = v128.load_splat<T>(a, 23 * sizeof<T>());
    c50 = madd<T>(a23, p3, c50);
    c51 = madd<T>(a23, q3, c51);
    a += <usize>(4 * MR) * sizeof<T>();
    b += 128;
    k -= 4;
  }
  while (k > 0) {
    const p0 = v128.load(b);
    const q0 = v128.load(b, 16);
    const a0 = v128.load_splat<T>(a);
    c00 = madd<T>(a0, p0, c00);
    c01 = madd<T>(a0, q0, c01);
    if (k == -1) break;
    const a1 = v128.load_splat<T>(a, sizeof<T>());
    c10 = madd<T>(a1, p0, c10);
    c11 = madd<T>(a1, q0, c11);
    if (k == -2) break;
    const a2 = v128.load_splat<T>(a, 2 * sizeof<T>());
    c20 = madd<T>(a2, p0, c20);
    c21 = madd<T>(a2, q0, c21);
    if (k == -3) break;
    const a3 = v128.load_splat<T>(a, 3 * sizeof<T>());
    c30 = madd<T>(a3, p0, c30);
    c31 = madd<T>(a3, q0, c31);
    if (k == -4) break;
    const a4 = v128.load_splat<T>(a, 4 * sizeof<T>());
    c40 = madd<T>(a4, p0, c40);
    c41 = madd<T>(a4, q0, c41);
    if (k == -5) break;
    const a5 = v128.load_splat<T>(a, 5 * sizeof<T>());
    c50 = madd<T>(a5, p0, c50);
    c51 = madd<T>(a5, q0, c51);
    a += <usize>MR * sizeof<T>();
    b += 32;
    k -= 1;
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
