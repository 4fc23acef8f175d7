import { eigh, matrix } from "../../linalg/index.ts";

/** Nodes z and weights w of the standard normal: E[g(z)] ≈ Σ w g(z), exact for polynomials up to degree 2·count − 1. */
export interface NormalRule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const rules = new Map<number, NormalRule>();

/** The Gauss–Hermite rule with so many nodes, from the Jacobi matrix' eigenvalues and vectors (Golub & Welsch 1969). */
export function normalRule(count: number): NormalRule {
  const kept = rules.get(count);
  if (kept) return kept;
  const jacobi = matrix(count, count);
  for (let j = 1; j < count; j++) {
    jacobi.data[j * count + j - 1] = Math.sqrt(j);
    jacobi.data[(j - 1) * count + j] = Math.sqrt(j);
  }
  const { values, vectors } = eigh(jacobi);
  const rule = { nodes: values, weights: values.map((_, k) => vectors.data[k]! ** 2) };
  rules.set(count, rule);
  return rule;
}
