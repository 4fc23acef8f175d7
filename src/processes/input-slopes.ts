import { UsageError } from "../errors/index.ts";
import { isLearnable, type Kernel, type PathFn } from "../kernels/index.ts";
import {
  add,
  type Fn,
  halfSolve,
  halfSolveTransposed,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  transpose,
} from "../linalg/index.ts";
import { nonNegative } from "./gaussian.ts";
import type { Solution } from "./solution.ts";

/** Means and variances at points, with the way back from them to the points. */
export interface MomentSlopes {
  /** n × outputs. */
  readonly mean: Matrix;
  /** n × outputs. */
  readonly variance: Matrix;
  /** ∂(⟨bar.mean, mean⟩ + ⟨bar.variance, variance⟩)/∂X, n × inputs; either bar (n × outputs) may be left out. */
  pullback(bar: { readonly mean?: Matrix; readonly variance?: Matrix }): Matrix;
}

/** Mean and variance of an exact posterior at few points x, and their derivatives in x. */
export function momentSlopes(kernel: Kernel, mean: Fn, solution: Solution, x: Matrix): MomentSlopes {
  const { outputs } = mean;
  const back = inputPullback(kernel);
  const cross = kernel.cross(x, solution.x);
  const explained = halfSolve(solution.factor, transpose(cross));
  const prior = kernel.diagonal(x);
  const variance = matrix(x.rows, outputs);
  for (let k = 0; k < explained.data.length; k++)
    variance.data[k % explained.cols]! += explained.data[k]! ** 2;
  for (let k = 0; k < prior.length; k++) variance.data[k] = nonNegative(prior[k]! - variance.data[k]!);
  return {
    mean: add(mean.at(x), reshape(multiply(cross, solution.alpha), x.rows, outputs)),
    variance,
    pullback(bar) {
      // Of mean: bar αᵀ. Of variance k** − k* A⁻¹ k*ᵀ: −2 bar k* A⁻¹ to k*, bar to k**.
      const onCross = matrix(cross.rows, cross.cols);
      let out = matrix(x.rows, x.cols);
      if (bar.mean) {
        addOuter(onCross, bar.mean.data, solution.alpha.data);
        out = add(out, pullbackOf(mean, x, bar.mean));
      }
      if (bar.variance) {
        const solved = halfSolveTransposed(solution.factor, explained);
        for (let i = 0, k = 0; i < cross.rows; i++) {
          const weight = -2 * bar.variance.data[i]!;
          for (let j = 0; j < cross.cols; j++, k++)
            onCross.data[k]! += weight * solved.data[j * solved.cols + i]!;
        }
        out = add(out, diagonalPullback(back, x, bar.variance));
      }
      return add(out, back(x, solution.x, onCross).x);
    },
  };
}

/** ∂⟨bar, k(X, Z) w⟩/∂X, n × inputs, for w (m·outputs × 1) and bar n × outputs. */
export function weightedPullback(kernel: Kernel, x: Matrix, z: Matrix, w: Matrix, bar: Matrix): Matrix {
  const onCross = matrix(bar.data.length, w.data.length);
  addOuter(onCross, bar.data, w.data);
  return inputPullback(kernel)(x, z, onCross).x;
}

/** The kernel's derivatives in its inputs. Throws UsageError where it has none. */
function inputPullback(kernel: Kernel): NonNullable<Kernel["pullbackInputs"]> {
  if (kernel.pullbackInputs) return kernel.pullbackInputs.bind(kernel);
  throw new UsageError(
    `the kernel${kernel.definition ? ` ${kernel.definition.kind}` : ""} cannot be differentiated in its inputs: gradients need a kernel that can, such as rbf or matern52`,
  );
}

/** ∂⟨bar, k(x, x)⟩/∂x of each point with itself, bar n × outputs. */
function diagonalPullback(back: NonNullable<Kernel["pullbackInputs"]>, x: Matrix, bar: Matrix): Matrix {
  const out = matrix(x.rows, x.cols);
  for (let i = 0; i < x.rows; i++) {
    const own = matrix(bar.cols, bar.cols);
    for (let p = 0; p < bar.cols; p++) own.data[p * (bar.cols + 1)] = bar.data[i * bar.cols + p]!;
    out.data.set(back(rowRange(x, i, i + 1), undefined, own).x.data, i * x.cols);
  }
  return out;
}

/**
 * ∂⟨bar, f(X)⟩/∂X of any function: its own pull-back where it has one; else central differences, which are exact for
 * constants and straight lines and within about 1e-10 of smooth functions.
 */
export function pullbackOf(fn: PathFn, x: Matrix, bar: Matrix): Matrix {
  if (fn.pullbackInputs) return fn.pullbackInputs(x, bar);
  // `meanOf` gives functions without parameters a pull-back that knows no slope in x.
  if (isLearnable(fn) && Object.keys(fn.parameters).length > 0) return fn.pullback(x, bar).x;
  const out = matrix(x.rows, x.cols);
  for (let c = 0; c < x.cols; c++) {
    const step = (sign: number) => {
      const moved = { ...x, data: x.data.slice() };
      for (let k = c; k < moved.data.length; k += x.cols) moved.data[k]! += sign * stepFor(x.data[k]!);
      return moved;
    };
    const [up, down] = [step(1), step(-1)];
    const [above, below] = [fn.at(up), fn.at(down)];
    for (let i = 0; i < x.rows; i++) {
      const k = i * x.cols + c;
      let change = 0;
      for (let p = 0; p < bar.cols; p++) {
        const v = i * bar.cols + p;
        change += bar.data[v]! * (above.data[v]! - below.data[v]!);
      }
      out.data[k] = change / (up.data[k]! - down.data[k]!);
    }
  }
  return out;
}

/** The cube root of the rounding error: where it and the curvature's share are balanced. */
export function stepFor(at: number): number {
  return 6e-6 * Math.max(1, Math.abs(at));
}

/** target ← target + a bᵀ, in place. */
function addOuter(target: Matrix, a: Float64Array, b: Float64Array): void {
  for (let i = 0, k = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++, k++) target.data[k]! += a[i]! * b[j]!;
  }
}
