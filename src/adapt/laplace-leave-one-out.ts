import {
  add,
  cholesky,
  gramOf,
  halfSolve,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  subtract,
  transpose,
} from "../linalg/index.ts";
import type { Logits } from "./class-probabilities.ts";
import type { Likelihood } from "./likelihoods.ts";

/**
 * Each example's logits as the other examples predict them, from Laplace's posterior at all of them: with its likelihood's
 * second-order term taken out, Σ₋ = Σ + Σ R (I − Rᵀ Σ R)⁻¹ Rᵀ Σ and μ₋ = f̂ − Σ₋ ∂log p/∂f (Vehtari, Mononen,
 * Tolvanen, Sivula & Winther 2016, "LA-LOO"; the scales stay). `posterior` is of the examples of the likelihood.
 */
export function laplaceLeaveOneOut({ mean, covariance }: Logits, likelihood: Likelihood): Logits {
  const { outputs: o, rank: r, examples } = likelihood;
  const slope = likelihood.gradient(mean);
  const roots = likelihood.root(mean);
  const out = { mean: matrix(examples, o), covariance: matrix(examples * o, o) };
  for (let i = 0; i < examples; i++) {
    const own = rowRange(covariance, i * o, (i + 1) * o);
    const seen = multiply(own, rowRange(roots, i * o, (i + 1) * o));
    const left = leftOf(multiply(transpose(rowRange(roots, i * o, (i + 1) * o)), seen), r);
    const cavity = add(own, gramOf(transpose(halfSolve(cholesky(left), transpose(seen)))));
    out.covariance.data.set(cavity.data, i * o * o);
    const pull = multiply(cavity, transpose(rowRange(slope, i, i + 1)));
    out.mean.data.set(subtract(rowRange(mean, i, i + 1), transpose(pull)).data, i * o);
  }
  return out;
}

/** I − A, r square. */
function leftOf(a: Matrix, r: number): Matrix {
  const out = { ...a, data: a.data.map((v) => -v) };
  for (let k = 0; k < r; k++) out.data[k * r + k]! += 1;
  return out;
}
