import { ShapeError } from "../errors/index.ts";
import {
  cholesky,
  eigh,
  halfSolve,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  subtract,
  transpose,
} from "../linalg/index.ts";
import type { Gaussian, Process } from "../processes/index.ts";

/**
 * The Wasserstein-2 distance of the joint distributions of two processes' values at n points, divided by √n: in
 * units of the values, and comparable across n (Bures 1969; Dowson & Landau 1982).
 */
export function wasserstein2(p: Process<Gaussian>, q: Process<Gaussian>, x: Matrix): number {
  const [a, b] = jointly(p, q, x);
  const gap = subtract(a.mean, b.mean).data.reduce((s, v) => s + v * v, 0);
  const root = squareRoot(a.covariance);
  const cross = eigh(multiply(multiply(root, b.covariance), root)).values;
  const fidelity = cross.reduce((s, v) => s + Math.sqrt(Math.max(0, v)), 0);
  const spread = trace(a.covariance) + trace(b.covariance) - 2 * fidelity;
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

function trace(a: Matrix): number {
  let sum = 0;
  for (let i = 0; i < a.rows; i++) sum += a.data[i * a.cols + i]!;
  return sum;
}

function squareRoot(a: Matrix): Matrix {
  const { values, vectors } = eigh(a);
  const scaled = matrix(
    vectors.rows,
    vectors.cols,
    vectors.data.map((v, k) => v * Math.sqrt(Math.max(0, values[k % vectors.cols]!))),
  );
  return multiply(scaled, transpose(vectors));
}
