import {
  cholesky,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  type Matrix,
  matrix,
  mirror,
  multiply,
  transpose,
} from "../../linalg/index.ts";
import type { Node, Tape } from "../tape.ts";

/** L with A = L Lᵀ, for symmetric A; `cholesky`'s jitter, where one was needed, is a constant. */
export function factored(tape: Tape, a: Node): Node {
  const factor = cholesky(a.value);
  // Ā = ½ L⁻ᵀ (Φ + Φᵀ) L⁻¹ with Φ the lower triangle of Lᵀ L̄, its diagonal halved (Murray 2016, equation 10).
  return tape.record(factor.lower, [a], (bar) => {
    const inner = multiply(factor.lower, lowerTriangle(bar), { a: true });
    mirror(inner);
    const left = halfSolveTransposed(factor, inner);
    const both = halfSolveTransposed(factor, transpose(left));
    for (let k = 0; k < both.data.length; k++) both.data[k]! *= 0.5;
    return [both];
  });
}

/** L⁻¹ B for a lower triangular L. */
export function substituted(tape: Tape, lower: Node, b: Node): Node {
  const factor = { size: lower.value.rows, lower: lower.value };
  const out = halfSolve(factor, b.value);
  return tape.record(out, [lower, b], (bar, [ofLower]) => {
    const slope = halfSolveTransposed(factor, bar);
    if (!ofLower) return [undefined, slope];
    const onLower = multiply(slope, out, { b: true });
    for (let i = 0; i < onLower.rows; i++) {
      for (let j = 0; j < onLower.cols; j++) {
        const k = i * onLower.cols + j;
        onLower.data[k] = j > i ? 0 : -onLower.data[k]!;
      }
    }
    return [onLower, slope];
  });
}

/** A with `share` of its mean diagonal added to its diagonal. */
export function jittered(tape: Tape, a: Node, share: number): Node {
  const n = a.value.rows;
  const add = (to: Matrix, amount: number): Matrix => {
    const out = matrix(n, n, to.data.slice());
    for (let i = 0; i < n; i++) out.data[i * n + i]! += amount;
    return out;
  };
  const trace = (of: Matrix) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += of.data[i * n + i]!;
    return sum;
  };
  return tape.record(add(a.value, (share * trace(a.value)) / n), [a], (bar) => [
    add(bar, (share * trace(bar)) / n),
  ]);
}

/** R Rᵀ of each of the square roots stacked in R (count·m × m), stacked likewise; the roots are lower triangular. */
export function squares(tape: Tape, roots: Node): Node {
  const m = roots.value.cols;
  const parts = stackOf(roots.value, m);
  const out = matrix(roots.value.rows, m);
  parts.forEach((root, d) => {
    out.data.set(gramOf(root).data, d * m * m);
  });
  return tape.record(out, [roots], (bar) => {
    const slopes = matrix(bar.rows, m);
    stackOf(bar, m).forEach((slope, d) => {
      const sum = matrix(m, m);
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < m; j++) sum.data[i * m + j] = slope.data[i * m + j]! + slope.data[j * m + i]!;
      }
      slopes.data.set(lowerTriangle(multiply(sum, parts[d]!)).data, d * m * m);
    });
    return [slopes];
  });
}

/** The square matrices stacked in one (count·m × m), as views. */
export function stackOf(stack: Matrix, m: number): readonly Matrix[] {
  return Array.from({ length: stack.rows / m }, (_, d) =>
    matrix(m, m, stack.data.subarray(d * m * m, (d + 1) * m * m)),
  );
}

export function lowerTriangle(a: Matrix): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols, i * a.cols + i + 1), i * a.cols);
  }
  return out;
}
