import { acos } from "./arc-cosine";
import { barrier, mark, own, release, take } from "./parallel";
import { bytes, madd } from "./simd";
import { clear, copy } from "./windows";

/**
 * Kernels of infinitely wide networks, tile by tile of points: all layers one after the other while a tile is in the
 * second cache. A tile holds its states one behind the other, `high` × `wide` points each, both multiples of 4. Steps
 * are records of twelve numbers, as src/engine/wasm/wide.ts lays them out.
 */
const RECORD: usize = 96;
const BEND: i32 = 1;
const MIX: i32 = 2;
/** Numbers that all steps between two mixtures work on before the next ones: they stay in the first cache. */
const CHUNK: i32 = 512;

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function field(record: usize, index: i32): f64 {
  return load<f64>(record + bytes<f64>(index));
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function address(record: usize, index: i32): usize {
  return <usize>field(record, index);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function kind(record: usize): i32 {
  return <i32>field(record, 0);
}

/** scale · x zᵀ of four points each: rows of d coordinates, and a panel of four packed points. */
function four_by_four(d: i32, scale: f64, x: usize, z: usize, to: usize, ts: usize): void {
  const xs = bytes<f64>(d);
  let c00 = f64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  const x1 = x + xs;
  const x2 = x1 + xs;
  const x3 = x2 + xs;
  for (let at: usize = 0; at < xs; at += 8) {
    const z0 = v128.load(z);
    const z1 = v128.load(z, 16);
    const a0 = v128.load64_splat(x + at);
    c00 = madd<f64>(a0, z0, c00);
    c01 = madd<f64>(a0, z1, c01);
    const a1 = v128.load64_splat(x1 + at);
    c10 = madd<f64>(a1, z0, c10);
    c11 = madd<f64>(a1, z1, c11);
    const a2 = v128.load64_splat(x2 + at);
    c20 = madd<f64>(a2, z0, c20);
    c21 = madd<f64>(a2, z1, c21);
    const a3 = v128.load64_splat(x3 + at);
    c30 = madd<f64>(a3, z0, c30);
    c31 = madd<f64>(a3, z1, c31);
    z += 32;
  }
  const by = f64x2.splat(scale);
  v128.store(to, f64x2.mul(by, c00));
  v128.store(to, f64x2.mul(by, c01), 16);
  to += ts;
  v128.store(to, f64x2.mul(by, c10));
  v128.store(to, f64x2.mul(by, c11), 16);
  to += ts;
  v128.store(to, f64x2.mul(by, c20));
  v128.store(to, f64x2.mul(by, c21), 16);
  to += ts;
  v128.store(to, f64x2.mul(by, c30));
  v128.store(to, f64x2.mul(by, c31), 16);
}

/** K ← weight K + bias, Θ ← K + weight Θ; `fresh`: Θ is 0 and not there yet; without Θ, `t` is 0. */
function linear(record: usize, size: usize, k: usize, t: usize, fresh: bool): void {
  const weight = f64x2.splat(field(record, 1));
  const bias = f64x2.splat(field(record, 2));
  for (let at: usize = 0; at < size; at += 16) {
    const value = madd<f64>(weight, v128.load(k + at), bias);
    v128.store(k + at, value);
    if (t) v128.store(t + at, fresh ? value : madd<f64>(weight, v128.load(t + at), value));
  }
}

/**
 * An activation of two slopes, on one row: `rv` and `rr` are the row's standard deviation and its reciprocal (0 for 0),
 * `cv` and `cr` where those of the columns stand.
 */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function bend(record: usize, size: usize, rv: f64, rr: f64, cv: usize, cr: usize, k: usize, t: usize): void {
  const share = 0.15915494309189535 * field(record, 3); // bend / 2π
  const straight = f64x2.splat(field(record, 4));
  const shares = f64x2.splat(share);
  const deviation = f64x2.splat(share * rv);
  const reciprocal = f64x2.splat(rr);
  const one = f64x2.splat(1);
  const pi = f64x2.splat(3.141592653589793);
  for (let at: usize = 0; at < size; at += 16) {
    const given = v128.load(k + at);
    const quotient = f64x2.mul(given, f64x2.mul(reciprocal, v128.load(cr + at)));
    const c = f64x2.pmax(f64x2.pmin(quotient, one), f64x2.splat(-1));
    const a = f64x2.abs(c);
    const rest = f64x2.sub(one, a);
    const angle = f64x2.sub(pi, acos(c, rest));
    const sine = f64x2.sqrt(f64x2.mul(rest, f64x2.add(one, a)));
    const bent = f64x2.mul(f64x2.mul(deviation, v128.load(cv + at)), madd<f64>(angle, c, sine));
    v128.store(k + at, madd<f64>(straight, given, bent));
    if (t) v128.store(t + at, f64x2.mul(v128.load(t + at), madd<f64>(shares, angle, straight)));
  }
}

/** Sums of states: the output's numbers from `size` bytes of each of its inputs. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function mix(record: usize, output: i32, size: usize, from: usize, to: usize): void {
  const begin = load<i32>(address(record, 2) + (<usize>output << 2));
  const end = load<i32>(address(record, 2) + (<usize>output << 2), 4);
  const sources = address(record, 3);
  const weights = address(record, 4);
  for (let at: usize = 0; at < size; at += 64) {
    let a = f64x2.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (let e = begin; e < end; e++) {
      const source = from + <usize>load<i32>(sources + (<usize>e << 2)) * size + at;
      const weight = v128.load64_splat(weights + bytes<f64>(e));
      a = madd<f64>(weight, v128.load(source), a);
      b = madd<f64>(weight, v128.load(source, 16), b);
      c = madd<f64>(weight, v128.load(source, 32), c);
      d = madd<f64>(weight, v128.load(source, 48), d);
    }
    v128.store(to + at, a);
    v128.store(to + at, b, 16);
    v128.store(to + at, c, 32);
    v128.store(to + at, d, 48);
  }
}

/** The steps [step, end) of one state of a tile whose points begin at `row` and `col`; `self`: they are the same. */
function pointwise(
  step: usize,
  end: usize,
  state: i32,
  row: i32,
  col: i32,
  rows: i32,
  wide: i32,
  self: bool,
  k: usize,
  t: usize,
  fresh: bool,
): void {
  const size = bytes<f64>(wide);
  const step_rows = max(1, CHUNK / wide);
  for (let first = 0; first < rows; first += step_rows) {
    const last = min(rows, first + step_rows);
    const from = k + <usize>first * size;
    const tangents = t ? t + <usize>first * size : 0;
    let blank = fresh;
    for (let record = step; record < end; record += RECORD) {
      if (kind(record) != BEND) {
        linear(record, <usize>(last - first) * size, from, tangents, blank);
        blank = false;
        continue;
      }
      const positions = <i32>field(record, 5);
      const full = field(record, 6) != 0;
      const p = full ? state / positions : state;
      const q = full ? state % positions : state;
      // Deviations of all rows, then their reciprocals; as for the columns.
      const pitch = <i32>field(record, 7);
      const col_pitch = <i32>field(record, 8);
      const deviations = address(record, 1) + bytes<f64>(p * pitch + row);
      const reciprocals = bytes<f64>(positions * pitch);
      const others = address(record, 2) + bytes<f64>(q * col_pitch + col);
      const other_reciprocals = others + bytes<f64>(positions * col_pitch);
      const live: usize = blank ? 0 : tangents;
      for (let i = first; i < last; i++) {
        const at = deviations + bytes<f64>(i);
        const values = k + <usize>i * size;
        const slopes = live ? t + <usize>i * size : 0;
        const own_at = bytes<f64>(i);
        const tangent = self && slopes ? load<f64>(slopes + own_at) : 0;
        bend(
          record,
          size,
          load<f64>(at),
          load<f64>(at + reciprocals),
          others,
          other_reciprocals,
          values,
          slopes,
        );
        if (!self || p != q) continue;
        // A point with itself: the correlation is 1, whose angle would lose half of its digits otherwise.
        const half = 0.5 * field(record, 3) + field(record, 4);
        const deviation = load<f64>(at);
        store<f64>(values + own_at, half * deviation * deviation);
        // Without variance the angle is a right one, as everywhere.
        if (slopes && deviation != 0) store<f64>(slopes + own_at, half * tangent);
      }
    }
  }
}

/** Copies the lower triangle of a square tile to the upper one. */
function mirror_tile(rows: i32, tile: usize, ts: usize): void {
  for (let i = 1; i < rows; i++) {
    for (let j = 0; j < i; j++) {
      store<f64>(tile + <usize>j * ts + bytes<f64>(i), load<f64>(tile + <usize>i * ts + bytes<f64>(j)));
    }
  }
}

/** A tile to its place in the block and, unless `mirror` is 0, transposed to that. */
function put(rows: i32, cols: i32, tile: usize, ts: usize, to: usize, os: usize, mirror: usize, ms: usize): void {
  for (let i = 0; i < rows; i++) {
    copy(to + <usize>i * os, tile + <usize>i * ts, bytes<f64>(cols));
  }
  if (!mirror) return;
  for (let j = 0; j < cols; j++) {
    let from = tile + bytes<f64>(j);
    const row = mirror + <usize>j * ms;
    for (let i = 0; i < rows; i++) {
      store<f64>(row + bytes<f64>(i), load<f64>(from));
      from += ts;
    }
  }
}

/**
 * A block of both kernels: `rows` points from `row` on by `cols` from `col` on. x are rows of d coordinates, `n` a
 * position; z panels of four packed points, `zs` bytes a position. Of K the block begins at `nngp` with rows `os` bytes
 * apart and, unless 0, transposed at `mirror` with rows `ms` apart; Θ lies `tangent` bytes behind, 0 for none. `self`: the
 * block is one of x with itself on the diagonal. `most` is the largest number of states.
 */
export function wide_block(
  steps: i32,
  program: usize,
  positions: i32,
  full: i32,
  most: i32,
  side: i32,
  self: i32,
  row: i32,
  rows: i32,
  col: i32,
  cols: i32,
  d: i32,
  x: usize,
  n: i32,
  z: usize,
  zs: usize,
  nngp: usize,
  os: usize,
  mirror: usize,
  ms: usize,
  tangent: usize,
): void {
  const saved = mark();
  const buffer_bytes = <usize>most * bytes<f64>(side * side);
  const buffers = own(4 * buffer_bytes);
  const down = (rows + side - 1) / side;
  const across = (cols + side - 1) / side;
  const last_record = program + <usize>steps * RECORD;
  for (let task = take(-1); task < down * across; task = take(task)) {
    const i = (task / across) * side;
    const j = (task % across) * side;
    // On the diagonal a tile below it stands for its mirror image.
    if (self && j > i) continue;
    const same = self != 0 && i == j;
    const h = min(side, rows - i);
    const w = min(side, cols - j);
    const wide = (w + 3) & ~3;
    const size = bytes<f64>(wide) * <usize>((h + 3) & ~3);
    let from = buffers;
    let to = buffers + 2 * buffer_bytes;

    let states = full ? positions * positions : positions;
    for (let s = 0; s < states; s++) {
      const p = full ? s / positions : s;
      const q = full ? s % positions : s;
      for (let b = 0; b < w; b += 4) {
        const panel = z + <usize>q * zs + bytes<f64>((col + j + b) * d);
        for (let a = 0; a < h; a += 4) {
          const at = from + <usize>s * size + bytes<f64>(a * wide + b);
          four_by_four(d, 1.0 / d, x + bytes<f64>((p * n + row + i + a) * d), panel, at, bytes<f64>(wide));
        }
      }
    }

    let fresh = true;
    let step = program;
    while (step < last_record) {
      const mixture: usize = kind(step) == MIX ? step : 0;
      if (mixture) {
        step += RECORD;
        states = <i32>field(mixture, 1);
      }
      let end = step;
      let touched = false;
      for (; end < last_record && kind(end) != MIX; end += RECORD) if (kind(end) != BEND) touched = true;
      for (let s = 0; s < states; s++) {
        const k = (mixture ? to : from) + <usize>s * size;
        const t = tangent ? k + buffer_bytes : 0;
        if (mixture) {
          mix(mixture, s, size, from, k);
          if (t && !fresh) mix(mixture, s, size, from + buffer_bytes, t);
        }
        if (end > step) pointwise(step, end, s, row + i, col + j, h, wide, same, k, t, fresh);
      }
      if (mixture) {
        const swap = from;
        from = to;
        to = swap;
      }
      if (touched) fresh = false;
      step = end;
    }

    const ts = bytes<f64>(wide);
    // A tile on the diagonal is made symmetric; the others' images lie in the same block, or in another.
    const image: usize = same
      ? 0
      : self
        ? nngp + <usize>j * os + bytes<f64>(i)
        : mirror
          ? mirror + <usize>j * ms + bytes<f64>(i)
          : 0;
    const is = self ? os : ms;
    const place = nngp + <usize>i * os + bytes<f64>(j);
    const kernels = tangent ? 2 : 1;
    for (let which = 0; which < kernels; which++) {
      const tile = which ? from + buffer_bytes : from;
      const shift: usize = which ? tangent : 0;
      if (which && fresh) clear(tile, size);
      if (same) mirror_tile(h, tile, ts);
      put(h, w, tile, ts, place + shift, os, image ? image + shift : 0, is);
    }
  }
  barrier();
  release(saved);
}
