import type { Kernel } from "../../kernels/index.ts";
import {
  add,
  type Cholesky,
  type Fn,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  type Matrix,
  matrix,
  multiply,
  subtract,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import { Gaussian, nonNegative } from "../gaussian.ts";
import type { Mean } from "../means.ts";
import { expectPoints } from "../prior.ts";
import type { Process } from "../process.ts";
import { inChunks } from "./statistics.ts";

/**
 * A Gaussian process known at its inducing points: f(Z) less the mean is L v, L Lᵀ = k(Z, Z), with white values
 * v ~ N(Λ⁻¹ b, Λ⁻¹), and elsewhere the prior given those.
 */
export interface InducingState {
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** Z, m × inputs. */
  readonly inducing: Matrix;
  /** L. */
  readonly factor: Cholesky;
  /** The factor LΛ of the precision Λ. */
  readonly precision: Cholesky;
  /** LΛ⁻¹ b, m × 1. */
  readonly half: Matrix;
}

/** The process of such a state: mean(·) + aᵀ Λ⁻¹ b and k − aᵀ a + aᵀ Λ⁻¹ a with a = L⁻¹ k(Z, ·). */
export function inducingProcess(state: InducingState): Process<Gaussian> {
  const { kernel, mean, inducing, factor, precision, half } = state;
  const { inputs } = mean;
  const white = (points: Matrix) => {
    const a = halfSolve(factor, kernel.cross(inducing, { ...points }));
    return { a, v: halfSolve(precision, a) };
  };
  return {
    inputs,
    outputs: 1,
    at(points) {
      expectPoints(points, inputs);
      return new Gaussian({
        rows: points.rows,
        outputs: 1,
        mean: () => momentsAt(points).mean,
        moments: () => momentsAt(points),
        covariance() {
          const { a, v } = white(points);
          return add(subtract(kernel.gram(points), gramOf(a, true)), gramOf(v, true));
        },
      });
    },
    sample: (key, count) => Array.from({ length: count }, (_, i) => drawn(state, split(key, i))),
  };

  function momentsAt(points: Matrix) {
    const means = matrix(points.rows, 1);
    const variances = matrix(points.rows, 1);
    inChunks(points, (part, from, to) => {
      const { a, v } = white(part);
      const n = to - from;
      means.data.set(add(mean.at(part), multiply(v, half, { a: true })).data, from);
      const own = kernel.diagonal(part);
      for (let r = 0, k = 0; r < a.rows; r++) {
        for (let i = 0; i < n; i++, k++) own[i]! += v.data[k]! ** 2 - a.data[k]! ** 2;
      }
      variances.data.set(own.map(nonNegative), from);
    });
    return { mean: means, variance: variances };
  }
}

/** A prior path corrected at the inducing points: f(·) + k(·, Z) L⁻ᵀ (v − L⁻¹ f(Z)) (Wilson et al. 2020). */
function drawn({ kernel, mean, inducing, factor, precision, half }: InducingState, key: Key): Fn {
  const { inputs } = mean;
  const path = kernel.path(split(key, "path"), inputs);
  const m = factor.size;
  const noise = normal(split(key, "inducing"), m);
  const values = halfSolveTransposed(
    precision,
    matrix(
      m,
      1,
      half.data.map((h, i) => h + noise[i]!),
    ),
  );
  const update = halfSolveTransposed(factor, subtract(values, halfSolve(factor, path.at(inducing))));
  return {
    inputs,
    outputs: 1,
    at: (points) =>
      add(add(mean.at(points), path.at(points)), multiply(kernel.cross({ ...points }, inducing), update)),
  };
}
