import { type Cholesky, matrix, multiply, solve } from "../../linalg/index.ts";
import { key, normal } from "../../random/index.ts";

// Steps of the power method: each O(n²); the estimate is low by a few per cent at most, and only its power of ten counts.
const steps = 12;

/**
 * The largest by the smallest eigenvalue of A = L Lᵀ, by the power method on A and on A⁻¹ from a random start: a lower
 * bound, mostly within a few per cent. About as many digits as its logarithm are lost in a solve.
 */
export function conditionEstimate(factor: Cholesky): number {
  const { size, lower } = factor;
  const start = () => matrix(size, 1, normal(key(0), size));
  const grow = (times: (v: ReturnType<typeof start>) => ReturnType<typeof start>) => {
    let v = start();
    let growth = 1;
    for (let i = 0; i < steps; i++) {
      const length = Math.sqrt(v.data.reduce((sum, e) => sum + e * e, 0));
      const next = times({ ...v, data: v.data.map((e) => e / length) });
      growth = Math.sqrt(next.data.reduce((sum, e) => sum + e * e, 0));
      v = next;
    }
    return growth;
  };
  return grow((v) => multiply(lower, multiply(lower, v, { a: true }))) * grow((v) => solve(factor, v));
}
