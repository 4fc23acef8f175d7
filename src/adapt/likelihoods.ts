import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import type { SeenLikelihood } from "../processes/latent/index.ts";

/** What the evidence's gradient asks of a likelihood besides. */
export interface Likelihood extends SeenLikelihood {
  /**
   * ∂/∂f of Σ_i tr(Σ_i W_i(f)), n × o, for covariances Σ_i seen through the roots: C_i = R_iᵀ Σ_i R_i, n·r × r.
   * Absent where W does not depend on f.
   */
  traceSlope?(f: Matrix, seen: Matrix): Matrix;
}

/** Independent Gaussian noise of the given variances, one for each value of y (n × o, point-major). */
export function gaussianLikelihood(y: Matrix, noise: Float64Array): Likelihood {
  const { rows: examples, cols: outputs } = y;
  return {
    examples,
    outputs,
    rank: outputs,
    logDensity(f) {
      let sum = 0;
      y.data.forEach((v, k) => {
        sum += Math.log(2 * Math.PI * noise[k]!) + (v - f.data[k]!) ** 2 / noise[k]!;
      });
      return -0.5 * sum;
    },
    gradient: (f) => ({ ...y, data: y.data.map((v, k) => (v - f.data[k]!) / noise[k]!) }),
    root() {
      const out = matrix(examples * outputs, outputs);
      noise.forEach((v, k) => {
        out.data[k * outputs + (k % outputs)] = 1 / Math.sqrt(v);
      });
      return out;
    },
  };
}

/**
 * Class numbers under the softmax of c logits, or, for one output, under its sigmoid (class 1's probability). Throws
 * UsageError for labels that are no class.
 */
export function classLikelihood(labels: ArrayLike<number>, outputs: number): Likelihood {
  expectLabels(labels, outputs);
  return outputs === 1 ? sigmoidLikelihood(labels) : softmaxLikelihood(labels, outputs);
}

/** How many classes a network with so many outputs tells apart. */
export function classCount(outputs: number): number {
  return outputs === 1 ? 2 : outputs;
}

/** Throws UsageError for a label that is no class. */
export function expectLabels(labels: ArrayLike<number>, outputs: number): void {
  const classes = classCount(outputs);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new UsageError(
        `labels are class numbers from 0 to ${classes - 1} (the network has ${outputs} ${outputs === 1 ? "output" : "outputs"}), got ${label} at row ${i}`,
      );
    }
  }
}

function softmaxLikelihood(labels: ArrayLike<number>, classes: number): Likelihood {
  const examples = labels.length;
  const rank = classes - 1;
  return {
    examples,
    outputs: classes,
    rank,
    logDensity(f) {
      let sum = 0;
      for (let i = 0; i < examples; i++) {
        const row = f.data.subarray(i * classes, (i + 1) * classes);
        sum += row[labels[i]!]! - logSumExp(row);
      }
      return sum;
    },
    gradient(f) {
      const p = softmaxRows(f);
      const data = p.data.map((v) => -v);
      for (let i = 0; i < examples; i++) data[i * classes + labels[i]!]! += 1;
      return { ...p, data };
    },
    // D − p pᵀ = D^½ (I − q qᵀ) D^½ with q = √p of length 1: R = D^½ Q, Q an orthonormal basis of what q leaves.
    root(f) {
      const p = softmaxRows(f);
      const out = matrix(examples * classes, rank);
      for (let i = 0; i < examples; i++) {
        const q = p.data.subarray(i * classes, (i + 1) * classes).map(Math.sqrt);
        const basis = orthogonalTo(q);
        for (let a = 0; a < classes; a++) {
          for (let b = 0; b < rank; b++) {
            out.data[(i * classes + a) * rank + b] = q[a]! * basis[a * rank + b]!;
          }
        }
      }
      return out;
    },
    // With M = Q C Qᵀ = D^½ Σ D^½ up to directions that W does not see: tr(ΣW) moves by M_jj − p_j tr M.
    traceSlope(f, seen) {
      const p = softmaxRows(f);
      const out = matrix(examples, classes);
      for (let i = 0; i < examples; i++) {
        const own = p.data.subarray(i * classes, (i + 1) * classes);
        const basis = orthogonalTo(own.map(Math.sqrt));
        const c = seen.data.subarray(i * rank * rank, (i + 1) * rank * rank);
        let trace = 0;
        for (let a = 0; a < rank; a++) trace += c[a * rank + a]!;
        for (let j = 0; j < classes; j++) {
          let m = 0;
          for (let a = 0; a < rank; a++) {
            let sum = 0;
            for (let b = 0; b < rank; b++) sum += c[a * rank + b]! * basis[j * rank + b]!;
            m += basis[j * rank + a]! * sum;
          }
          out.data[i * classes + j] = m - own[j]! * trace;
        }
      }
      return out;
    },
  };
}

function sigmoidLikelihood(labels: ArrayLike<number>): Likelihood {
  const examples = labels.length;
  const each = (f: Matrix, of: (f: number, i: number) => number) => ({ ...f, data: f.data.map(of) });
  const sigma = (v: number) => 1 / (1 + Math.exp(-v));
  return {
    examples,
    outputs: 1,
    rank: 1,
    logDensity: (f) =>
      f.data.reduce((sum, v, i) => {
        const towards = labels[i] === 1 ? v : -v;
        return sum - (Math.max(0, -towards) + Math.log1p(Math.exp(-Math.abs(towards))));
      }, 0),
    gradient: (f) => each(f, (v, i) => labels[i]! - sigma(v)),
    root: (f) => each(f, (v) => Math.sqrt(sigma(v) * sigma(-v))),
    // C = Σ W, and W′ = W (1 − 2σ).
    traceSlope: (f, seen) => each(f, (v, i) => seen.data[i]! * (1 - 2 * sigma(v))),
  };
}

/** exp f / Σ exp f along each row. */
export function softmaxRows(f: Matrix): Matrix {
  const out = matrix(f.rows, f.cols);
  for (let i = 0; i < f.rows; i++) {
    const row = f.data.subarray(i * f.cols, (i + 1) * f.cols);
    const total = logSumExp(row);
    for (let j = 0; j < f.cols; j++) out.data[i * f.cols + j] = Math.exp(row[j]! - total);
  }
  return out;
}

function logSumExp(row: Float64Array): number {
  let top = -Infinity;
  for (const v of row) top = Math.max(top, v);
  let sum = 0;
  for (const v of row) sum += Math.exp(v - top);
  return top + Math.log(sum);
}

/**
 * The last c − 1 columns of the Householder reflection that sends q, of length 1 and without negative entries, to
 * −e₀: an orthonormal basis of what is orthogonal to q, c × (c − 1), smooth in q.
 */
function orthogonalTo(q: Float64Array): Float64Array {
  const c = q.length;
  // v = q + e₀, |v|² = 2 (1 + q₀)
  const over = 1 / (1 + q[0]!);
  const out = new Float64Array(c * (c - 1));
  for (let a = 0; a < c; a++) {
    const va = q[a]! + (a === 0 ? 1 : 0);
    for (let b = 1; b < c; b++) out[a * (c - 1) + b - 1] = (a === b ? 1 : 0) - over * va * q[b]!;
  }
  return out;
}
