import { engine } from "../../engine/index.ts";
import { UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import {
  conjugateGradientsSteps,
  type IterativeSolution,
  type Matrix,
  multiply,
  type SolveReport,
} from "../../linalg/index.ts";
import type { Task } from "../../tasks/index.ts";
import { type Preconditioner, pivotedPreconditioner } from "./preconditioner.ts";
import { gramTimes } from "./product.ts";

export interface IterativeOptions {
  /** A solve ends where ‖(K + noise) a − b‖ ≤ tolerance ‖b‖. 1e-4 unless given. */
  readonly tolerance?: number;
  /** Products with K a solve may take. 1,000 unless given. */
  readonly maxIterations?: number;
  /** Columns of K that the preconditioner is made of. 256 unless given; 0 for none. */
  readonly rank?: number;
}

/** How an iterative solve went. */
export interface IterativeReport extends SolveReport {
  readonly method: "conjugate gradients";
  /** The largest ‖(K + noise) a − b‖ / ‖b‖ of all right-hand sides, measured at the end. */
  readonly residual: number;
  readonly tolerance: number;
  /** Products with K. */
  readonly iterations: number;
  /** Of the preconditioner. */
  readonly rank: number;
  readonly converged: boolean;
  /** What a person should know before trusting the answer; empty when nothing stands out. */
  readonly warnings: readonly string[];
}

/** K + noise, known by its products, with its preconditioner. */
export interface KernelSystem {
  readonly kernel: Kernel;
  readonly x: Matrix;
  /** The noise variance of each value, n·outputs. */
  readonly noise: Float64Array;
  /** K, where it is small enough to be held. */
  readonly gram: Matrix | undefined;
  readonly preconditioner: Preconditioner;
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** Numbers of a matrix that is held rather than computed anew for every product: 512 MB, the same for any data. */
const mostHeld = 2 ** 26;

/**
 * The system of these points. Up to 8,000 values a native engine reads the matrix from memory about twice as fast as it
 * is computed; WASM would have to copy it for every product.
 */
export function kernelSystem(
  kernel: Kernel,
  x: Matrix,
  noise: Float64Array,
  options: IterativeOptions = {},
): KernelSystem {
  const { tolerance = 1e-4, maxIterations = 1000, rank = 256 } = options;
  for (const [name, value, least] of [
    ["maxIterations", maxIterations, 1],
    ["rank", rank, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new UsageError(`${name} should be a whole number from ${least}, got ${value}`);
    }
  }
  if (!(tolerance > 0 && tolerance < 1)) {
    throw new UsageError(`a tolerance lies between 0 and 1, got ${tolerance}`);
  }
  const preconditioner = pivotedPreconditioner(kernel, x, noise, rank);
  const held = engine().name === "native" && noise.length ** 2 <= mostHeld;
  const gram = held ? kernel.gram(x) : undefined;
  return { kernel, x, noise, gram, preconditioner, tolerance, maxIterations };
}

/** (K + noise) v. */
export function systemTimes({ kernel, x, noise, gram }: KernelSystem, v: Matrix): Matrix {
  const out = gram ? multiply(gram, v) : gramTimes(kernel, x, v);
  for (let i = 0, k = 0; i < v.rows; i++) {
    for (let c = 0; c < v.cols; c++, k++) out.data[k]! += noise[i]! * v.data[k]!;
  }
  return out;
}

/** (K + noise)⁻¹ b, every column at once, from `start` where there is one. Yields one report a product. */
export function* solveSystem(
  system: KernelSystem,
  b: Matrix,
  stage: string,
  start?: Matrix,
): Task<IterativeSolution> {
  const { preconditioner, tolerance, maxIterations } = system;
  const steps = conjugateGradientsSteps((v) => systemTimes(system, v), b, {
    preconditioner: preconditioner.solve,
    tolerance,
    maxIterations,
    ...(start && { start }),
  });
  // What is left falls by a like factor a step: done and total are digits gained, in hundredths.
  const digits = (residual: number) => Math.round(-100 * Math.log10(residual));
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const { iterations, residual } = step.value;
    const total = digits(tolerance);
    const done = Math.min(total, Math.max(0, digits(Math.max(residual, 1e-300))));
    yield { stage, done, total, metrics: { residual, products: iterations } };
  }
}

export function reportOf(
  system: KernelSystem,
  { residuals, iterations }: IterativeSolution,
): IterativeReport {
  const { tolerance, preconditioner } = system;
  const residual = residuals.reduce((most, v) => Math.max(most, v), 0);
  // The iteration's own residual drifts from the measured one by rounding: up to ten times is that.
  const converged = residual <= 10 * tolerance;
  return {
    method: "conjugate gradients",
    engine: engine().name,
    jitter: 0,
    residual,
    tolerance,
    iterations,
    rank: preconditioner.rank,
    converged,
    warnings: converged
      ? []
      : [
          `conjugate gradients stopped after ${iterations} products at a residual of ${residual.toExponential(1)}, ${(residual / tolerance).toPrecision(2)} times the tolerance of ${tolerance.toExponential(0)}: allow more iterations, raise the preconditioner's rank, or the noise`,
        ],
  };
}
