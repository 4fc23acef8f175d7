import type { Block, Engine, Floats, Operand, Triangle } from "../engine/engine.ts";
import { checkElementwise } from "./check-engine-elementwise.ts";
import { checkCholeskyUpdate, checkQr } from "./check-engine-factors.ts";
import { checkKernels } from "./check-engine-kernels.ts";

/**
 * The suite that every hand of the engine passes. Throws at the first violation.
 *
 * Tolerances. u is the unit roundoff (2⁻⁵³ or 2⁻²⁴). A sum of k products computed in any order, fused or not, errs
 * by at most k u Σ |aᵢ| |bᵢ| to first order (Higham, Accuracy and Stability, §3.1); the reference errs by as much,
 * and scaling and adding β C costs a few u more: hence 2 (k + 4) u times the same sum of magnitudes. Substitution
 * and Cholesky have small residuals of the same kind (§8.1, §10.1), whatever the condition of the matrix; an
 * inverse is compared in norm, with the condition number as factor (§14.3); eigenvalues and residuals of an
 * orthogonal reduction err by a modest multiple of n u ‖A‖ (§ on symmetric QR in Golub & Van Loan, 8.3).
 */
export function checkEngine(engine: Engine, reference: Engine): void {
  const check = new Checker(engine, reference);
  checkGemm(check);
  checkSyrk(check);
  checkTrsm(check);
  checkPotrf(check);
  checkFailingPivots(check);
  checkPotri(check);
  checkSyevd(check);
  checkNonFinite(check);
  checkKernels(check);
  checkQr(check);
  checkCholeskyUpdate(check);
  checkElementwise(check);
}

const U64 = 2 ** -53;
const U32 = 2 ** -24;

/** Sizes around every block the engines use: register tiles (2 to 8), leaves (24, 48), blocks (96, 192, 256). */
const ORDERS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 23, 24, 25, 31, 47, 48, 49, 64, 95, 96, 97, 130, 192, 211,
];

class Checker {
  private state = 20261123;
  readonly engine: Engine;
  readonly reference: Engine;
  constructor(engine: Engine, reference: Engine) {
    this.engine = engine;
    this.reference = reference;
  }

  fail(what: string): never {
    throw new Error(`checkEngine(${this.engine.name}): ${what}`);
  }

  /** Uniform on [−1, 1): a 32-bit mixing of a counter, so that failures repeat. */
  random(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 31 - 1;
  }

  /** A random block with `gap` more columns in storage than it uses, somewhere inside its array. */
  block<A extends Floats>(of: new (n: number) => A, rows: number, cols: number, gap = 0): Block<A> {
    const offset = gap * 2;
    const stride = cols + gap;
    const data = new of(offset + rows * stride + gap);
    for (let i = 0; i < data.length; i++) data[i] = this.random();
    return { data, offset, stride };
  }

  /** A well-conditioned covariance I + G Gᵀ / n, both triangles. */
  covariance(n: number, gap = 0): Block {
    const a = this.block(Float64Array, n, n, gap);
    const g = { ...this.block(Float64Array, n, n), transposed: false };
    this.reference.gemm(n, n, n, 1 / Math.max(1, n), g, { ...g, transposed: true }, 0, a);
    for (let i = 0; i < n; i++) a.data[at(a, i, i)]! += 1;
    return a;
  }

  /** Fails unless |x − y| ≤ bound at every element of the block, and x has y's value outside the block. */
  close<A extends Floats>(
    what: string,
    rows: number,
    cols: number,
    x: Block<A>,
    y: Block<A>,
    bound: (i: number, j: number) => number,
    lower = false,
  ): void {
    const inside = new Uint8Array(x.data.length);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < (lower ? i + 1 : cols); j++) {
        const p = at(x, i, j);
        inside[p] = 1;
        const error = Math.abs(x.data[p]! - y.data[p]!);
        const allowed = bound(i, j);
        if (!(error <= allowed) && !Object.is(x.data[p], y.data[p])) {
          this.fail(`${what}: element (${i}, ${j}) is ${x.data[p]}, expected ${y.data[p]} ± ${allowed}`);
        }
      }
    }
    for (let p = 0; p < inside.length; p++) {
      if (!inside[p] && !Object.is(x.data[p], y.data[p])) {
        this.fail(`${what}: wrote ${x.data[p]} at array index ${p}, outside its output (was ${y.data[p]})`);
      }
    }
  }
}

function at(b: Block<Floats>, i: number, j: number): number {
  return b.offset + i * b.stride + j;
}

function copyOf<A extends Floats>(b: Block<A>): Block<A> {
  return { ...b, data: b.data.slice() as A };
}

function magnitudes<A extends Floats, O extends Block<A>>(b: O): O {
  return { ...b, data: b.data.map(Math.abs) as A };
}

/** Plain dense copy (n × n) of a triangle, zero elsewhere. */
function dense(n: number, t: Block, lower: boolean): Operand {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = lower ? 0 : i; j < (lower ? i + 1 : n); j++) data[i * n + j] = t.data[at(t, i, j)]!;
  }
  return { data, offset: 0, stride: n, transposed: false };
}

const SHAPES: readonly (readonly [m: number, n: number, k: number])[] = [
  ...[0, 1, 2, 3, 5, 6, 7, 8, 13].flatMap((s) => [
    [s, 4, 5] as const,
    [5, s, 3] as const,
    [7, 9, s] as const,
  ]),
  ...([
    [1, 300, 2],
    [300, 1, 7],
    [49, 95, 97],
    [97, 193, 49],
    [100, 50, 257],
    [131, 70, 64],
    [24, 200, 300],
  ] as const),
];

/** Pairs (α, β). */
const FACTORS: readonly (readonly [number, number])[] = [
  [1, 0],
  [-0.5, 1],
  [2, -1.5],
  [0, 0.5],
];

function checkGemm(check: Checker): void {
  for (const [of, u] of [
    [Float64Array, U64],
    [Float32Array, U32],
  ] as const) {
    for (const [m, n, k] of SHAPES) {
      for (const transposed of [0, 1, 2, 3]) {
        const [ta, tb] = [(transposed & 1) === 1, transposed > 1];
        const gap = (m + n + k) % 3;
        const a = { ...check.block<Floats>(of, ta ? k : m, ta ? m : k, gap), transposed: ta };
        const b = { ...check.block<Floats>(of, tb ? n : k, tb ? k : n, gap), transposed: tb };
        // Small shapes meet every pair of factors, large ones a different pair for each transposition.
        const factors = m * n * k < 1000 ? FACTORS : [FACTORS[transposed]!];
        for (const [alpha, beta] of factors) {
          const c = check.block<Floats>(of, m, n, gap);
          if (beta === 0 && c.data.length > 0) c.data[at(c, 0, 0)] = Number.NaN; // must not be read
          const expected = copyOf(c);
          const size = magnitudes(c);
          check.reference.gemm(m, n, k, alpha, a, b, beta, expected);
          const absolute = [magnitudes(a), magnitudes(b)] as const;
          check.reference.gemm(m, n, k, Math.abs(alpha), ...absolute, Math.abs(beta), size);
          check.engine.gemm(m, n, k, alpha, a, b, beta, c);
          const what = `gemm ${of.name} ${m}×${n}×${k}${ta ? " Aᵀ" : ""}${tb ? " Bᵀ" : ""} α=${alpha} β=${beta}`;
          check.close(what, m, n, c, expected, (i, j) => 2 * (k + 4) * u * size.data[at(size, i, j)]!);
        }
      }
    }
  }
}

function checkSyrk(check: Checker): void {
  for (const n of ORDERS) {
    for (const k of [0, 1, 7, 100]) {
      for (const transposed of [false, true]) {
        const a = { ...check.block(Float64Array, transposed ? k : n, transposed ? n : k, k % 3), transposed };
        const beta = k === 7 ? 0 : 0.5;
        const c = check.block(Float64Array, n, n, n % 2);
        const expected = copyOf(c);
        const size = magnitudes(c);
        check.reference.syrk(n, k, -1.5, a, beta, expected);
        check.reference.syrk(n, k, 1.5, magnitudes(a), beta, size);
        check.engine.syrk(n, k, -1.5, a, beta, c);
        const bound = (i: number, j: number) => 2 * (k + 4) * U64 * size.data[at(size, i, j)]!;
        check.close(`syrk ${n}×${k}${transposed ? " Aᵀ" : ""} β=${beta}`, n, n, c, expected, bound, true);
      }
    }
  }
}

function checkTrsm(check: Checker): void {
  for (const order of ORDERS) {
    for (const others of order < 30 ? [0, 1, 3, 4, 26] : [27]) {
      for (let variant = 0; variant < 8; variant++) {
        const side = variant & 1 ? "left" : "right";
        const [lower, transposed] = [(variant & 2) > 0, (variant & 4) > 0];
        const stored = check.block(Float64Array, order, order, order % 3);
        for (let i = 0; i < order; i++) {
          for (let j = 0; j < order; j++) {
            const p = at(stored, i, j);
            if (i === j) stored.data[p] = 1.5 + stored.data[p]! / 2;
            else if (j > i === lower)
              stored.data[p] = Number.NaN; // must not be read
            else stored.data[p]! /= Math.max(1, order / 8);
          }
        }
        const t: Triangle = { ...stored, lower, transposed };
        const [m, n] = side === "left" ? [order, others] : [others, order];
        const b = check.block(Float64Array, m, n, others % 3);
        const x = copyOf(b);
        check.engine.trsm(side, m, n, t, x);
        // op(T) X (or X op(T)) gives B back, with the residual of substitution.
        const full = { ...dense(order, stored, lower), transposed };
        const solution = { ...x, transposed: false };
        const back = copyOf(x);
        const size = magnitudes(x);
        const pair = <O>(first: O, second: O) =>
          side === "left" ? ([first, second] as const) : ([second, first] as const);
        check.reference.gemm(m, n, order, 1, ...pair<Operand>(full, solution), 0, back);
        check.reference.gemm(
          m,
          n,
          order,
          1,
          ...pair<Operand>(magnitudes(full), magnitudes(solution)),
          0,
          size,
        );
        for (let p = 0; p < x.data.length; p++) {
          const inside = p >= b.offset && (p - b.offset) % b.stride < n && (p - b.offset) / b.stride < m;
          if (!inside) back.data[p] = x.data[p]!;
        }
        const what = `trsm ${side} ${lower ? "lower" : "upper"}${transposed ? " transposed" : ""} ${m}×${n}`;
        check.close(what, m, n, back, b, (i, j) => 4 * (order + 4) * U64 * size.data[at(size, i, j)]!);
      }
    }
  }
}

/** Squared-exponential Gram matrix of close points with a small nugget: condition number about n / nugget. */
function nearlySingular(n: number, nugget: number): Block {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      data[i * n + j] = Math.exp(-0.5 * ((i - j) / 20) ** 2) + (i === j ? nugget : 0);
  }
  return { data, offset: 0, stride: n };
}

/** Fails unless L Lᵀ gives the leading block of order `columns` back, and the upper triangle is A's. */
function expectFactor(check: Checker, what: string, n: number, l: Block, a: Block, columns: number): void {
  const factor = dense(n, l, true);
  factor.data.fill(0, columns * n);
  const product: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
  const size: Block = { ...product, data: new Float64Array(n * n) };
  check.reference.syrk(n, columns, 1, factor, 0, product);
  check.reference.syrk(n, columns, 1, magnitudes(factor), 0, size);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const [given, got] = [a.data[at(a, i, j)]!, l.data[at(l, i, j)]!];
      if (j > i && !Object.is(given, got))
        check.fail(`${what}: wrote ${got} at (${i}, ${j}) in the upper triangle`);
      if (j > i || i >= columns) continue;
      const error = Math.abs(product.data[i * n + j]! - given);
      const allowed = 4 * (n + 4) * U64 * size.data[i * n + j]!;
      if (!(error <= allowed)) check.fail(`${what}: (L Lᵀ − A)(${i}, ${j}) is ${error}, allowed ${allowed}`);
    }
  }
}

function checkPotrf(check: Checker): void {
  const cases: [string, number, Block][] = ORDERS.map((n) => ["", n, check.covariance(n, n % 3)]);
  for (const n of [20, 100, 250]) cases.push([" nearly singular", n, nearlySingular(n, 1e-9)]);
  for (const [kind, n, a] of cases) {
    const l = copyOf(a);
    const pivot = check.engine.potrf(n, l);
    if (pivot !== -1) check.fail(`potrf${kind} n=${n}: reports pivot ${pivot} of a positive definite matrix`);
    expectFactor(check, `potrf${kind} n=${n}`, n, l, a, n);
  }
}

function checkFailingPivots(check: Checker): void {
  for (const [n, pivots] of [
    [1, [0]],
    [30, [0, 1, 5, 6, 23, 24, 25, 29]],
    [110, [0, 24, 95, 96, 97, 109]],
    [220, [192]],
  ] as const) {
    for (const pivot of pivots) {
      for (const kind of ["negative", "NaN"] as const) {
        const a = check.covariance(n);
        const p = at(a, pivot, pivot);
        // The diagonal of a covariance is at least its pivot: three times less than nothing is left of it.
        a.data[p] = kind === "NaN" ? Number.NaN : -2 * a.data[p]!;
        const l = copyOf(a);
        const reported = check.engine.potrf(n, l);
        const what = `potrf n=${n}, ${kind} pivot ${pivot}`;
        if (reported !== pivot) check.fail(`${what}: reports ${reported}`);
        expectFactor(check, what, n, l, a, pivot);
      }
    }
  }
}

function checkPotri(check: Checker): void {
  for (const n of ORDERS) {
    const a = check.covariance(n, n % 3);
    if (check.reference.potrf(n, a) !== -1) check.fail("the reference cannot factor a covariance");
    const expected = copyOf(a);
    check.reference.potri(n, expected);
    check.engine.potri(n, a);
    // A = I + G Gᵀ / n has eigenvalues between 1 and 6: condition number at most 6, ‖A⁻¹‖ at most 1.
    check.close(`potri n=${n}`, n, n, a, expected, () => 8 * (n + 4) * U64 * 6, true);
  }
}

/** Symmetric matrices on which eigensolvers go wrong: clusters, gaps, zeros, tiny and huge scales. */
function symmetricMatrices(check: Checker): [string, number, Block][] {
  const build = (n: number, entry: (i: number, j: number) => number): Block => {
    const data = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) data[i * n + j] = data[j * n + i] = entry(i, j);
    return { data, offset: 0, stride: n };
  };
  return [
    ...[0, 1, 2, 3, 4, 5, 8, 25, 33, 50, 75, 130].map((n): [string, number, Block] => [
      "random",
      n,
      build(n, () => check.random()),
    ]),
    ["zero", 20, build(20, () => 0)],
    ["identity", 70, build(70, (i, j) => (i === j ? 1 : 0))],
    ["rank one", 80, build(80, () => 1)],
    ["diagonal", 40, build(40, (i, j) => (i === j ? Math.sin(i) : 0))],
    ["Wilkinson", 101, build(101, (i, j) => (i === j ? Math.abs(i - 50) : i - j === 1 ? 1 : 0))],
    ["two blocks", 66, build(66, (i, j) => (i < 33 === j < 33 ? 1 / (1 + i + j) : 0))],
    ["second difference", 120, build(120, (i, j) => (i === j ? 2 : i - j === 1 ? -1 : 0))],
    ["nearly singular", 90, nearlySingular(90, 1e-9)],
    ["huge", 12, build(12, () => 1e150 * check.random())],
    ["tiny", 12, build(12, () => 1e-150 * check.random())],
    ["graded", 60, build(60, (i, j) => 10 ** (-(i + j) / 6) * check.random())],
  ];
}

function checkSyevd(check: Checker): void {
  for (const [kind, n, a] of symmetricMatrices(check)) {
    const what = `syevd ${kind} n=${n}`;
    const norm = Math.hypot(...a.data);
    const tolerance = 20 * (n + 4) * U64;
    const lowerOnly = copyOf(a);
    for (let i = 0; i < n; i++) lowerOnly.data.fill(Number.NaN, i * n + i + 1, (i + 1) * n); // must not be read
    const vectors = copyOf(lowerOnly);
    const values = new Float64Array(n);
    const alone = new Float64Array(n);
    if (check.engine.syevd(n, vectors, values, true) !== 0) check.fail(`${what}: did not converge`);
    if (check.engine.syevd(n, copyOf(lowerOnly), alone, false) !== 0)
      check.fail(`${what}: did not converge (values)`);
    const expected = new Float64Array(n);
    check.reference.syevd(n, copyOf(a), expected, false);
    for (let j = 0; j < n; j++) {
      if (j > 0 && values[j]! < values[j - 1]!) check.fail(`${what}: values are not ascending at ${j}`);
      for (const found of [values[j]!, alone[j]!]) {
        if (!(Math.abs(found - expected[j]!) <= tolerance * norm)) {
          check.fail(`${what}: eigenvalue ${j} is ${found}, expected ${expected[j]} ± ${tolerance * norm}`);
        }
      }
    }
    const v = { ...vectors, transposed: false };
    const product: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
    check.reference.gemm(n, n, n, 1, { ...v, transposed: true }, v, 0, product);
    const residual: Block = { ...product, data: new Float64Array(n * n) };
    check.reference.gemm(n, n, n, 1, { ...a, transposed: false }, v, 0, residual);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const skew = Math.abs(product.data[i * n + j]! - (i === j ? 1 : 0));
        if (!(skew <= tolerance))
          check.fail(`${what}: (VᵀV − I)(${i}, ${j}) is ${skew}, allowed ${tolerance}`);
        const off = Math.abs(residual.data[i * n + j]! - values[j]! * vectors.data[i * n + j]!);
        if (!(off <= tolerance * norm)) check.fail(`${what}: (AV − VΛ)(${i}, ${j}) is ${off}`);
      }
    }
  }
}

/** NaN and infinity reach every result that depends on them: nothing turns back into a number. */
function checkNonFinite(check: Checker): void {
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const of of [Float64Array, Float32Array]) {
      const [m, n, k] = [29, 33, 21];
      const a = { ...check.block<Floats>(of, m, k), transposed: false };
      const b = { ...check.block<Floats>(of, k, n), transposed: false };
      a.data[5 * k + 7] = poison;
      b.data[3 * n + 30] = poison;
      const c = check.block<Floats>(of, m, n);
      const expected = copyOf(c);
      check.engine.gemm(m, n, k, 1, a, b, 0, c);
      check.reference.gemm(m, n, k, 1, a, b, 0, expected);
      for (let p = 0; p < m * n; p++) {
        if (Number.isFinite(c.data[p]) !== Number.isFinite(expected.data[p])) {
          check.fail(`gemm with ${poison}: element ${p} is ${c.data[p]}, expected ${expected.data[p]}`);
        }
      }
    }
    const order = 60;
    const t: Triangle = { ...check.covariance(order), lower: true, transposed: false };
    const b = check.block(Float64Array, order, 9);
    b.data[20 * 9 + 4] = poison;
    const expected = copyOf(b);
    check.reference.trsm("left", order, 9, t, expected);
    check.engine.trsm("left", order, 9, t, b);
    for (let p = 0; p < order * 9; p++) {
      const spread = !Number.isFinite(expected.data[p]);
      // An engine may lose more of the same right-hand side, never less, and never of another one.
      if (spread && Number.isFinite(b.data[p]))
        check.fail(`trsm with ${poison}: element ${p} is ${b.data[p]}`);
      if (p % 9 !== 4 && !Number.isFinite(b.data[p]))
        check.fail(`trsm with ${poison}: spoilt column ${p % 9}`);
    }
  }
  const a = check.covariance(40);
  a.data[33 * 40 + 12] = Number.NaN;
  const values = new Float64Array(40);
  if (check.engine.syevd(40, a, values, true) === 0 && values.every(Number.isFinite)) {
    check.fail("syevd made numbers of a matrix that holds NaN");
  }
}
