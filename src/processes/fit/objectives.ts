import { engine } from "../../engine/index.ts";
import { UsageError } from "../../errors/index.ts";
import {
  block,
  cholesky,
  inverse,
  type LowerBar,
  logDeterminant,
  type Matrix,
  matrix,
  mirror,
  multiply,
  operand,
} from "../../linalg/index.ts";
import type { Inverted } from "./inverted.ts";

/** What a fit makes largest: log p(y), or Σ log p(y_i | all other points). */
export type ObjectiveName = "evidence" | "leave-one-out";

/** A value in nats with its derivatives in the matrix K + noise I and in the residual y − mean. */
export interface Pulled {
  readonly value: number;
  readonly gram: LowerBar;
  readonly residual: Float64Array;
}

/** Spends the inverse. `outputs` is the number of values at one point: what is left out together. */
export type Objective = (inverted: Inverted, outputs: number) => Pulled;

export const objectives: Readonly<Record<ObjectiveName, Objective>> = {
  evidence,
  "leave-one-out": leaveOneOut,
};

export function objectiveNamed(name: ObjectiveName): Objective {
  const found = objectives[name];
  if (!found) throw new UsageError(`an objective is ${Object.keys(objectives).join(" or ")}, got "${name}"`);
  return found;
}

/** log N(r | 0, K + noise I): −½ rᵀα − ½ log det − n/2 log 2π; ∂/∂K = ½ (α αᵀ − P) (Rasmussen & Williams, eq. 5.9). */
function evidence({ size, inverse, residual, alpha, logDeterminant }: Inverted): Pulled {
  let square = 0;
  for (let i = 0; i < size; i++) square += residual[i]! * alpha[i]!;
  return {
    value: -0.5 * (square + logDeterminant + size * Math.log(2 * Math.PI)),
    gram: { matrix: inverse, scale: -0.5, vector: alpha },
    residual: alpha.map((v) => -v),
  };
}

/**
 * Σ_i ½ log det P_ii − ½ α_iᵀ P_ii⁻¹ α_i − o/2 log 2π over the o × o blocks P_ii of P = (K + noise I)⁻¹, one a point
 * (Rasmussen & Williams 2006, equations 5.10–5.12). With a_i = −P_ii⁻¹ α_i and C_ii = ½ (P_ii⁻¹ + a_i a_iᵀ):
 * ∂/∂r = P a and ∂/∂K = −½ (P a αᵀ + α aᵀ P) − P C P, in O(n³) where equation 5.13 takes that for each parameter.
 */
function leaveOneOut({ size, inverse: precision, alpha }: Inverted, outputs: number): Pulled {
  mirror(precision);
  const slope = new Float64Array(size);
  let value = -0.5 * size * Math.log(2 * Math.PI);
  // The Cholesky factor of each C_ii, beside each other in the columns of one block-diagonal matrix.
  const roots: Matrix[] = [];
  for (let from = 0; from < size; from += outputs) {
    const { spread, halfLogDet } = invertBlock(precision, from, outputs);
    value += halfLogDet;
    for (let p = 0; p < outputs; p++) {
      for (let q = 0; q < outputs; q++) {
        slope[from + p]! -= spread.data[p * outputs + q]! * alpha[from + q]!;
      }
      value += 0.5 * alpha[from + p]! * slope[from + p]!;
    }
    const c = matrix(outputs, outputs);
    for (let p = 0; p < outputs; p++) {
      for (let q = 0; q < outputs; q++) {
        const k = p * outputs + q;
        c.data[k] = 0.5 * (spread.data[k]! + slope[from + p]! * slope[from + q]!);
      }
    }
    roots.push(outputs === 1 ? matrix(1, 1, c.data.map(Math.sqrt)) : cholesky(c).lower);
  }
  const ofResidual = multiply(precision, matrix(size, 1, slope)).data;
  const bar = timesBlocks(precision, roots);
  // −P C P = −(P R)(P R)ᵀ with C = R Rᵀ.
  const out = matrix(size, size);
  engine().syrk(size, size, -1, operand(bar), 0, block(out));
  for (let i = 0; i < size; i++) {
    for (let j = 0, k = i * size; j <= i; j++, k++) {
      out.data[k]! -= 0.5 * (ofResidual[i]! * alpha[j]! + alpha[i]! * ofResidual[j]!);
    }
  }
  return { value, gram: { matrix: out, scale: 1, vector: undefined }, residual: ofResidual };
}

/** P_ii⁻¹ and ½ log det P_ii of the diagonal block at `from`. */
function invertBlock(p: Matrix, from: number, outputs: number): { spread: Matrix; halfLogDet: number } {
  if (outputs === 1) {
    const own = p.data[from * p.cols + from]!;
    return { spread: matrix(1, 1, Float64Array.of(1 / own)), halfLogDet: 0.5 * Math.log(own) };
  }
  const own = matrix(outputs, outputs);
  for (let r = 0; r < outputs; r++) {
    const start = (from + r) * p.cols + from;
    own.data.set(p.data.subarray(start, start + outputs), r * outputs);
  }
  const factor = cholesky(own);
  return { spread: inverse(factor), halfLogDet: 0.5 * logDeterminant(factor) };
}

/** P R for a block-diagonal R, in P's own array. */
function timesBlocks(p: Matrix, blocks: readonly Matrix[]): Matrix {
  const size = p.rows;
  const o = blocks[0]!.rows;
  const row = new Float64Array(o);
  for (let i = 0; i < size; i++) {
    for (let b = 0, from = i * size; b < blocks.length; b++, from += o) {
      row.set(p.data.subarray(from, from + o));
      const { data } = blocks[b]!;
      for (let q = 0; q < o; q++) {
        let sum = 0;
        for (let r = q; r < o; r++) sum += row[r]! * data[r * o + q]!;
        p.data[from + q] = sum;
      }
    }
  }
  return p;
}
