import { MR, NR, micro_kernel } from "./micro-kernel";
import { pack_a, pack_b } from "./pack";
import { barrier, mark, own, push, release, take } from "./parallel";
import { bytes } from "./simd";

/** The inner index runs in blocks of KC: a panel of B (NR × KC) stays in the first cache. */
const KC: i32 = 256;
/** Tiles of C: TM × KC of A stay in the second cache. Both are multiples of MR and of NR for either type. */
export const TM: i32 = 96;
export const TN: i32 = 192;
/** Rows packed as one task. */
const CHUNK: i32 = 48;

/**
 * Accumulates alpha A B into a `rows` × `cols` part of C from packed panels (inner size k), tile by tile.
 * With `lower`, micro-tiles strictly above the diagonal are skipped; (row, col) is the part's place in C.
 */
export function tile<T>(
  rows: i32,
  cols: i32,
  k: i32,
  a: usize,
  b: usize,
  alpha: T,
  fresh: bool,
  c: usize,
  stride: isize,
  lower: bool,
  row: i32,
  col: i32,
): void {
  const saved = mark();
  const edge = own(bytes<T>(MR * NR<T>()));
  for (let j = 0; j < cols; j += NR<T>()) {
    for (let i = 0; i < rows; i += MR) {
      if (lower && row + i + MR - 1 < col + j) continue;
      const pa = a + bytes<T>(i * k);
      const at = c + <usize>(<isize>i * stride) + bytes<T>(j);
      if (rows - i >= MR && cols - j >= NR<T>()) {
        micro_kernel<T>(k, pa, b, alpha, fresh, at, <usize>stride);
      } else {
        micro_kernel<T>(k, pa, b, alpha, true, edge, bytes<T>(NR<T>()));
        const h = min(MR, rows - i);
        const w = min(NR<T>(), cols - j);
        for (let r = 0; r < h; r++) {
          for (let q = 0; q < w; q++) {
            const p = at + <usize>(<isize>r * stride) + bytes<T>(q);
            const v = load<T>(edge + bytes<T>(r * NR<T>() + q));
            store<T>(p, fresh ? v : load<T>(p) + v);
          }
        }
      }
    }
    b += bytes<T>(NR<T>() * k);
  }
  release(saved);
}

/**
 * C ← alpha A B (`fresh`) or C + alpha A B; C is m × n with contiguous rows `cs` bytes apart, A and B are views
 * with row and column strides in bytes. With `lower`, of a square C only tiles that meet the lower triangle are
 * written. A may overlap C when k ≤ KC: packing ends before writing begins.
 */
export function gemm<T>(
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  a: usize,
  ars: isize,
  acs: isize,
  b: usize,
  brs: isize,
  bcs: isize,
  fresh: bool,
  c: usize,
  cs: isize,
  lower: bool,
): void {
  if (m == 0 || n == 0) return;
  const saved = mark();
  const depth = min(KC, k);
  const pa = push(bytes<T>((m + MR) * depth));
  const pb = push(bytes<T>((n + NR<T>()) * depth));
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    const ma = (m + CHUNK - 1) / CHUNK;
    const mb = (n + CHUNK - 1) / CHUNK;
    for (let t = take(-1); t < ma + mb; t = take(t)) {
      if (t < ma) {
        const i = t * CHUNK;
        const from = a + <usize>(<isize>i * ars + <isize>k0 * acs);
        pack_a<T>(kc, min(CHUNK, m - i), from, ars, acs, pa + bytes<T>(i * kc));
      } else {
        const j = (t - ma) * CHUNK;
        const from = b + <usize>(<isize>k0 * brs + <isize>j * bcs);
        pack_b<T>(kc, min(CHUNK, n - j), from, bcs, brs, pb + bytes<T>(j * kc));
      }
    }
    barrier();
    // Narrower tiles where there are few, so that no thread waits long for another's last one.
    const width = m * n < 40 * TM * TN ? TN / 4 : TN;
    const mt = (m + TM - 1) / TM;
    const nt = (n + width - 1) / width;
    for (let t = take(-1); t < mt * nt; t = take(t)) {
      const i = (t % mt) * TM;
      const j = (t / mt) * width;
      const h = min(TM, m - i);
      if (lower && i + h - 1 < j) continue;
      const at = c + <usize>(<isize>i * cs) + bytes<T>(j);
      const first = fresh && k0 == 0;
      tile<T>(h, min(width, n - j), kc, pa + bytes<T>(i * kc), pb + bytes<T>(j * kc), alpha, first, at, cs, lower, i, j);
    }
    barrier();
  }
  release(saved);
}

/** C ← factor C, row by row (only up to the diagonal with `lower`); a factor of 0 stores 0 whatever C holds. */
export function scale<T>(m: i32, n: i32, factor: T, c: usize, cs: isize, lower: bool): void {
  for (let i = take(-1); i < m; i = take(i)) {
    const row = c + <usize>(<isize>i * cs);
    const width = lower ? i + 1 : n;
    for (let j = 0; j < width; j++) {
      const p = row + bytes<T>(j);
      store<T>(p, factor == <T>0 ? <T>0 : factor * load<T>(p));
    }
  }
  barrier();
}
