import { NonFiniteError, UsageError } from "../errors/index.ts";
import type { Tridiagonal } from "./lanczos.ts";
import { add, expectShape, type Matrix, matrix } from "./matrix.ts";

export interface ConjugateGradientsOptions {
  /** An approximate inverse, symmetric and positive definite, applied to n × r. None unless given. */
  readonly preconditioner?: (r: Matrix) => Matrix;
  /** Stop when ‖A x − b‖ ≤ tolerance · ‖b‖, column by column; 1e-10 unless given. */
  readonly tolerance?: number;
  /** Products with A at most, beyond the last one that measures the residual; 10 n + 100 unless given. */
  readonly maxIterations?: number;
  /** Where to start, n × r; zero unless given. */
  readonly start?: Matrix;
}

/** A solution with how good it is. */
export interface IterativeSolution {
  /** n × r. */
  readonly x: Matrix;
  /** ‖A x − b‖ / ‖b‖ of each column, measured at the end; 0 where b is 0. */
  readonly residuals: Float64Array;
  readonly iterations: number;
  /** Whether the iteration met its tolerance in every column. */
  readonly converged: boolean;
  /**
   * For each column the tridiagonal T of Lanczos' process for P^(−½) A P^(−½) from P^(−½) b, P⁻¹ the preconditioner, as
   * the iteration found it (Golub & Van Loan, section 11.3.6): what functions of A are estimated from.
   */
  readonly tridiagonals: readonly Tridiagonal[];
}

/**
 * Solves A X = B for a symmetric positive definite A known by its products: preconditioned conjugate gradients
 * (Hestenes & Stiefel 1952; Golub & Van Loan, algorithm 11.5.1), each column its own iteration, all columns sharing
 * the products. Does not throw when the tolerance is missed: the answer says by how much.
 */
export function conjugateGradients(
  apply: (v: Matrix) => Matrix,
  b: Matrix,
  options: ConjugateGradientsOptions = {},
): IterativeSolution {
  const steps = conjugateGradientsSteps(apply, b, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, one product at a time: yields the products done and the largest residual, relative to its column. */
export function* conjugateGradientsSteps(
  apply: (v: Matrix) => Matrix,
  b: Matrix,
  options: ConjugateGradientsOptions = {},
): Generator<{ readonly iterations: number; readonly residual: number }, IterativeSolution, void> {
  const { preconditioner = (r: Matrix) => r, tolerance = 1e-10, maxIterations = 10 * b.rows + 100 } = options;
  if (!(tolerance > 0)) throw new UsageError(`a tolerance is above 0, got ${tolerance}`);
  if (options.start) expectShape(options.start, "start", b.rows, b.cols);
  const sizes = columnDots(b, b).map(Math.sqrt);
  const x = matrix(b.rows, b.cols, options.start?.data.slice());
  const r = options.start ? add(b, apply(x), -1) : matrix(b.rows, b.cols, b.data.slice());
  const open = (norms: Float64Array) => norms.map((v, c) => (v > tolerance * sizes[c]! ? 1 : 0));
  let active = open(columnDots(r, r).map(Math.sqrt));
  let z = preconditioner(r);
  let p = matrix(b.rows, b.cols, z.data.slice());
  let slopes = columnDots(r, z);
  let iterations = 0;
  const found = Array.from(sizes, () => ({ steps: [] as number[], turns: [] as number[] }));
  while (active.some((a) => a > 0) && iterations < maxIterations) {
    const q = apply(p);
    iterations++;
    const curvatures = columnDots(p, q);
    // A column that is done, or along which rounding leaves no curvature, stays where it is.
    const steps = slopes.map((s, c) => (active[c] && curvatures[c]! > 0 ? s / curvatures[c]! : 0));
    addColumns(x, p, steps);
    addColumns(
      r,
      q,
      steps.map((s) => -s),
    );
    const norms = columnDots(r, r).map(Math.sqrt);
    if (!norms.every(Number.isFinite)) throw new NonFiniteError("conjugate gradients met NaN or infinity");
    active = open(norms).map((a, c) => (steps[c] === 0 ? 0 : a));
    yield {
      iterations,
      residual: norms.reduce((most, v, c) => (sizes[c] ? Math.max(most, v / sizes[c]!) : most), 0),
    };
    z = preconditioner(r);
    const next = columnDots(r, z);
    const turns = next.map((s, c) => (active[c] ? s / slopes[c]! : 0));
    found.forEach((column, c) => {
      if (steps[c] === 0) return;
      column.steps.push(steps[c]!);
      column.turns.push(turns[c]!);
    });
    const turned = matrix(b.rows, b.cols, z.data.slice());
    addColumns(turned, p, turns);
    p = turned;
    slopes = next;
  }
  const gap = add(b, apply(x), -1);
  const residuals = columnDots(gap, gap).map((v, c) => (sizes[c] ? Math.sqrt(v) / sizes[c]! : 0));
  // The recurrence's residual drifts from the true one by rounding: allow it that.
  return {
    x,
    residuals,
    iterations,
    converged: residuals.every((v) => v <= 10 * tolerance),
    tridiagonals: found.map(tridiagonalOf),
  };
}

function tridiagonalOf({
  steps,
  turns,
}: {
  readonly steps: number[];
  readonly turns: number[];
}): Tridiagonal {
  return {
    diagonal: Float64Array.from(steps, (s, k) => 1 / s + (k > 0 ? turns[k - 1]! / steps[k - 1]! : 0)),
    beside: Float64Array.from(
      { length: Math.max(0, steps.length - 1) },
      (_, k) => Math.sqrt(turns[k]!) / steps[k]!,
    ),
  };
}

/** aᵀ b of each pair of columns. */
function columnDots(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.cols);
  for (let i = 0, k = 0; i < a.rows; i++) {
    for (let c = 0; c < a.cols; c++, k++) out[c]! += a.data[k]! * b.data[k]!;
  }
  return out;
}

/** a ← a + b diag(factors), in place. */
function addColumns(a: Matrix, b: Matrix, factors: Float64Array): void {
  for (let i = 0, k = 0; i < a.rows; i++) {
    for (let c = 0; c < a.cols; c++, k++) a.data[k]! += factors[c]! * b.data[k]!;
  }
}
