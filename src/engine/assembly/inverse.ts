import { gemm } from "./gemm";
import { barrier, take } from "./parallel";
import { bytes, madd } from "./simd";
import { trsm } from "./triangular";

/** Order of the triangles inverted or multiplied without splitting. */
const LEAF: i32 = 48;

/**
 * In place, the lower triangle of (L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹ from the lower triangle L. The upper triangle is overwritten:
 * it is cleared first, so that triangular blocks can be multiplied as dense ones.
 */
export function potri(n: i32, a: usize, lda: usize): void {
  for (let i = take(-1); i < n; i = take(i)) {
    memory.fill(a + <usize>i * lda + bytes<f64>(i + 1), 0, bytes<f64>(n - 1 - i));
  }
  barrier();
  join_inverse(n, a, lda);
  const leaves = (n + LEAF - 1) / LEAF;
  for (let t = take(-1); t < leaves; t = take(t)) {
    const i = t * LEAF;
    invert_leaf(min(LEAF, n - i), a + <usize>i * lda + bytes<f64>(i), lda);
  }
  barrier();
  square(n, a, lda);
}

/** First half of a split, a multiple of the leaf: all splits then end on the same grid of leaves. */
// @ts-ignore: decorator
@inline
function half(n: i32): i32 {
  return ((n / LEAF + 1) / 2) * LEAF;
}

// @ts-ignore: decorator
@inline
function below(a: usize, lda: usize, h: i32): usize {
  return a + <usize>h * lda;
}

/** L21 ← −L22⁻¹ L21 L11⁻¹ at every level of the split; the leaves on the diagonal are still L, inverted last. */
function join_inverse(n: i32, a: usize, lda: usize): void {
  if (n <= LEAF) return;
  const h = half(n);
  const l21 = below(a, lda, h);
  const l22 = l21 + bytes<f64>(h);
  trsm(false, n - h, h, a, lda, true, false, l21, lda);
  trsm(true, n - h, h, l22, lda, true, false, l21, lda);
  negate(n - h, h, l21, lda);
  join_inverse(h, a, lda);
  join_inverse(n - h, l22, lda);
}

function negate(m: i32, n: i32, a: usize, lda: usize): void {
  for (let i = take(-1); i < m; i = take(i)) {
    const row = a + <usize>i * lda;
    for (let j = 0; j < n; j++) store<f64>(row + bytes<f64>(j), -load<f64>(row + bytes<f64>(j)));
  }
  barrier();
}

/** In place inverse of a small lower triangle, from the last column to the first (row order inside). */
function invert_leaf(n: i32, a: usize, lda: usize): void {
  for (let i = 0; i < n; i++) {
    const row = a + <usize>i * lda;
    const d = 1.0 / load<f64>(row + bytes<f64>(i));
    // Row i of the inverse is −d Σ L[i, p] W[p, :] over p < i, plus d on the diagonal; W's rows p < i stand already.
    // Going up in p, column p of row i is read (as L) before any column beyond it is needed as W.
    for (let p = 0; p < i; p++) {
      const w = a + <usize>p * lda;
      const l = -d * load<f64>(row + bytes<f64>(p));
      const lv = f64x2.splat(l);
      let j = 0;
      for (; j + 2 <= p; j += 2) {
        const q = bytes<f64>(j);
        v128.store(row + q, madd<f64>(lv, v128.load(w + q), v128.load(row + q)));
      }
      for (; j < p; j++) {
        const q = bytes<f64>(j);
        store<f64>(row + q, load<f64>(row + q) + l * load<f64>(w + q));
      }
      store<f64>(row + bytes<f64>(p), l * load<f64>(w + bytes<f64>(p)));
    }
    store<f64>(row + bytes<f64>(i), d);
  }
}

/** Lower triangle of Wᵀ W in place of W. */
function square(n: i32, w: usize, lda: usize): void {
  if (n <= LEAF) {
    gemm<f64>(n, n, n, 1, w, 8, lda, w, lda, 8, true, w, lda, true);
    return;
  }
  const h = half(n);
  const w21 = below(w, lda, h);
  const w22 = w21 + bytes<f64>(h);
  square(h, w, lda);
  gemm<f64>(h, h, n - h, 1, w21, 8, lda, w21, lda, 8, false, w, lda, true);
  multiply(n - h, h, w22, w21, lda);
  square(n - h, w22, lda);
}

/** B ← Wᵀ B in place for a lower triangle W of order n (B is n × m, with W's row stride). */
function multiply(n: i32, m: i32, w: usize, b: usize, lda: usize): void {
  if (n <= 2 * LEAF) {
    gemm<f64>(n, m, n, 1, w, 8, lda, b, lda, 8, true, b, lda, false);
    return;
  }
  const h = half(n);
  const w21 = below(w, lda, h);
  const b2 = below(b, lda, h);
  multiply(h, m, w, b, lda);
  gemm<f64>(h, m, n - h, 1, w21, 8, lda, b2, lda, 8, false, b, lda, false);
  multiply(n - h, m, w21 + bytes<f64>(h), b2, lda);
}
