import { ShapeError } from "../errors/index.ts";
import { type Fn, type Matrix, matrix, multiply } from "../linalg/index.ts";
import { normal, split, uniform } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive } from "./parameters.ts";

export interface RbfOptions {
  /** In units of the inputs; one for all columns, or one a column (ARD). */
  readonly lengthscale?: number | ArrayLike<number>;
  /** Prior variance of the function at any point, in squared units of the outputs. */
  readonly variance?: number;
}

// Random Fourier features of a prior path: the covariance of paths errs by about 1/√features.
const features = 2048;

/** k(x, x′) = variance · exp(−½ Σ_c ((x_c − x′_c) / lengthscale_c)²), the squared exponential. */
export function rbf({ lengthscale = 1, variance = 1 }: RbfOptions = {}): Kernel {
  return rbfOf({
    lengthscale: positive("lengthscale", lengthscale),
    variance: positive("variance", variance),
  });
}

function rbfOf(parameters: Parameters): Kernel {
  const lengthscale = parameters.lengthscale!.value;
  const variance = parameters.variance!.value[0]!;
  const ard = lengthscale.length > 1;
  const scaled = (x: Matrix): Matrix => {
    if (ard && x.cols !== lengthscale.length) {
      throw new ShapeError(`rbf has ${lengthscale.length} lengthscales, the points ${x.cols} columns`);
    }
    return { ...x, data: x.data.map((v, i) => v / lengthscale[ard ? i % x.cols : 0]!) };
  };
  const cross = (x: Matrix, z: Matrix): Matrix => {
    const a = scaled(x);
    const b = z === x ? a : scaled(z);
    const out = matrix(x.rows, z.rows);
    for (let i = 0; i < a.rows; i++) {
      for (let j = 0; j < b.rows; j++) {
        out.data[i * b.rows + j] = variance * Math.exp(-0.5 * squaredDistance(a, i, b, j));
      }
    }
    return out;
  };
  /** bar ∘ K, and the points scaled: what both pull-backs are made of. */
  const weighted = (x: Matrix, z: Matrix | undefined, bar: Matrix) => {
    const k = cross(x, z ?? x);
    return { weights: k.data.map((v, i) => v * bar.data[i]!), a: scaled(x), b: scaled(z ?? x) };
  };
  return {
    outputs: 1,
    inputs: ard ? lengthscale.length : undefined,
    parameters,
    with: rbfOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    pullback(x, z, bar) {
      const { weights, a, b } = weighted(x, z, bar);
      const gradient = new Float64Array(lengthscale.length);
      let total = 0;
      for (let i = 0, k = 0; i < a.rows; i++) {
        for (let j = 0; j < b.rows; j++, k++) {
          const w = weights[k]!;
          total += w;
          for (let c = 0; c < a.cols; c++) {
            const d = a.data[i * a.cols + c]! - b.data[j * a.cols + c]!;
            gradient[ard ? c : 0]! += (w * d * d) / lengthscale[ard ? c : 0]!;
          }
        }
      }
      return { lengthscale: gradient, variance: Float64Array.of(total / variance) };
    },
    pullbackInputs(x, z, bar) {
      const { weights, a, b } = weighted(x, z, bar);
      const gx = matrix(x.rows, x.cols);
      const gz = z ? matrix(z.rows, z.cols) : gx; // one set of points takes both sides' derivatives
      for (let i = 0, k = 0; i < a.rows; i++) {
        for (let j = 0; j < b.rows; j++, k++) {
          for (let c = 0; c < a.cols; c++) {
            const d = a.data[i * a.cols + c]! - b.data[j * a.cols + c]!;
            const slope = (-weights[k]! * d) / lengthscale[ard ? c : 0]!;
            gx.data[i * a.cols + c]! += slope;
            gz.data[j * a.cols + c]! -= slope;
          }
        }
      }
      return z ? { x: gx, z: gz } : { x: gx };
    },
    path(k, inputs): Fn {
      // f(x) = √(2v/F) Σ cos(ω·x + φ) with ω ~ N(0, ℓ⁻²) (Rahimi & Recht 2007), weighted by normals to be Gaussian.
      const frequencies = matrix(features, inputs, normal(split(k, "frequencies"), features * inputs));
      for (let i = 0; i < frequencies.data.length; i++) {
        frequencies.data[i]! /= lengthscale[ard ? i % inputs : 0]!;
      }
      const phases = uniform(split(k, "phases"), features).map((u) => 2 * Math.PI * u);
      const size = Math.sqrt((2 * variance) / features);
      const weights = matrix(
        features,
        1,
        normal(split(k, "weights"), features).map((w) => size * w),
      );
      return {
        inputs,
        outputs: 1,
        at(x) {
          const angles = multiply(x, frequencies, { b: true });
          for (let i = 0; i < angles.data.length; i++) {
            angles.data[i] = Math.cos(angles.data[i]! + phases[i % features]!);
          }
          return multiply(angles, weights);
        },
      };
    },
  };
}

function squaredDistance(a: Matrix, i: number, b: Matrix, j: number): number {
  let sum = 0;
  for (let c = 0; c < a.cols; c++) {
    const d = a.data[i * a.cols + c]! - b.data[j * b.cols + c]!;
    sum += d * d;
  }
  return sum;
}
