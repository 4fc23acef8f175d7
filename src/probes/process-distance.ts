import { ShapeError } from "../errors/index.ts";
import { cholesky, halfSolve, logDeterminant, type Matrix, reshape, subtract } from "../linalg/index.ts";
import type { Gaussian, Process } from "../processes/index.ts";
import { fidelity, trace } from "./bures.ts";

/**
 * The Wasserstein-2 distance of the joint distributions of two processes' values at n points, divided by √n: in
 * units of the values, and comparable across n (Bures 1969; Dowson & Landau 1982).
 */
export function wasserstein2(p: Process<Gaussian>, q: Process<Gaussian>, x: Matrix): number {
  const [a, b] = jointly(p, q, x);
  const gap = subtract(a.mean, b.mean).data.reduce((s, v) => s + v * v, 0);
  const spread = trace(a.covariance) + trace(b.covariance) - 2 * fidelity(a.covariance, b.covariance);
  return Math.sqrt(Math.max(0, gap + spread) / x.rows);
}

/**
 * KL(p ‖ q) of the joint distributions of two processes' values at points, in nats. Covariances that are singular
 * there get the jitter of `cholesky`.
 */
export function klDivergence(p: Process<Gaussian>, q: Process<Gaussian>, x: Matrix): number {
  const [a, b] = jointly(p, q, x);
  const factorA = cholesky(a.covariance);
  const factorB = cholesky(b.covariance);
  const gap = subtract(b.mean, a.mean);
  const squares = (m: Matrix) => m.data.reduce((s, v) => s + v * v, 0);
  const half = halfSolve(factorB, factorA.lower);
  const far = halfSolve(factorB, reshape(gap, gap.data.length, 1));
  return (
    0.5 * (squares(half) + squares(far) - gap.data.length + logDeterminant(factorB) - logDeterminant(factorA))
  );
}

function jointly(p: Process<Gaussian>, q: Process<Gaussian>, x: Matrix): [Gaussian, Gaussian] {
  if (p.outputs !== q.outputs) {
    throw new ShapeError(`the processes have ${p.outputs} and ${q.outputs} outputs`);
  }
  return [p.at(x), q.at(x)];
}
