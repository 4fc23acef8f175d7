import type { Gradient } from "../../kernels/index.ts";
import { dot, type IterativeSolution, type Matrix, matrix } from "../../linalg/index.ts";
import { averaged, logQuadrature } from "../../linalg/log-determinant.ts";
import type { Key } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { besides, columnRange } from "./columns.ts";
import { pullBackFactors } from "./product.ts";
import { type IterativeReport, type KernelSystem, reportOf, solveSystem } from "./system.ts";

/** The system solved for the residual and for random probes, at once. */
export interface ProbedSolution {
  /** (K + noise)⁻¹ residual, n·o × 1. */
  readonly alpha: Matrix;
  /** Draws of N(0, P), P the preconditioner, n·o × probes. */
  readonly probes: Matrix;
  /** (K + noise)⁻¹ probes. */
  readonly solved: Matrix;
  readonly solution: IterativeSolution;
  readonly report: IterativeReport;
}

/** Solves for the residual and `count` probes of the key: one product serves them all. */
export function* solveProbed(
  system: KernelSystem,
  residual: Float64Array,
  key: Key,
  count: number,
  stage: string,
  start?: Matrix,
): Task<ProbedSolution> {
  const probes = system.preconditioner.sample(key, count);
  const b = besides(matrix(residual.length, 1, residual), probes);
  const solution = yield* solveSystem(system, b, stage, start);
  return {
    alpha: columnRange(solution.x, 0, 1),
    probes,
    solved: columnRange(solution.x, 1, 1 + count),
    solution,
    report: reportOf(system, solution),
  };
}

/** log p(y) with the standard error that the probes leave, in nats. */
export interface StochasticEvidence {
  readonly value: number;
  readonly standardError: number;
}

/**
 * −½ (rᵀα + log det + n log 2π) with log det (K + noise) = log det P + tr log(P^(−½) (K + noise) P^(−½)), the trace from
 * the probes' Lanczos matrices (Gardner et al. 2018; Wenger et al. 2022). For a solution that started from zero.
 */
export function stochasticEvidence(
  { preconditioner }: KernelSystem,
  residual: Float64Array,
  { alpha, solution }: ProbedSolution,
): StochasticEvidence {
  const size = residual.length;
  const trace = averaged(solution.tridiagonals.slice(1).map(logQuadrature), size);
  return {
    value:
      -0.5 *
      (dot(residual, alpha.data) +
        preconditioner.logDeterminant +
        trace.value +
        size * Math.log(2 * Math.PI)),
    standardError: 0.5 * trace.standardError,
  };
}

/**
 * The gradient of log p(y) in the kernel's parameters and the noise variance (one for all values): ½ αᵀ K′ α −
 * ½ tr((K + noise)⁻¹ K′), the trace as the average of uᵀ K′ w over probes z, u = (K + noise)⁻¹ z and w = P⁻¹ z.
 */
export function stochasticGradient(
  { kernel, x, preconditioner }: KernelSystem,
  { alpha, probes, solved }: ProbedSolution,
): { readonly kernel: Gradient; readonly noiseVariance: number } {
  const count = probes.cols;
  const weighted = preconditioner.solve(probes);
  const share = -1 / (2 * count);
  for (let k = 0; k < weighted.data.length; k++) weighted.data[k]! *= share;
  const half = matrix(
    alpha.rows,
    1,
    alpha.data.map((v) => 0.5 * v),
  );
  const u = besides(alpha, solved);
  const w = besides(half, weighted);
  return { kernel: pullBackFactors(kernel, x, u, w), noiseVariance: dot(u.data, w.data) };
}
