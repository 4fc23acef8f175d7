import { engine } from "../engine/index.ts";
import { block, cholesky, identity, inverse, type Matrix, matrix, multiply, solve } from "../linalg/index.ts";
import type { LayerSlopes } from "./bound.ts";
import { stackOf } from "./ops/factors.ts";
import type { SparseLayer } from "./sparse-layer.ts";

// A step that leaves a precision that is none is halved so often before it is left out.
const halvings = 6;

/**
 * One step along the natural gradient of the bound in N(m_d, R_d R_dᵀ) of every output (Salimbeni, Eleftheriadis &
 * Hensman 2018): in natural parameters, with the gradient in the expectation parameters. Written for whitened values:
 * the precision becomes (1 − γ) Λ + γ (I − 2 ∂E/∂Σ) and Λ m becomes (1 − γ) Λ m + γ (∂E/∂m − 2 ∂E/∂Σ m), E the expected
 * log density. With a Gaussian likelihood in a single layer γ = 1 lands on the optimum.
 */
export function naturalStep(layer: SparseLayer, slopes: LayerSlopes, rate: number): SparseLayer {
  const { values, roots, width } = layer;
  const m = values.rows;
  const nextValues = matrix(m, width, values.data.slice());
  const nextRoots = matrix(roots.rows, m, roots.data.slice());
  const curvatures = stackOf(slopes.covariances!, m);
  stackOf(roots, m).forEach((root, d) => {
    const mean = column(values, d);
    const precision = inverse({ size: m, lower: root });
    const curvature = curvatures[d]!;
    // ∂E/∂m − 2 ∂E/∂Σ m, and Λ m.
    const pull = multiply(curvature, mean);
    const slope = column(slopes.values, d);
    const held = multiply(precision, mean);
    let step = rate;
    for (let halving = 0; halving <= halvings; halving++, step /= 2) {
      const next = identity(m, step);
      const right = matrix(m, 1);
      for (let k = 0; k < next.data.length; k++) {
        next.data[k]! += (1 - step) * precision.data[k]! - 2 * step * curvature.data[k]!;
      }
      for (let i = 0; i < m; i++) {
        right.data[i] = (1 - step) * held.data[i]! + step * (slope.data[i]! - 2 * pull.data[i]!);
      }
      const factor = positiveFactor(next);
      if (!factor) continue;
      const moved = solve({ size: m, lower: factor }, right);
      for (let i = 0; i < m; i++) nextValues.data[i * width + d] = moved.data[i]!;
      nextRoots.data.set(rootOfInverse(factor).data, d * m * m);
      return;
    }
  });
  return { ...layer, values: nextValues, roots: nextRoots };
}

/** The Cholesky factor, without jitter; undefined where there is none. */
function positiveFactor(a: Matrix): Matrix | undefined {
  const out = matrix(a.rows, a.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j <= i; j++) {
      out.data[i * a.rows + j] = 0.5 * (a.data[i * a.rows + j]! + a.data[j * a.rows + i]!);
    }
  }
  return engine().potrf(a.rows, block(out)) < 0 ? out : undefined;
}

/** The lower triangular R with R Rᵀ = (L Lᵀ)⁻¹. */
function rootOfInverse(lower: Matrix): Matrix {
  return cholesky(inverse({ size: lower.rows, lower })).lower;
}

function column(a: Matrix, c: number): Matrix {
  const out = matrix(a.rows, 1);
  for (let i = 0; i < a.rows; i++) out.data[i] = a.data[i * a.cols + c]!;
  return out;
}
