import { gemm } from "./gemm";
import { MR, micro_kernel, NR } from "./micro-kernel";
import { pack_a, pack_b } from "./pack";
import { barrier, mark, own, push, release, take } from "./parallel";
import { bytes, nmadd } from "./simd";

/**
 * Triangular solves by substitution in packed panels. No diagonal block is inverted (only the diagonal itself), so
 * the residual stays as small as textbook substitution leaves it, however ill-conditioned the triangle.
 */

/** Order of the triangles that are solved directly; above it the solve is split and joined by gemm. */
const LEAF: i32 = 96;
/** Right-hand sides solved as one task. */
const CHUNK: i32 = 24;

/** Bytes of a packed triangle of order n: rows padded to whole panels, one spare column of panels. */
export function triangle_bytes(n: i32): usize {
  return bytes<f64>((n + MR) * (n + MR));
}

/**
 * Packs rows [i, i + MR) of a lower triangle of order n for `solve_panel`: an MR-wide panel whose diagonal holds
 * reciprocals. Padding rows solve to zero.
 */
export function pack_triangle(n: i32, i: i32, from: usize, rs: isize, cs: isize, to: usize): void {
  const panel = to + bytes<f64>(i * n);
  const rows = min(MR, n - i);
  pack_a<f64>(i + rows, rows, from + <usize>(<isize>i * rs), rs, cs, panel);
  for (let q = 0; q < MR; q++) {
    const column = panel + bytes<f64>((i + q) * MR);
    if (q < rows) store<f64>(column + bytes<f64>(q), 1.0 / load<f64>(column + bytes<f64>(q)));
    else for (let r = 0; r < MR; r++) store<f64>(column + bytes<f64>(r), 0);
  }
}

/** Solves L X = B in place for one packed panel of NR right-hand sides whose rows are padded to whole panels. */
export function solve_panel(n: i32, triangle: usize, x: usize): void {
  const width = bytes<f64>(NR<f64>());
  for (let i = 0; i < n; i += MR) {
    const panel = triangle + bytes<f64>(i * n);
    const rows = x + <usize>i * width;
    if (i > 0) micro_kernel<f64>(i, panel, x, -1, false, rows, width);
    const diagonal = panel + bytes<f64>(i * MR);
    substitute(diagonal, rows);
    substitute(diagonal, rows + 16);
  }
}

/** Forward substitution with an MR × MR triangle (reciprocal diagonal) on one vector of right-hand sides. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function substitute(l: usize, x: usize): void {
  const x0 = f64x2.mul(v128.load64_splat(l), v128.load(x));
  let x1 = nmadd<f64>(v128.load64_splat(l, 8), x0, v128.load(x, 32));
  x1 = f64x2.mul(v128.load64_splat(l, 56), x1);
  let x2 = nmadd<f64>(v128.load64_splat(l, 16), x0, v128.load(x, 64));
  x2 = nmadd<f64>(v128.load64_splat(l, 64), x1, x2);
  x2 = f64x2.mul(v128.load64_splat(l, 112), x2);
  let x3 = nmadd<f64>(v128.load64_splat(l, 24), x0, v128.load(x, 96));
  x3 = nmadd<f64>(v128.load64_splat(l, 72), x1, x3);
  x3 = nmadd<f64>(v128.load64_splat(l, 120), x2, x3);
  x3 = f64x2.mul(v128.load64_splat(l, 168), x3);
  let x4 = nmadd<f64>(v128.load64_splat(l, 32), x0, v128.load(x, 128));
  x4 = nmadd<f64>(v128.load64_splat(l, 80), x1, x4);
  x4 = nmadd<f64>(v128.load64_splat(l, 128), x2, x4);
  x4 = nmadd<f64>(v128.load64_splat(l, 176), x3, x4);
  x4 = f64x2.mul(v128.load64_splat(l, 224), x4);
  let x5 = nmadd<f64>(v128.load64_splat(l, 40), x0, v128.load(x, 160));
  x5 = nmadd<f64>(v128.load64_splat(l, 88), x1, x5);
  x5 = nmadd<f64>(v128.load64_splat(l, 136), x2, x5);
  x5 = nmadd<f64>(v128.load64_splat(l, 184), x3, x5);
  x5 = nmadd<f64>(v128.load64_splat(l, 232), x4, x5);
  x5 = f64x2.mul(v128.load64_splat(l, 280), x5);
  v128.store(x, x0);
  v128.store(x, x1, 32);
  v128.store(x, x2, 64);
  v128.store(x, x3, 96);
  v128.store(x, x4, 128);
  v128.store(x, x5, 160);
}

/** Writes a packed panel of k × `width` (at most NR) values back to a view. */
export function unpack_b(k: i32, width: i32, panel: usize, to: usize, rs: isize, cs: isize): void {
  if (width == 4 && cs == 8) {
    for (let p = 0; p < k; p++) {
      v128.store(to, v128.load(panel));
      v128.store(to, v128.load(panel, 16), 16);
      to += <usize>rs;
      panel += 32;
    }
  } else if (width == 4 && rs == 8 && (k & 1) == 0) {
    const to1 = to + <usize>cs;
    const to2 = to1 + <usize>cs;
    const to3 = to2 + <usize>cs;
    for (let p: usize = 0; p < bytes<f64>(k); p += 16) {
      const u0 = v128.load(panel);
      const u1 = v128.load(panel, 16);
      const v0 = v128.load(panel, 32);
      const v1 = v128.load(panel, 48);
      v128.store(to + p, v128.shuffle<f64>(u0, v0, 0, 2));
      v128.store(to1 + p, v128.shuffle<f64>(u0, v0, 1, 3));
      v128.store(to2 + p, v128.shuffle<f64>(u1, v1, 0, 2));
      v128.store(to3 + p, v128.shuffle<f64>(u1, v1, 1, 3));
      panel += 64;
    }
  } else {
    for (let p = 0; p < k; p++) {
      for (let j = 0; j < width; j++) {
        store<f64>(to + <usize>(<isize>j * cs), load<f64>(panel + bytes<f64>(j)));
      }
      to += <usize>rs;
      panel += 32;
    }
  }
}

/** Solves T X = B in place for a lower triangle of order n seen through a view; B (n × m) is a view too. */
function solve_lower(n: i32, m: i32, t: usize, trs: isize, tcs: isize, b: usize, brs: isize, bcs: isize): void {
  if (n <= LEAF) {
    solve_leaf(n, m, t, trs, tcs, b, brs, bcs);
    return;
  }
  const h = ((n / 2 + LEAF - 1) / LEAF) * LEAF;
  const rest = n - h;
  const t21 = t + <usize>(<isize>h * trs);
  const b2 = b + <usize>(<isize>h * brs);
  solve_lower(h, m, t, trs, tcs, b, brs, bcs);
  if (bcs == 8) {
    gemm<f64>(rest, m, h, -1, t21, trs, tcs, b, brs, bcs, false, b2, brs, false);
  } else if (brs == 8) {
    gemm<f64>(m, rest, h, -1, b, bcs, brs, t21, tcs, trs, false, b2, bcs, false);
  } else {
    // B's stored columns run against the order of solution: write them in storage order instead.
    const last = <isize>(rest - 1);
    const t21r = t21 + <usize>(last * trs);
    const b2r = b2 + <usize>(last * brs);
    gemm<f64>(m, rest, h, -1, b, bcs, brs, t21r, tcs, -trs, false, b2r, bcs, false);
  }
  solve_lower(rest, m, t21 + <usize>(<isize>h * tcs), trs, tcs, b2, brs, bcs);
}

function solve_leaf(n: i32, m: i32, t: usize, trs: isize, tcs: isize, b: usize, brs: isize, bcs: isize): void {
  const saved = mark();
  const triangle = push(triangle_bytes(n));
  const panels = (n + MR - 1) / MR;
  for (let i = take(-1); i < panels; i = take(i)) pack_triangle(n, i * MR, t, trs, tcs, triangle);
  const x = own(bytes<f64>(NR<f64>() * (n + MR)));
  barrier();
  const tasks = (m + CHUNK - 1) / CHUNK;
  for (let task = take(-1); task < tasks; task = take(task)) {
    const end = min(m, (task + 1) * CHUNK);
    for (let j = task * CHUNK; j < end; j += NR<f64>()) {
      const at = b + <usize>(<isize>j * bcs);
      const width = min(NR<f64>(), m - j);
      pack_b<f64>(n, width, at, bcs, brs, x);
      for (let p = n; p < panels * MR; p++) memory.fill(x + <usize>p * 32, 0, 32);
      solve_panel(n, triangle, x);
      unpack_b(n, width, x, at, brs, bcs);
    }
  }
  barrier();
  release(saved);
}

/**
 * In place in B (m × n, rows `bs` bytes apart): op(T) X = B (`left`) or X op(T) = B. Each case is a lower
 * triangle through a view: transposing swaps strides, an upper triangle is a lower one read backwards.
 */
export function trsm(
  left: bool,
  m: i32,
  n: i32,
  t: usize,
  ts: isize,
  lower: bool,
  transposed: bool,
  b: usize,
  bs: isize,
): void {
  const order = left ? m : n;
  const others = left ? n : m;
  if (order == 0 || others == 0) return;
  // X op(T) = B is op(T)ᵀ Xᵀ = Bᵀ.
  const flip = transposed != !left;
  let trs = flip ? <isize>8 : ts;
  let tcs = flip ? ts : <isize>8;
  let brs = left ? bs : <isize>8;
  const bcs = left ? <isize>8 : bs;
  if (lower == flip) {
    const last = <isize>(order - 1);
    t += <usize>(last * (trs + tcs));
    b += <usize>(last * brs);
    trs = -trs;
    tcs = -tcs;
    brs = -brs;
  }
  solve_lower(order, others, t, trs, tcs, b, brs, bcs);
}
