import { gemm } from "./gemm";
import { barrier, mark, own, push, release, take } from "./parallel";
import { implicit_ql, sort_indices } from "./ql";
import { secular_root } from "./secular";
import { bytes, madd, nmadd } from "./simd";

/**
 * Divide and conquer for the symmetric tridiagonal eigenproblem (Cuppen 1981; Gu & Eisenstat 1995): two halves are
 * solved, and joined by a rank-one change whose eigenvalues solve a secular equation. Eigenvectors are rows of Z.
 */

/** Order up to which QL solves. */
const LEAF: i32 = 32;
const EPSILON: f64 = 2.220446049250313e-16;

/** Words for what one thread finds and all need. */
const FAILED: usize = 1344;
const KEPT: usize = 1348;
const FIRST: usize = 1352; // kept rows of the first half alone
const BOTH: usize = 1356; // kept rows that mix both halves
const STRENGTH: usize = 1360; // f64: the factor of the rank-one change

/** Buffers of one decomposition, all of length n unless said. */
let Z: usize = 0; // n × n
let ZS: usize = 0;
let gathered: usize = 0; // n × n: rows of Z in the order of the product
let vectors: usize = 0; // n × n: eigenvectors of the rank-one problem
let poles: usize = 0; // kept diagonal values, ascending
let weights: usize = 0; // their components of the rank-one vector
let refined: usize = 0; // those components, as the computed roots want them
let roots: usize = 0;
let z: usize = 0; // the rank-one vector
let order: usize = 0; // i32: indices by ascending value
let rows: usize = 0; // i32: row of Z of kept value i, then the deflated ones
let slot: usize = 0; // i32: place of kept value i in the product's order
let kinds: usize = 0; // i32: 0 first half, 1 both, 2 second half

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function int(array: usize, i: i32): i32 {
  return load<i32>(array + (<usize>i << 2));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function set(array: usize, i: i32, value: i32): void {
  store<i32>(array + (<usize>i << 2), value);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function real(array: usize, i: i32): f64 {
  return load<f64>(array + bytes<f64>(i));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function put(array: usize, i: i32, value: f64): void {
  store<f64>(array + bytes<f64>(i), value);
}

/**
 * Eigenvalues of (d, e) to d, in no order, and eigenvectors to the rows of `out` (n × n, zero on entry).
 * Returns the number of values that did not converge.
 */
export function divide_and_conquer(n: i32, d: usize, e: usize, out: usize, os: usize): i32 {
  const saved = mark();
  Z = out;
  ZS = os;
  gathered = push(bytes<f64>(n * n));
  vectors = push(bytes<f64>(n * n));
  poles = push(bytes<f64>(n));
  weights = push(bytes<f64>(n));
  refined = push(bytes<f64>(n));
  roots = push(bytes<f64>(n));
  z = push(bytes<f64>(n));
  order = push(bytes<f64>(n));
  rows = push(bytes<f64>(n));
  slot = push(bytes<f64>(n));
  kinds = push(bytes<f64>(n));
  if (take(-1) == 0) {
    store<i32>(FAILED, 0);
    tear(0, n, d, e);
  }
  barrier();
  const failed = solve_leaves(n, d, e);
  if (failed) atomic.add<i32>(FAILED, failed);
  barrier();
  conquer(0, n, d, e);
  release(saved);
  return load<i32>(FAILED);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function half(n: i32): i32 {
  return n / 2;
}

/** Subtracts the couplings at every split: each half is then a problem of its own. */
function tear(from: i32, n: i32, d: usize, e: usize): void {
  if (n <= LEAF) return;
  const h = half(n);
  const at = from + h;
  const coupling = abs(real(e, at - 1));
  put(d, at - 1, real(d, at - 1) - coupling);
  put(d, at, real(d, at) - coupling);
  tear(from, h, d, e);
  tear(at, n - h, d, e);
}

/** All leaves, each by one thread; returns this thread's failures. */
function solve_leaves(n: i32, d: usize, e: usize): i32 {
  let leaves = 1;
  while ((n + leaves - 1) / leaves > LEAF) leaves *= 2;
  let failed = 0;
  for (let t = take(-1); t < leaves; t = take(t)) {
    // Follow the splits down to leaf number t.
    let from = 0;
    let m = n;
    let bit = leaves;
    let mine = true;
    while (m > LEAF) {
      bit >>= 1;
      const h = half(m);
      if (t & bit) {
        from += h;
        m -= h;
      } else m = h;
    }
    // Splits may end early on one side: the other leaf numbers there have nothing to do.
    if (bit > 1 && t & (bit - 1)) mine = false;
    if (!mine) continue;
    const at = Z + <usize>from * ZS + bytes<f64>(from);
    for (let i = 0; i < m; i++) store<f64>(at + <usize>i * ZS + bytes<f64>(i), 1);
    failed += implicit_ql(m, d + bytes<f64>(from), e + bytes<f64>(from), at, ZS);
  }
  return failed;
}

function conquer(from: i32, n: i32, d: usize, e: usize): void {
  if (n <= LEAF) return;
  const h = half(n);
  conquer(from, h, d, e);
  conquer(from + h, n - h, d, e);
  join(from, n, h, d, e);
}

/** Joins two solved halves. */
function join(from: i32, n: i32, h: i32, d: usize, e: usize): void {
  const at = Z + <usize>from * ZS + bytes<f64>(from);
  const dd = d + bytes<f64>(from);
  if (take(-1) == 0) deflate(n, h, dd, real(e, from + h - 1), at);
  barrier();
  const kept = load<i32>(KEPT);
  const rho = load<f64>(STRENGTH);
  const vs = bytes<f64>(kept);
  let norm = 0.0;
  for (let i = 0; i < kept; i++) norm += real(weights, i) * real(weights, i);
  for (let j = take(-1); j < kept; j = take(j)) {
    put(roots, j, secular_root(kept, j, poles, weights, norm, rho, vectors + <usize>j * vs));
  }
  barrier();
  // Rows of Z in the product's order, and the components that make the roots exact.
  for (let t = take(-1); t < n + (kept + 63) / 64; t = take(t)) {
    if (t < n) {
      const to = t < kept ? int(slot, t) : t;
      memory.copy(gathered + bytes<f64>(to * n), at + <usize>int(rows, t) * ZS, bytes<f64>(n));
    } else {
      const i = (t - n) * 64;
      refine(kept, i, min(kept, i + 64), vs);
    }
  }
  barrier();
  const scratch = own(vs);
  for (let j = take(-1); j < kept; j = take(j)) vector(kept, vectors + <usize>j * vs, scratch);
  barrier();
  // Rows of the first half are zero behind it, those of the second in front of it.
  const first = load<i32>(FIRST);
  const both = first + load<i32>(BOTH);
  const gs = bytes<f64>(n);
  if (kept > 0) {
    zero_or_multiply(kept, h, both, vectors, vs, gathered, gs, at);
    const tail = bytes<f64>(h);
    const left = vectors + bytes<f64>(first);
    zero_or_multiply(kept, n - h, kept - first, left, vs, gathered + <usize>first * gs + tail, gs, at + tail);
  }
  for (let i = take(-1); i < n; i = take(i)) {
    if (i < kept) put(dd, i, real(roots, i));
    else {
      memory.copy(at + <usize>i * ZS, gathered + <usize>i * gs, gs);
      put(dd, i, real(roots, i));
    }
  }
  barrier();
}

function zero_or_multiply(m: i32, n: i32, k: i32, a: usize, as: usize, b: usize, bs: usize, c: usize): void {
  if (k > 0) gemm<f64>(m, n, k, 1, a, as, 8, b, bs, 8, true, c, ZS, false);
  else {
    for (let i = take(-1); i < m; i = take(i)) memory.fill(c + <usize>i * ZS, 0, bytes<f64>(n));
    barrier();
  }
}

/**
 * Makes the rank-one problem of a join and deflates it: components too small to matter, and of two close values one,
 * after a rotation, leave it with their vector as it stands. Fills poles, weights, rows, slot; deflated values go to
 * `roots` behind the kept ones.
 */
function deflate(n: i32, h: i32, d: usize, coupling: f64, at: usize): void {
  // z = Qᵀ u / √2 with u = e_h ± e_{h+1}; the strength of u uᵀ doubles in exchange.
  const sign = coupling < 0 ? -1.0 : 1.0;
  let largest = 0.0;
  for (let i = 0; i < n; i++) {
    const row = at + <usize>i * ZS;
    const component = i < h ? real(row, h - 1) : sign * real(row, h);
    put(z, i, component * Math.SQRT1_2);
    set(kinds, i, i < h ? 0 : 2);
    largest = max(largest, max(abs(real(d, i)), abs(component)));
  }
  const rho = 2 * abs(coupling);
  const tolerance = 8 * EPSILON * largest;
  sort_indices(n, d, order);
  let kept = 0;
  let deflated = n;
  let previous = -1;
  for (let t = 0; t < n; t++) {
    const i = int(order, t);
    if (rho * abs(real(z, i)) <= tolerance) {
      deflated--;
      set(rows, deflated, i);
      put(roots, deflated, real(d, i));
      continue;
    }
    if (previous >= 0) {
      const zp = real(z, previous);
      const zi = real(z, i);
      const length = sqrt(zp * zp + zi * zi);
      const c = zi / length;
      const s = zp / length;
      const dp = real(d, previous);
      const di = real(d, i);
      if (abs((di - dp) * c * s) <= tolerance) {
        // The rotation moves all of the component to i; what it makes off the diagonal is below the tolerance.
        rotate_rows(n, at + <usize>previous * ZS, at + <usize>i * ZS, c, s);
        put(d, previous, dp * c * c + di * s * s);
        put(d, i, dp * s * s + di * c * c);
        put(z, i, length);
        if (int(kinds, previous) != int(kinds, i)) set(kinds, i, 1);
        deflated--;
        set(rows, deflated, previous);
        put(roots, deflated, real(d, previous));
      } else kept = keep(kept, previous, d);
    }
    previous = i;
  }
  if (previous >= 0) kept = keep(kept, previous, d);
  store<i32>(KEPT, kept);
  store<f64>(STRENGTH, rho);
  assign_slots(kept);
}

function keep(kept: i32, i: i32, d: usize): i32 {
  set(rows, kept, i);
  put(poles, kept, real(d, i));
  put(weights, kept, real(z, i));
  return kept + 1;
}

/** First half, both, second half: the order in which the product takes the kept rows. */
function assign_slots(kept: i32): void {
  let next = 0;
  for (let kind = 0; kind < 3; kind++) {
    for (let i = 0; i < kept; i++) if (int(kinds, int(rows, i)) == kind) set(slot, i, next++);
    if (kind == 0) store<i32>(FIRST, next);
    else if (kind == 1) store<i32>(BOTH, next - load<i32>(FIRST));
  }
}

/** p ← c p − s i, i ← s p + c i. */
function rotate_rows(n: i32, p: usize, i: usize, c: f64, s: f64): void {
  const cv = f64x2.splat(c);
  const sv = f64x2.splat(s);
  let at: usize = 0;
  for (; at < bytes<f64>(n & ~1); at += 16) {
    const x = v128.load(p + at);
    const y = v128.load(i + at);
    v128.store(p + at, nmadd<f64>(sv, y, f64x2.mul(cv, x)));
    v128.store(i + at, madd<f64>(sv, x, f64x2.mul(cv, y)));
  }
  if (n & 1) {
    const x = load<f64>(p + at);
    const y = load<f64>(i + at);
    store<f64>(p + at, c * x - s * y);
    store<f64>(i + at, s * x + c * y);
  }
}

/**
 * The components for which the computed roots are exact (Gu & Eisenstat): their eigenvectors are orthogonal to
 * working precision however close the roots are. refined_i² = (λ_i − d_i) Π_{j≠i} (d_i − λ_j) / (d_i − d_j).
 */
function refine(kept: i32, from: i32, to: i32, vs: usize): void {
  for (let i = from; i < to; i++) put(refined, i, -real(vectors + <usize>i * vs, i));
  for (let j = 0; j < kept; j++) {
    const row = vectors + <usize>j * vs;
    const dj = real(poles, j);
    for (let i = from; i < to; i++) {
      if (i != j) put(refined, i, real(refined, i) * (real(row, i) / (real(poles, i) - dj)));
    }
  }
  for (let i = from; i < to; i++) {
    const size = sqrt(abs(real(refined, i)));
    put(refined, i, real(weights, i) < 0 ? -size : size);
  }
}

/** From differences d_i − λ to the normalised eigenvector refined_i / (d_i − λ), in the product's order. */
function vector(kept: i32, row: usize, scratch: usize): void {
  let squares = 0.0;
  for (let i = 0; i < kept; i++) {
    const x = real(refined, i) / real(row, i);
    put(scratch, i, x);
    squares += x * x;
  }
  const scale = 1 / sqrt(squares);
  for (let i = 0; i < kept; i++) put(row, int(slot, i), real(scratch, i) * scale);
}
