import { tile, TM, TN } from "./gemm";
import { MR, NR } from "./micro-kernel";
import { pack_a, pack_b } from "./pack";
import { alone, barrier, mark, PIVOT, push, release, take, threads, together } from "./parallel";
import { bytes, madd, sum } from "./simd";
import { pack_triangle, solve_panel, triangle_bytes, unpack_b } from "./triangular";

/** Order of the blocks that are factored without packing. */
const LEAF: i32 = 24;
/** Rows of the panel below the diagonal block solved as one task. */
const CHUNK: i32 = 48;

/**
 * In place, A = L Lᵀ on and from the lower triangle; returns −1 or the first pivot that is not positive, with the
 * leading block before it factored. The upper triangle beside the diagonal blocks is overwritten.
 *
 * Right-looking with one block of look-ahead: while the tiles of the trailing matrix are updated, one thread
 * updates and factors the next diagonal block.
 */
export function potrf(n: i32, a: usize, lda: usize): i32 {
  store<i32>(PIVOT, -1);
  barrier();
  if (n <= LEAF) {
    if (take(-1) == 0) store<i32>(PIVOT, factor_leaf(n, a, lda));
    barrier();
    return load<i32>(PIVOT);
  }
  const pivot = factor(n, a, lda, n < 1500 ? 96 : 192);
  barrier();
  return pivot;
}

function factor(n: i32, a: usize, lda: usize, block: i32): i32 {
  if (n <= LEAF) return factor_leaf(n, a, lda);
  const saved = mark();
  const triangle = push(triangle_bytes(block));
  const pa = push(bytes<f64>((n + MR) * block));
  const pb = push(bytes<f64>((n + NR<f64>()) * block));
  let pivot = -1;
  if (take(-1) == 0) pivot = factor_diagonal(min(block, n), a, lda, triangle, 0);
  barrier();
  for (let k = 0; k < n; k += block) {
    const failed = threads == 1 ? pivot : load<i32>(PIVOT);
    if (failed >= 0) break;
    const rest = n - k - block;
    if (rest <= 0) break;
    const below = a + <usize>(k + block) * lda + bytes<f64>(k);
    solve_below(rest, block, below, lda, triangle, pa, pb);
    barrier();

    const trailing = below + bytes<f64>(block);
    const next = min(block, rest);
    // Narrower tiles where there are few, so that no thread waits long for another's last one.
    const width = rest < 1500 ? TN / 2 : TN;
    const mt = (rest - next + TM - 1) / TM;
    const nt = (rest + width - 1) / width;
    for (let t = take(-1); t <= mt * nt; t = take(t)) {
      if (t == 0) {
        tile<f64>(next, next, block, pa, pb, -1, false, trailing, lda, true, 0, 0);
        pivot = factor_diagonal(next, trailing, lda, triangle, k + block);
      } else {
        const i = next + (mt - 1 - ((t - 1) % mt)) * TM;
        const j = ((t - 1) / mt) * width;
        const h = min(TM, rest - i);
        if (i + h - 1 < j) continue;
        const at = trailing + <usize>i * lda + bytes<f64>(j);
        const w = min(width, rest - j);
        tile<f64>(h, w, block, pa + bytes<f64>(i * block), pb + bytes<f64>(j * block), -1, false, at, lda, true, i, j);
      }
    }
    barrier();
  }
  release(saved);
  return threads == 1 ? pivot : load<i32>(PIVOT);
}

/** Factors one diagonal block in this thread alone and packs it for the panel solve. Returns the global pivot. */
function factor_diagonal(n: i32, a: usize, lda: usize, triangle: usize, at: i32): i32 {
  const count = alone();
  let pivot = factor(n, a, lda, LEAF);
  for (let i = 0; i < n; i += MR) pack_triangle(n, i, a, lda, 8, triangle);
  together(count);
  if (pivot >= 0) pivot += at;
  if (count > 1) store<i32>(PIVOT, pivot);
  return pivot;
}

/** A21 ← A21 L11⁻ᵀ; leaves the result in A and packed as both factors of the trailing update. */
function solve_below(rows: i32, k: i32, a21: usize, lda: usize, triangle: usize, pa: usize, pb: usize): void {
  const tasks = (rows + CHUNK - 1) / CHUNK;
  for (let t = take(-1); t < tasks; t = take(t)) {
    const i = t * CHUNK;
    const end = min(rows, i + CHUNK);
    for (let r = i; r < end; r += NR<f64>()) {
      const at = a21 + <usize>r * lda;
      const panel = pb + bytes<f64>(r * k);
      const width = min(NR<f64>(), rows - r);
      pack_b<f64>(k, width, at, lda, 8, panel);
      solve_panel(k, triangle, panel);
      unpack_b(k, width, panel, at, 8, lda);
    }
    pack_a<f64>(k, end - i, a21 + <usize>i * lda, lda, 8, pa + bytes<f64>(i * k));
  }
}

/** Row by row: all rows before the failing one are whole. */
function factor_leaf(n: i32, a: usize, lda: usize): i32 {
  for (let i = 0; i < n; i++) {
    const row = a + <usize>i * lda;
    for (let j = 0; j <= i; j++) {
      const s = remainder(j, row, a + <usize>j * lda);
      if (j < i) store<f64>(row + bytes<f64>(j), s / load<f64>(a + <usize>j * lda + bytes<f64>(j)));
      else if (s > 0) store<f64>(row + bytes<f64>(j), sqrt(s));
      else return i;
    }
  }
  return -1;
}

/** x[j] − Σ x[p] y[p] over p < j. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function remainder(j: i32, x: usize, y: usize): f64 {
  let acc = f64x2.splat(0);
  let at: usize = 0;
  const even = bytes<f64>(j & ~1);
  for (; at < even; at += 16) acc = madd<f64>(v128.load(x + at), v128.load(y + at), acc);
  let s = load<f64>(x + bytes<f64>(j)) - sum<f64>(acc);
  if (j & 1) s -= load<f64>(x + at) * load<f64>(y + at);
  return s;
}
