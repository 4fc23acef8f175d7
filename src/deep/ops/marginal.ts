import { engine } from "../../engine/index.ts";
import { block, type Matrix, matrix, operand } from "../../linalg/index.ts";
import type { Node, Tape } from "../tape.ts";

/**
 * The variances of a sparse process's values, one column an output (n × o): with A = L⁻¹ k(Z, X) (m × n), the prior's
 * variances d (n × 1) and the covariances Σ of the whitened inducing values, one an output, stacked (o·m × m),
 * d_n − aₙᵀaₙ + aₙᵀ Σ aₙ (Salimbeni & Deisenroth 2017, equation 8, whitened). What rounding takes below 0 becomes 0.
 */
export function marginalVariances(tape: Tape, a: Node, prior: Node, covariances: Node): Node {
  const { rows: m, cols: n, data } = a.value;
  const outputs = covariances.value.rows / m;
  // Σ A of all outputs, one below the other.
  const spread = matrix(outputs * m, n);
  engine().gemm(outputs * m, n, m, 1, operand(covariances.value), operand(a.value), 0, block(spread));
  const least = new Float64Array(n);
  for (let i = 0, k = 0; i < m; i++) {
    for (let j = 0; j < n; j++, k++) least[j]! += data[k]! * data[k]!;
  }
  const out = matrix(n, outputs);
  const column = new Float64Array(n);
  for (let d = 0; d < outputs; d++) {
    for (let j = 0; j < n; j++) column[j] = prior.value.data[j]! - least[j]!;
    for (let i = 0, k = 0, s = d * m * n; i < m; i++) {
      for (let j = 0; j < n; j++, k++, s++) column[j]! += data[k]! * spread.data[s]!;
    }
    // NaN stays NaN: the factorisation or the likelihood will name it.
    for (let j = 0; j < n; j++) out.data[j * outputs + d] = column[j]! < 0 ? 0 : column[j]!;
  }
  return tape.record(out, [a, prior, covariances], (bar, [ofA, ofPrior, ofCovariances]) => {
    const sums = rowSums(bar);
    return [
      ofA ? pullA(a.value, spread, bar, sums) : undefined,
      ofPrior ? matrix(n, 1, sums) : undefined,
      ofCovariances ? pullCovariances(a.value, bar) : undefined,
    ];
  });
}

/** 2 Σ_d (Σ_d − I) A diag(bar_d). */
function pullA(a: Matrix, spread: Matrix, bar: Matrix, sums: Float64Array): Matrix {
  const { rows: m, cols: n } = a;
  const out = matrix(m, n);
  for (let i = 0, k = 0; i < m; i++) {
    for (let j = 0; j < n; j++, k++) out.data[k] = -2 * sums[j]! * a.data[k]!;
  }
  const column = new Float64Array(n);
  for (let d = 0; d < bar.cols; d++) {
    for (let j = 0; j < n; j++) column[j] = 2 * bar.data[j * bar.cols + d]!;
    for (let i = 0, k = 0, s = d * m * n; i < m; i++) {
      for (let j = 0; j < n; j++, k++, s++) out.data[k]! += column[j]! * spread.data[s]!;
    }
  }
  return out;
}

/** A diag(bar_d) Aᵀ of each output, stacked. */
function pullCovariances(a: Matrix, bar: Matrix): Matrix {
  const { rows: m, cols: n } = a;
  const weighted = matrix(bar.cols * m, n);
  const column = new Float64Array(n);
  for (let d = 0; d < bar.cols; d++) {
    for (let j = 0; j < n; j++) column[j] = bar.data[j * bar.cols + d]!;
    for (let i = 0, k = 0, s = d * m * n; i < m; i++) {
      for (let j = 0; j < n; j++, k++, s++) weighted.data[s] = column[j]! * a.data[k]!;
    }
  }
  const out = matrix(bar.cols * m, m);
  engine().gemm(bar.cols * m, m, n, 1, operand(weighted), operand(a, true), 0, block(out));
  return out;
}

function rowSums(a: Matrix): Float64Array {
  const sums = new Float64Array(a.rows);
  for (let i = 0, k = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++, k++) sums[i]! += a.data[k]!;
  }
  return sums;
}

/**
 * KL(N(m_d, R_d R_dᵀ) ‖ N(0, I)) summed over outputs, in nats: whitened inducing values against their prior. `mean` is
 * m × o, `roots` stacks the lower triangular R_d (o·m × m).
 */
export function whitenedDivergence(tape: Tape, mean: Node, roots: Node): Node {
  const m = mean.value.rows;
  return tape.record(
    matrix(1, 1, Float64Array.of(divergence(mean.value, roots.value))),
    [mean, roots],
    (bar) => {
      const weight = bar.data[0]!;
      const ofMean = matrix(m, mean.value.cols);
      for (let k = 0; k < ofMean.data.length; k++) ofMean.data[k] = weight * mean.value.data[k]!;
      const ofRoots = matrix(roots.value.rows, m);
      for (let r = 0; r < ofRoots.rows; r++) {
        const i = r % m;
        for (let j = 0; j <= i; j++) {
          const v = roots.value.data[r * m + j]!;
          ofRoots.data[r * m + j] = weight * (j === i ? v - 1 / v : v);
        }
      }
      return [ofMean, ofRoots];
    },
  );
}

/** The divergence's value. */
export function divergence(mean: Matrix, roots: Matrix): number {
  const m = mean.rows;
  let sum = -m * mean.cols;
  for (let k = 0; k < mean.data.length; k++) sum += mean.data[k]! ** 2;
  for (let r = 0; r < roots.rows; r++) {
    const i = r % m;
    for (let j = 0; j <= i; j++) sum += roots.data[r * m + j]! ** 2;
    sum -= 2 * Math.log(Math.abs(roots.data[r * m + i]!));
  }
  return 0.5 * sum;
}
