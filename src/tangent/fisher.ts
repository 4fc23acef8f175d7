import { UsageError } from "../errors/index.ts";
import { expectShape, type LinearOperator, type Matrix, matrix, reshape, rowRange } from "../linalg/index.ts";
import { flatten, type Network, networkOf, unflatten } from "../networks/index.ts";
import { column, jacobianOperator, tangentFn, writeColumn } from "./jacobian.ts";
import { pointBlocks } from "./point-blocks.ts";

/** A distribution p(y | f) with the network's outputs f as its parameters, as the Fisher information sees it. */
export interface OutputDistribution {
  /** F(f) d, row by row: the Fisher information of the distribution at f applied to d; both n × o. */
  fisher(f: Matrix, d: Matrix): Matrix;
  /** ∂/∂g KL(p(· | f) ‖ p(· | g)), row by row. */
  divergenceSlope(f: Matrix, g: Matrix): Matrix;
}

/** y ~ N(f, noiseVariance I): F = I / noiseVariance. */
export function gaussianOutput({
  noiseVariance = 1,
}: {
  readonly noiseVariance?: number;
} = {}): OutputDistribution {
  if (!(noiseVariance > 0)) throw new UsageError(`noiseVariance should be above 0, got ${noiseVariance}`);
  return {
    fisher: (_f, d) => ({ ...d, data: d.data.map((v) => v / noiseVariance) }),
    divergenceSlope: (f, g) => ({ ...g, data: g.data.map((v, k) => (v - f.data[k]!) / noiseVariance) }),
  };
}

/** A class with probabilities softmax(f): F = diag p − p pᵀ. */
export function softmaxOutput(): OutputDistribution {
  return {
    fisher(f, d) {
      const p = probabilities(f);
      const out = matrix(f.rows, f.cols);
      for (let i = 0; i < f.rows; i++) {
        let mean = 0;
        for (let k = i * f.cols; k < (i + 1) * f.cols; k++) mean += p[k]! * d.data[k]!;
        for (let k = i * f.cols; k < (i + 1) * f.cols; k++) out.data[k] = p[k]! * (d.data[k]! - mean);
      }
      return out;
    },
    divergenceSlope(f, g) {
      const p = probabilities(f);
      return { ...g, data: probabilities(g).map((q, k) => q - p[k]!) };
    },
  };
}

function probabilities({ rows, cols, data }: Matrix): Float64Array {
  const out = new Float64Array(rows * cols);
  for (let from = 0; from < out.length; from += cols) {
    const row = data.subarray(from, from + cols);
    const highest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const terms = row.map((v) => Math.exp(v - highest));
    const total = terms.reduce((a, b) => a + b, 0);
    out.set(
      terms.map((t) => t / total),
      from,
    );
  }
  return out;
}

// Points whose outputs, pushed forward, are turned around at a time.
const chunk = 4096;

/**
 * The Gauss–Newton matrix Σ_i J(x_i)ᵀ H_i J(x_i), p × p, as an operator: H_i v = `curvature(f(x_i), v)`, row by row,
 * a symmetric map such as the Hessian of a loss in the outputs. Each column costs one pass forward and one back.
 */
export function gaussNewtonOperator(
  net: Network,
  x: Matrix,
  curvature: (f: Matrix, d: Matrix) => Matrix,
): LinearOperator {
  const size = jacobianOperator(net, x).cols;
  const f = net.at(x);
  const apply = (v: Matrix): Matrix => {
    expectShape(v, "v", size, undefined);
    const out = matrix(size, v.cols);
    for (let c = 0; c < v.cols; c++) {
      const push = tangentFn(net, column(v, c));
      const sum = new Float64Array(size);
      for (const { points, from } of pointBlocks(x, chunk)) {
        const turned = curvature(rowRange(f, from, from + points.rows), push.at(points));
        const back = jacobianOperator(net, points).applyTranspose(reshape(turned, turned.data.length, 1));
        for (let i = 0; i < size; i++) sum[i]! += back.data[i]!;
      }
      writeColumn(out, c, sum);
    }
    return out;
  };
  return { rows: size, cols: size, apply, applyTranspose: apply };
}

/** The Fisher information of the weights, Σ_i J(x_i)ᵀ F(f(x_i)) J(x_i), as an operator. */
export function fisherOperator(net: Network, x: Matrix, output: OutputDistribution): LinearOperator {
  return gaussNewtonOperator(net, x, output.fisher);
}

/**
 * The same by finite differences (Maddox et al. 2021): F v ≈ ‖v‖ ε⁻¹ ∇_w′ KL(p_w ‖ p_w′) at w′ = w + ε v/‖v‖, one pass
 * forward and one back at the moved weights, with a relative error proportional to ε; in f32 rounding adds about
 * 1e-7/ε. A product with the zero vector is zero.
 */
export function finiteDifferenceFisher(
  net: Network,
  x: Matrix,
  output: OutputDistribution,
  { epsilon = 1e-4 }: { readonly epsilon?: number } = {},
): LinearOperator {
  const w = flatten(net.weights);
  const f = net.at(x);
  const apply = (v: Matrix): Matrix => {
    expectShape(v, "v", w.length, undefined);
    const out = matrix(w.length, v.cols);
    for (let c = 0; c < v.cols; c++) {
      const direction = column(v, c);
      const length = Math.sqrt(direction.reduce((sum, q) => sum + q * q, 0));
      if (length === 0) continue;
      const step = epsilon / length;
      const moved = networkOf(
        net,
        unflatten(
          w.map((q, i) => q + step * direction[i]!),
          net.weights,
          net.precision,
        ),
      );
      const slope = output.divergenceSlope(f, moved.at(x));
      const back = jacobianOperator(moved, x).applyTranspose(reshape(slope, slope.data.length, 1));
      writeColumn(
        out,
        c,
        back.data.map((g) => g / step),
      );
    }
    return out;
  };
  return { rows: w.length, cols: w.length, apply, applyTranspose: apply };
}
