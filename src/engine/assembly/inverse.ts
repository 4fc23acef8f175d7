import { gemm, tile } from "./gemm";
import { MR, micro_kernel, NR } from "./micro-kernel";
import { pack_a, pack_b } from "./pack";
import { barrier, mark, own, push, release, take } from "./parallel";
import { bytes } from "./simd";
import { pack_triangle, substitute, triangle_bytes, trsm, unpack_b } from "./triangular";

/** Order of the triangles that are inverted and squared without splitting. */
const LEAF: i32 = 576;
/** Order of those that multiply without splitting. */
const FACTOR: i32 = 96;
/** Columns of the inverse found as one task, and columns that are squared as one: multiples of MR and of NR. */
const GROUP: i32 = 24;
const SLAB: i32 = 48;

/**
 * In place, the lower triangle of (L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹ from the lower triangle L. The upper triangle is overwritten:
 * it is cleared first, so that triangular blocks can be multiplied as dense ones.
 */
export function potri(n: i32, a: usize, lda: usize): void {
  for (let i = take(-1); i < n; i = take(i)) {
    memory.fill(a + <usize>i * lda + bytes<f64>(i + 1), 0, bytes<f64>(n - 1 - i));
  }
  barrier();
  invert(n, a, lda);
  square(n, a, lda);
}

/** First half of a split, a multiple of `leaf`: where one routine splits, the others do. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function half(n: i32, leaf: i32): i32 {
  return ((n / leaf + 1) / 2) * leaf;
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function below(a: usize, lda: usize, h: i32): usize {
  return a + <usize>h * lda;
}

/** W = L⁻¹ in place: L21 ← −L22⁻¹ L21 L11⁻¹ at every level of the split before the leaves on the diagonal. */
function invert(n: i32, a: usize, lda: usize): void {
  if (n <= LEAF) {
    invert_leaf(n, a, lda);
    return;
  }
  const h = half(n, LEAF);
  const l21 = below(a, lda, h);
  const l22 = l21 + bytes<f64>(h);
  trsm(false, n - h, h, a, lda, true, false, l21, lda);
  trsm(true, n - h, h, l22, lda, true, false, l21, lda);
  negate(n - h, h, l21, lda);
  invert(h, a, lda);
  invert(n - h, l22, lda);
}

function negate(m: i32, n: i32, a: usize, lda: usize): void {
  for (let i = take(-1); i < m; i = take(i)) {
    const row = a + <usize>i * lda;
    for (let j = 0; j < n; j++) store<f64>(row + bytes<f64>(j), -load<f64>(row + bytes<f64>(j)));
  }
  barrier();
}

/**
 * W = L⁻¹ in place, column by column of the identity: a group of panels goes down the packed triangle together, so that
 * each of its panels is read once for all of them. Above its group a column is 0.
 */
function invert_leaf(n: i32, a: usize, lda: usize): void {
  const saved = mark();
  const triangle = push(triangle_bytes(n));
  const width = bytes<f64>(NR<f64>());
  const panel = <usize>(n + MR) * width;
  const x = own(<usize>(GROUP / NR<f64>()) * panel);
  const rows = (n + MR - 1) / MR;
  for (let t = take(-1); t < rows; t = take(t)) pack_triangle(n, t * MR, a, lda, 8, triangle);
  barrier();
  const tasks = (n + GROUP - 1) / GROUP;
  for (let t = take(-1); t < tasks; t = take(t)) {
    const start = t * GROUP;
    const columns = min(GROUP, n - start);
    const end = x + <usize>((columns + NR<f64>() - 1) / NR<f64>()) * panel;
    memory.fill(x, 0, end - x);
    for (let c = 0; c < columns; c++) {
      store<f64>(x + <usize>(c / NR<f64>()) * panel + <usize>c * width + bytes<f64>(c % NR<f64>()), 1);
    }
    for (let i = start; i < n; i += MR) {
      const l = triangle + bytes<f64>(i * n);
      const diagonal = l + bytes<f64>(i * MR);
      for (let b = x; b < end; b += panel) {
        const at = b + <usize>(i - start) * width;
        if (i > start) micro_kernel<f64>(i - start, l + bytes<f64>(start * MR), b, -1, false, at, width);
        substitute(diagonal, at);
        substitute(diagonal, at + 16);
      }
    }
    for (let c = 0; c < columns; c += NR<f64>()) {
      const from = x + <usize>(c / NR<f64>()) * panel;
      const to = a + <usize>start * lda + bytes<f64>(start + c);
      unpack_b(n - start, min(NR<f64>(), columns - c), from, to, lda, 8);
    }
  }
  barrier();
  release(saved);
}

/** Lower triangle of Wᵀ W in place of W, slab by slab of columns, from where these begin; all is packed before. */
function square_leaf(n: i32, w: usize, lda: usize): void {
  const saved = mark();
  const pa = push(bytes<f64>((n + SLAB) * n));
  const pb = push(bytes<f64>((n + SLAB) * n));
  const slabs = (n + SLAB - 1) / SLAB;
  for (let t = take(-1); t < slabs; t = take(t)) {
    const i = t * SLAB;
    const from = w + <usize>i * lda + bytes<f64>(i);
    pack_a<f64>(n - i, min(SLAB, n - i), from, 8, lda, pa + bytes<f64>(i * n));
    pack_b<f64>(n - i, min(SLAB, n - i), from, 8, lda, pb + bytes<f64>(i * n));
  }
  barrier();
  for (let t = take(-1); t < slabs * slabs; t = take(t)) {
    const i = (t / slabs) * SLAB;
    const j = (t % slabs) * SLAB;
    if (j > i) continue;
    const b = pb + bytes<f64>(j * n + (i - j) * NR<f64>());
    const cols = min(SLAB, n - j);
    for (let c = 0; c < cols; c += NR<f64>()) {
      const at = w + <usize>i * lda + bytes<f64>(j + c);
      const right = b + bytes<f64>(c * (n - j));
      const h = min(SLAB, n - i);
      tile<f64>(h, min(NR<f64>(), cols - c), n - i, pa + bytes<f64>(i * n), right, 1, true, at, lda, true, i, j + c);
    }
  }
  barrier();
  release(saved);
}

/** Lower triangle of Wᵀ W in place of W. */
function square(n: i32, w: usize, lda: usize): void {
  if (n <= LEAF) {
    square_leaf(n, w, lda);
    return;
  }
  const h = half(n, LEAF);
  const w21 = below(w, lda, h);
  const w22 = w21 + bytes<f64>(h);
  square(h, w, lda);
  gemm<f64>(h, h, n - h, 1, w21, 8, lda, w21, lda, 8, false, w, lda, true);
  multiply(n - h, h, w22, w21, lda);
  square(n - h, w22, lda);
}

/** B ← Wᵀ B in place for a lower triangle W of order n (B is n × m, with W's row stride). */
function multiply(n: i32, m: i32, w: usize, b: usize, lda: usize): void {
  if (n <= FACTOR) {
    gemm<f64>(n, m, n, 1, w, 8, lda, b, lda, 8, true, b, lda, false);
    return;
  }
  const h = half(n, FACTOR / 2);
  const w21 = below(w, lda, h);
  const b2 = below(b, lda, h);
  multiply(h, m, w, b, lda);
  gemm<f64>(h, m, n - h, 1, w21, 8, lda, b2, lda, 8, false, b, lda, false);
  multiply(n - h, m, w21 + bytes<f64>(h), b2, lda);
}
