import { UsageError } from "../errors/index.ts";
import {
  add,
  type Cholesky,
  cholesky,
  dot,
  expectFinite,
  expectShape,
  type Fn,
  gramOf,
  halfSolve,
  inverse,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  solve,
  subtract,
  transpose,
} from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { Gaussian, nonNegative } from "./gaussian.ts";
import { leaveOneOutFrom } from "./leave-one-out.ts";
import type { GaussianProcess } from "./prior.ts";
import type { Observations, Posterior } from "./process.ts";

/** The exact posterior of a Gaussian process under Gaussian noise (Rasmussen & Williams 2006, algorithm 2.1). */
export interface ExactPosterior extends Posterior {
  readonly prior: GaussianProcess;
  /** All data conditioned on, in the order they came. */
  readonly data: readonly Observations[];
  condition(more: Observations): ExactPosterior;
}

// Points predicted at a time: bounds the memory of cross-Grams.
const chunk = 1024;

export function conditionExactly(prior: GaussianProcess, data: readonly Observations[]): ExactPosterior {
  const { kernel, mean, inputs, outputs } = prior;
  data.forEach((d) => {
    expectObservations(d, inputs, outputs);
  });
  const x = stackRows(data.map((d) => d.x));
  const y = stackRows(data.map((d) => d.y));
  const noise = noisePerValue(data, outputs);
  const size = y.data.length;
  const covariance = kernel.gram(x);
  for (let i = 0; i < size; i++) covariance.data[i * size + i]! += noise[i]!;
  const factor = cholesky(covariance);
  const residual = reshape(subtract(y, mean.at(x)), size, 1);
  const alpha = solve(factor, residual);
  const logEvidence =
    -0.5 * (dot(residual.data, alpha.data) + logDeterminant(factor) + size * Math.log(2 * Math.PI));
  const noiseVariance = data.at(-1)!.noiseVariance;

  const meanAt = (points: Matrix, cross: Matrix) =>
    add(mean.at(points), reshape(multiply(cross, alpha), points.rows, outputs));

  const posterior: ExactPosterior = {
    inputs,
    outputs,
    prior,
    data,
    noiseVariance,
    logEvidence,
    report: factor.report,
    at(points) {
      expectShape(points, "x", undefined, inputs);
      expectFinite(points, "x");
      const inChunks = (visit: (part: Matrix, from: number) => void) => {
        for (let from = 0; from < points.rows; from += chunk) {
          visit(rowRange(points, from, Math.min(points.rows, from + chunk)), from);
        }
      };
      return new Gaussian({
        rows: points.rows,
        outputs,
        mean() {
          const out = matrix(points.rows, outputs);
          inChunks((part, from) => {
            out.data.set(meanAt(part, kernel.cross(part, x)).data, from * outputs);
          });
          return out;
        },
        moments() {
          const means = matrix(points.rows, outputs);
          const variances = matrix(points.rows, outputs);
          inChunks((part, from) => {
            const cross = kernel.cross(part, x);
            means.data.set(meanAt(part, cross).data, from * outputs);
            variances.data.set(reducedVariance(kernel.diagonal(part), factor, cross), from * outputs);
          });
          return { mean: means, variance: variances };
        },
        covariance() {
          const explained = halfSolve(factor, transpose(kernel.cross(points, x)));
          return subtract(kernel.gram(points), gramOf(explained, true));
        },
      });
    },
    observed: (points) => posterior.at(points).withNoise(noiseVariance),
    sample(key: Key, count: number): readonly Fn[] {
      // Matheron's rule (Wilson et al. 2020): a prior path, corrected by the kernel's reply to its own residual.
      return Array.from({ length: count }, (_, i) => {
        const path = kernel.path(split(split(key, i), "path"), inputs);
        const draws = normal(split(split(key, i), "noise"), size);
        const seen = path.at(x).data;
        const gap = residual.data.map((r, j) => r - seen[j]! - Math.sqrt(noise[j]!) * draws[j]!);
        const update = solve(factor, matrix(size, 1, gap));
        return {
          inputs,
          outputs,
          at(points) {
            const shift = reshape(multiply(kernel.cross(points, x), update), points.rows, outputs);
            return add(add(mean.at(points), path.at(points)), shift);
          },
        };
      });
    },
    leaveOneOut() {
      const precision = inverse(factor);
      return leaveOneOutFrom((i) => diagonalBlock(precision, i * outputs, outputs), alpha, y);
    },
    condition: (more) => conditionExactly(prior, [...data, more]),
  };
  return posterior;
}

/** diag(K**) − colsums of (L⁻¹ K*ᵀ)². */
function reducedVariance(prior: Float64Array, factor: Cholesky, cross: Matrix): Float64Array {
  const explained = halfSolve(factor, transpose(cross));
  const out = prior.slice();
  for (let i = 0, k = 0; i < explained.rows; i++) {
    for (let j = 0; j < explained.cols; j++, k++) out[j]! -= explained.data[k]! ** 2;
  }
  return out.map(nonNegative);
}

function diagonalBlock(a: Matrix, from: number, size: number): Matrix {
  const out = matrix(size, size);
  for (let p = 0; p < size; p++) {
    const start = (from + p) * a.cols + from;
    out.data.set(a.data.subarray(start, start + size), p * size);
  }
  return out;
}

export function expectObservations(
  { x, y, noiseVariance }: Observations,
  inputs: number,
  outputs: number,
): void {
  expectShape(x, "x", undefined, inputs);
  expectShape(y, "y", x.rows, outputs);
  expectFinite(x, "x");
  expectFinite(y, "y");
  if (x.rows === 0) throw new UsageError("condition: there are no observations");
  if (!(noiseVariance >= 0 && noiseVariance < Infinity)) {
    throw new UsageError(`noiseVariance should be finite and at least 0, got ${noiseVariance}`);
  }
}

function stackRows(parts: readonly Matrix[]): Matrix {
  if (parts.length === 1) return parts[0]!;
  const cols = parts[0]!.cols;
  const out = matrix(
    parts.reduce((sum, p) => sum + p.rows, 0),
    cols,
  );
  let at = 0;
  for (const part of parts) {
    out.data.set(part.data, at);
    at += part.data.length;
  }
  return out;
}

function noisePerValue(data: readonly Observations[], outputs: number): Float64Array {
  return Float64Array.from(
    data.flatMap(({ x, noiseVariance }) => new Array<number>(x.rows * outputs).fill(noiseVariance)),
  );
}
