import type { Block, Operand } from "../engine/engine.ts";
import {
  at,
  type Checker,
  copyOf,
  dense,
  magnitudes,
  nearlySingular,
  ORDERS,
  U64,
} from "./check-engine-support.ts";

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

export function checkPotrf(check: Checker): void {
  const cases: [string, number, Block][] = ORDERS.map((n) => ["", n, check.covariance(n, n % 3)]);
  for (const n of [20, 100, 250]) cases.push([" nearly singular", n, nearlySingular(n, 1e-9)]);
  for (const [kind, n, a] of cases) {
    const l = copyOf(a);
    const pivot = check.engine.potrf(n, l);
    if (pivot !== -1) check.fail(`potrf${kind} n=${n}: reports pivot ${pivot} of a positive definite matrix`);
    expectFactor(check, `potrf${kind} n=${n}`, n, l, a, n);
  }
}

export function checkFailingPivots(check: Checker): void {
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

export function checkPotri(check: Checker): void {
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

/** A⁻¹ and A⁻¹ B against those from the reference; a pivot that fails is reported as `potrf` reports it. */
export function checkSolveAndInvert(check: Checker): void {
  for (const n of ORDERS) {
    for (const columns of n < 30 ? [0, 1, 3] : [2]) {
      const a = check.covariance(n, n % 3);
      const b = plain(n, columns);
      for (let p = 0; p < b.data.length; p++) b.data[p] = check.random();
      const [inverse, solution] = [copyOf(a), { ...b, data: b.data.slice() }];
      const wanted = check.reference.solveAndInvert(n, inverse, columns, solution);
      const got = check.engine.solveAndInvert(n, a, columns, b);
      const what = `solveAndInvert n=${n} columns=${columns}`;
      if (got.pivot !== -1) check.fail(`${what}: reports pivot ${got.pivot}`);
      // Condition number at most 6, as for potri; |b| ≤ 1; each of n logarithms errs by n u at most.
      const allowed = 8 * (n + 4) * U64 * 6;
      check.close(what, n, n, a, inverse, () => allowed, true);
      check.close(`${what}: A⁻¹ B`, n, columns, b, solution, () => allowed * Math.sqrt(n));
      const error = Math.abs(got.logDeterminant - wanted.logDeterminant);
      if (!(error <= 8 * (n + 1) * n * U64)) check.fail(`${what}: log det errs by ${error}`);
    }
  }
  const a = check.covariance(40);
  a.data[at(a, 30, 30)] = -1;
  const { pivot } = check.engine.solveAndInvert(40, a, 1, plain(40, 1));
  if (pivot !== 30) check.fail(`solveAndInvert: a pivot that fails at 30 is reported as ${pivot}`);
}

const plain = (rows: number, cols: number): Operand => ({
  data: new Float64Array(rows * cols),
  offset: 0,
  stride: cols,
  transposed: false,
});

/** Q R gives A back and QᵀQ = I within the bounds of Householder QR, a modest multiple of √m n u (Higham, §19.3). */
export function checkQr(check: Checker): void {
  for (const [m, n] of [
    [0, 0],
    [1, 1],
    [5, 2],
    [7, 7],
    [40, 31],
    [70, 33],
    [130, 65],
  ] as const) {
    const a = plain(m, n);
    for (let p = 0; p < a.data.length; p++) a.data[p] = check.random();
    const [q, r, product, gram] = [plain(m, n), plain(n, n), plain(m, n), plain(n, n)];
    q.data.set(a.data);
    r.data.fill(Number.NaN);
    check.engine.qr(m, n, q, r);
    check.reference.gemm(m, n, n, 1, q, r, 0, product);
    check.reference.gemm(n, n, m, 1, { ...q, transposed: true }, q, 0, gram);
    const allowed = 20 * (m + 4) * U64 * Math.max(1, Math.sqrt(n));
    for (let p = 0; p < a.data.length; p++) {
      const error = Math.abs(product.data[p]! - a.data[p]!);
      if (!(error <= allowed)) check.fail(`qr ${m}×${n}: Q R − A is ${error} at ${p}`);
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const skew = Math.abs(gram.data[i * n + j]! - (i === j ? 1 : 0));
        if (!(skew <= allowed)) check.fail(`qr ${m}×${n}: (QᵀQ − I)(${i}, ${j}) is ${skew}`);
        if (j < i && r.data[i * n + j] !== 0) check.fail(`qr ${m}×${n}: R(${i}, ${j}) is not 0`);
      }
    }
  }
}

/**
 * A factor updated and downdated against the factor of the sum. The sums are I + G Gᵀ / n changed by at most their
 * half: condition number below 20, which multiplies the rounding of a few rotations for each column.
 */
export function checkCholeskyUpdate(check: Checker): void {
  for (const [n, k] of [
    [0, 1],
    [1, 1],
    [6, 0],
    [25, 1],
    [50, 3],
    [97, 2],
  ] as const) {
    const l = check.covariance(n, n % 3);
    check.reference.potrf(n, l);
    const v = plain(n, k);
    for (let p = 0; p < v.data.length; p++) v.data[p] = check.random() / (2 * Math.sqrt(n * k));
    for (const sign of [1, -1] as const) {
      const expected: Block = { ...l, data: l.data.slice() };
      const got: Block = { ...l, data: l.data.slice() };
      const wanted = check.reference.choleskyUpdate(n, k, sign, expected, v);
      const pivot = check.engine.choleskyUpdate(n, k, sign, got, v);
      if (pivot !== wanted)
        check.fail(`choleskyUpdate n=${n} k=${k} sign=${sign}: ${pivot}, expected ${wanted}`);
      for (let p = 0; p < got.data.length; p++) {
        const error = Math.abs(got.data[p]! - expected.data[p]!);
        if (!(error <= 100 * (n + 4) * (k + 1) * U64) && !Object.is(got.data[p], expected.data[p])) {
          check.fail(`choleskyUpdate n=${n} k=${k} sign=${sign}: errs by ${error} at ${p}`);
        }
      }
    }
    if (n < 2 || k === 0) continue;
    // Twice the diagonal entry of L at row 1 cannot be taken away.
    v.data.fill(0);
    v.data[k] = 2 * l.data[l.offset + l.stride + 1]!;
    const before = l.data.slice();
    const pivot = check.engine.choleskyUpdate(n, k, -1, l, v);
    if (pivot !== 1) check.fail(`choleskyUpdate n=${n}: a downdate that fails at pivot 1 reports ${pivot}`);
    if (!before.every((x, p) => Object.is(x, l.data[p])))
      check.fail("choleskyUpdate: a failed downdate changed L");
  }
}
