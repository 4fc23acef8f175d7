import {
  type Cholesky,
  cholesky,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  transpose,
} from "../../linalg/index.ts";
import type { ExpectationBars, Expectations } from "./latents.ts";
import type { SeenPattern, SeenValues } from "./seen-values.ts";
import { fromTriangle, triangleBar } from "./triangle.ts";

/** What q(u) is for the columns of one pattern, in coordinates in which p(u) is standard normal: L⁻¹ u. */
export interface PatternPosterior {
  readonly columns: Int32Array;
  /** The factor of B = 1 + L⁻¹ Φ L⁻ᵀ / σ²: q(L⁻¹ u) has the covariance B⁻¹ … */
  readonly precision: Cholesky;
  /** … and these means, m × columns. */
  readonly mean: Matrix;
}

export interface CollapsedBound {
  /** In nats. */
  readonly value: number;
  readonly posteriors: readonly PatternPosterior[];
  readonly slopes: () => CollapsedSlopes;
}

export interface CollapsedSlopes {
  readonly expectations: ExpectationBars;
  /** In the kernel matrix of the inducing inputs, m × m. */
  readonly gram: Matrix;
  readonly noiseVariance: number;
  /** In the values, n × d; 0 where nothing was seen. */
  readonly values: Matrix;
}

/**
 * The bound on the log evidence of Y given q(X), q(u) at its best (Titsias & Lawrence 2010, equations 3.10 to 3.14,
 * with columns of which some rows were not seen): Σ over columns of
 * log N(y; 0, …) − (ψ₀ − tr K⁻¹ Φ) / 2σ², Φ the sum of ψ₂ over the rows seen. With q(X) certain it is SGPR's.
 * `factor` is of the kernel matrix K of the inducing inputs.
 */
export function collapsedBound(
  seen: SeenValues,
  { psi0, psi1, psi2 }: Expectations,
  factor: Cholesky,
  noiseVariance: number,
): CollapsedBound {
  const { values, patterns, squares } = seen;
  const [n, m] = [psi1.rows, psi1.cols];
  const half = halfSolve(factor, multiply(psi1, values, { a: true })); // L⁻¹ Ψ₁ᵀ Y
  const sums = multiply(masks(patterns, n), psi2);
  let value = -squares / (2 * noiseVariance);
  const parts = patterns.map((pattern, g) => {
    const own = takeColumns(half, pattern.columns);
    const width = pattern.columns.length;
    const phi = fromTriangle(sums.data.subarray(g * sums.cols, (g + 1) * sums.cols), m);
    const whitened = halfSolve(factor, transpose(halfSolve(factor, phi)));
    let [trace, unconditional, seenRows] = [0, 0, 0];
    for (let i = 0; i < m; i++) trace += whitened.data[i * m + i]!;
    for (let i = 0; i < n; i++) {
      unconditional += pattern.rows[i]! * psi0[i]!;
      seenRows += pattern.rows[i]!;
    }
    const b = matrix(m, m);
    for (let k = 0; k < b.data.length; k++) b.data[k] = whitened.data[k]! / noiseVariance;
    for (let i = 0; i < m; i++) b.data[i * m + i]! += 1;
    const precision = cholesky(b);
    const h = halfSolve(precision, own);
    for (let k = 0; k < h.data.length; k++) h.data[k]! /= noiseVariance;
    let fit = 0;
    for (const v of h.data) fit += v * v;
    const rest = unconditional - trace;
    const counted = seenRows * width;
    value +=
      -0.5 * counted * Math.log(2 * Math.PI * noiseVariance) -
      0.5 * width * logDeterminant(precision) +
      0.5 * fit -
      (0.5 * width * rest) / noiseVariance;
    return {
      pattern,
      width,
      whitened,
      precision,
      mean: halfSolveTransposed(precision, h),
      fit,
      rest,
      counted,
    };
  });

  const slopes = (): CollapsedSlopes => {
    let ofNoise = squares / (2 * noiseVariance ** 2);
    const ofPsi0 = new Float64Array(n);
    const ofHalf = matrix(m, values.cols);
    const ofSums = matrix(patterns.length, sums.cols);
    const inner = matrix(m, m);
    parts.forEach(({ pattern, width, whitened, precision, mean, fit, rest, counted }, g) => {
      const covariance = inverse(precision);
      const outer = gramOf(mean);
      const ofWhitened = matrix(m, m); // of whitened / σ²
      let [size, spread] = [0, 0];
      for (let k = 0; k < outer.data.length; k++) {
        ofWhitened.data[k] = -0.5 * (width * covariance.data[k]! + outer.data[k]!);
      }
      for (let i = 0; i < m; i++) {
        ofWhitened.data[i * m + i]! += 0.5 * width;
        size += outer.data[i * m + i]!;
        spread += covariance.data[i * m + i]!;
      }
      for (let k = 0; k < inner.data.length; k++) {
        inner.data[k]! += ofWhitened.data[k]! - (0.5 * width * whitened.data[k]!) / noiseVariance;
      }
      const ofPhi = sandwiched(factor, ofWhitened);
      for (let k = 0; k < ofPhi.data.length; k++) ofPhi.data[k]! /= noiseVariance;
      triangleBar(ofPhi, ofSums.data.subarray(g * sums.cols, (g + 1) * sums.cols));
      for (let i = 0; i < n; i++) ofPsi0[i]! -= (0.5 * width * pattern.rows[i]!) / noiseVariance;
      putColumns(mean, pattern.columns, ofHalf, 1 / noiseVariance);
      ofNoise +=
        (-counted - fit - size + width * (m - spread)) / (2 * noiseVariance) +
        (width * rest) / (2 * noiseVariance ** 2);
    });
    const ofProducts = halfSolveTransposed(factor, ofHalf); // in Ψ₁ᵀ Y
    const ofValues = multiply(psi1, ofProducts);
    for (let k = 0; k < ofValues.data.length; k++) ofValues.data[k]! -= values.data[k]! / noiseVariance;
    patterns.forEach(({ columns, rows }) => {
      for (const c of columns) {
        for (let i = 0; i < n; i++) ofValues.data[i * values.cols + c]! *= rows[i]!;
      }
    });
    return {
      expectations: {
        psi0: ofPsi0,
        psi1: multiply(values, ofProducts, { b: true }),
        psi2: multiply(masks(patterns, n), ofSums, { a: true }),
      },
      gram: sandwiched(factor, inner),
      noiseVariance: ofNoise,
      values: ofValues,
    };
  };
  return {
    value,
    posteriors: parts.map(({ pattern, precision, mean }) => ({ columns: pattern.columns, precision, mean })),
    slopes,
  };
}

/** L⁻ᵀ A L⁻¹ for symmetric A. */
export function sandwiched(factor: Cholesky, a: Matrix): Matrix {
  return halfSolveTransposed(factor, transpose(halfSolveTransposed(factor, a)));
}

function masks(patterns: readonly SeenPattern[], n: number): Matrix {
  const out = matrix(patterns.length, n);
  patterns.forEach(({ rows }, g) => {
    out.data.set(rows, g * n);
  });
  return out;
}

export function takeColumns(a: Matrix, columns: Int32Array): Matrix {
  const out = matrix(a.rows, columns.length);
  for (let i = 0; i < a.rows; i++) {
    for (let c = 0; c < columns.length; c++) {
      out.data[i * columns.length + c] = a.data[i * a.cols + columns[c]!]!;
    }
  }
  return out;
}

function putColumns(from: Matrix, columns: Int32Array, to: Matrix, scale: number): void {
  for (let i = 0; i < from.rows; i++) {
    for (let c = 0; c < columns.length; c++) {
      to.data[i * to.cols + columns[c]!] = scale * from.data[i * from.cols + c]!;
    }
  }
}
