import { type EngineName, engine } from "../engine/index.ts";
import { NonFiniteError, NotPositiveDefiniteError, ShapeError } from "../errors/index.ts";
import { expectShape, type Matrix, matrix } from "./matrix.ts";
import { block, mirror, operand } from "./products.ts";
import { backwardInPlace, forwardInPlace } from "./substitution.ts";

/** A lower triangular matrix to solve with. */
export type LowerFactor = Pick<Cholesky, "size" | "lower">;

/** What a factorisation did: the hand that made it and the jitter it needed (0 when none). */
export interface SolveReport {
  readonly method: "cholesky" | "eigh" | "conjugate gradients" | "kalman";
  readonly engine: EngineName;
  /** Added to the diagonal, in the units of the matrix. */
  readonly jitter: number;
  /** ‖A x − b‖ / ‖b‖ of an iterative solve. */
  readonly residual?: number;
}

/** A = L Lᵀ: factor once, solve often. */
export interface Cholesky {
  readonly size: number;
  /** L, n × n, zero above the diagonal. */
  readonly lower: Matrix;
  readonly report: SolveReport;
}

// Jitter grows tenfold from 1e-10 to 1e-4 of the mean diagonal, and only when the plain factorisation fails.
const firstJitter = 1e-10;
const lastJitter = 1e-4;

/**
 * The Cholesky factor of a symmetric positive definite matrix, of which only the lower triangle is read.
 * When a pivot is not positive, jitter is added to the diagonal (1e-10 of its mean, tenfold up to 1e-4)
 * and reported. Throws NotPositiveDefiniteError past that, NonFiniteError for NaN or infinity in A.
 */
export function cholesky(a: Matrix): Cholesky {
  const n = a.rows;
  if (a.cols !== n) throw new ShapeError(`a covariance is square, got ${n} × ${a.cols}`);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += a.data[i * n + i]! / n;
  if (!Number.isFinite(mean)) throw new NonFiniteError("the diagonal of a covariance holds NaN or infinity");
  let pivot = -1;
  for (const relative of jitters()) {
    const jitter = relative * Math.abs(mean);
    const lower = lowerTriangle(a);
    for (let i = 0; i < n; i++) lower.data[i * n + i]! += jitter;
    pivot = engine().potrf(n, block(lower));
    if (pivot < 0) return { size: n, lower, report: { method: "cholesky", engine: engine().name, jitter } };
    if (relative === 0) refuseNonFinite(a);
  }
  const jitterTried = lastJitter * Math.abs(mean);
  throw new NotPositiveDefiniteError(
    `a ${n} × ${n} covariance is not positive definite: pivot ${pivot} failed even with ${jitterTried.toExponential(1)} added to the diagonal; look for duplicated inputs, a lengthscale far too long or a noise variance near zero`,
    { pivot, jitterTried },
  );
}

function* jitters(): Generator<number> {
  yield 0;
  for (let e = Math.log10(firstJitter); e <= Math.log10(lastJitter) + 0.5; e++) yield 10 ** Math.round(e);
}

function lowerTriangle(a: Matrix): Matrix {
  const out = matrix(a.rows, a.rows);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols, i * a.cols + i + 1), i * a.cols);
  }
  return out;
}

function refuseNonFinite(a: Matrix): void {
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j <= i; j++) {
      if (!Number.isFinite(a.data[i * a.cols + j]!)) {
        throw new NonFiniteError(`a covariance holds ${a.data[i * a.cols + j]} at (${i}, ${j})`);
      }
    }
  }
}

/** A⁻¹ B, for B of n rows. */
export function solve(factor: LowerFactor, b: Matrix): Matrix {
  return halfSolveTransposed(factor, halfSolve(factor, b));
}

/** L⁻¹ B, for B of n rows. */
export function halfSolve(factor: LowerFactor, b: Matrix): Matrix {
  return substitute(factor, b, false);
}

/** L⁻ᵀ B, for B of n rows. */
export function halfSolveTransposed(factor: LowerFactor, b: Matrix): Matrix {
  return substitute(factor, b, true);
}

/** B ← L⁻¹ B, which is returned: for the owner of a fresh B only. */
export function halfSolveInPlace(factor: LowerFactor, b: Matrix): Matrix {
  return substituteInPlace(factor, b, false);
}

/** B ← L⁻ᵀ B, likewise. */
export function halfSolveTransposedInPlace(factor: LowerFactor, b: Matrix): Matrix {
  return substituteInPlace(factor, b, true);
}

/** L⁻ᵀ A L⁻¹ for A of n rows and columns. */
export function congruent(factor: LowerFactor, a: Matrix): Matrix {
  const { size, lower } = factor;
  const out = halfSolveTransposed(factor, a);
  engine().trsm("right", size, size, { ...operand(lower), lower: true }, block(out));
  return out;
}

// Up to here handing L to an engine takes longer than the work itself.
const fewColumns = 3;

function substitute(factor: LowerFactor, b: Matrix, transposed: boolean): Matrix {
  expectShape(b, "the right-hand side", factor.size, undefined);
  return substituteInPlace(factor, matrix(b.rows, b.cols, b.data.slice()), transposed);
}

function substituteInPlace({ size, lower }: LowerFactor, b: Matrix, transposed: boolean): Matrix {
  if (b.cols <= fewColumns) (transposed ? backwardInPlace : forwardInPlace)(lower, b);
  else engine().trsm("left", size, b.cols, { ...operand(lower, transposed), lower: true }, block(b));
  return b;
}

/** log det A, in nats. */
export function logDeterminant(factor: LowerFactor): number {
  let sum = 0;
  for (let i = 0; i < factor.size; i++) sum += Math.log(factor.lower.data[i * factor.size + i]!);
  return 2 * sum;
}

/** A⁻¹ whole. */
export function inverse(factor: LowerFactor): Matrix {
  const out = matrix(factor.size, factor.size, factor.lower.data.slice());
  engine().potri(factor.size, block(out));
  mirror(out);
  return out;
}
