import { freeParameters, type PathFn } from "../kernels/index.ts";
import {
  add,
  cholesky,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  type LowerFactor,
  type Matrix,
  matrix,
  multiply,
  subtract,
} from "../linalg/index.ts";
import { Gaussian } from "../processes/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { independentOutputs } from "./compose.ts";
import { type FnLayer, type GpLayer, plusMean, sideBySidePaths } from "./layer.ts";
import { plus, repeated } from "./ops/elementwise.ts";
import { factored, jittered, squares, stackOf, substituted } from "./ops/factors.ts";
import { crossNode, diagonalNode, gramNode, valueNode } from "./ops/kernels.ts";
import { marginalVariances } from "./ops/marginal.ts";
import { times } from "./ops/products.ts";
import { type Node, Tape } from "./tape.ts";

/**
 * A layer of Gaussian processes with its variational posterior: at the inducing points Z the functions less their means
 * take the values L v, L Lᵀ = k(Z, Z), with v_d ~ N(values_d, R_d R_dᵀ) whitened (Salimbeni & Deisenroth 2017).
 */
export interface SparseLayer extends GpLayer {
  /** Z, m × inputs. */
  readonly inducing: Matrix;
  /** Whether the inducing points stay where they are; so they do where the kernel has no derivatives in its inputs. */
  readonly pinned: boolean;
  /** The means of v, m × width. */
  readonly values: Matrix;
  /** The lower triangular R_d, stacked: width·m × m. */
  readonly roots: Matrix;
}

/** A layer whose variational posterior, if it has one, is at hand. */
export type FittedLayer = SparseLayer | FnLayer;

/**
 * Added to the diagonal of k(Z, Z), as a share of its mean: the algebra keeps ten digits where points meet. The bound
 * stays one: these are inducing values seen with a little noise.
 */
export const inducingJitter = 1e-6;

/** Where a layer's own quantities lie on a tape. */
export interface LayerNodes {
  readonly inducing: Node;
  readonly values: Node;
  /** R; absent where the covariances themselves are the variables, for natural gradients. */
  readonly roots: Node | undefined;
  /** R_d R_dᵀ, stacked. */
  readonly covariances: Node;
  /** L. */
  readonly lower: Node;
}

/** Puts a layer's quantities on the tape, as variables unless they are pinned. */
export function layerNodes(tape: Tape, layer: SparseLayer, natural: boolean): LayerNodes {
  const inducing = layer.pinned ? tape.constant(layer.inducing) : tape.variable(layer.inducing);
  const roots = natural ? undefined : tape.variable(layer.roots);
  return {
    inducing,
    values: tape.variable(layer.values),
    roots,
    covariances: roots ? squares(tape, roots) : tape.variable(covariancesOf(layer)),
    lower: factored(tape, jittered(tape, gramNode(tape, layer.kernel, inducing), inducingJitter)),
  };
}

/** Means and variances of the layer's values at each of its points h alone (both n × width). */
export function marginalNodes(
  tape: Tape,
  layer: SparseLayer,
  nodes: LayerNodes,
  h: Node,
): { readonly mean: Node; readonly variance: Node } {
  const a = substituted(tape, nodes.lower, crossNode(tape, layer.kernel, nodes.inducing, h));
  const moved = times(tape, a, nodes.values, { a: true });
  const flat = layer.meanName === "zero" && freeParameters(layer.mean.parameters).length === 0;
  return {
    mean: flat ? moved : plus(tape, valueNode(tape, layer.mean, h), moved),
    variance: marginalVariances(tape, a, diagonalNode(tape, layer.kernel, h), nodes.covariances),
  };
}

/** The same moments `count` times one below the other: of draws that share their points. */
export function repeatedMoments(
  tape: Tape,
  { mean, variance }: { readonly mean: Node; readonly variance: Node },
  count: number,
): { readonly mean: Node; readonly variance: Node } {
  return { mean: repeated(tape, mean, count), variance: repeated(tape, variance, count) };
}

export function covariancesOf({ roots }: SparseLayer): Matrix {
  const m = roots.cols;
  const out = matrix(roots.rows, m);
  stackOf(roots, m).forEach((root, d) => {
    out.data.set(gramOf(root).data, d * m * m);
  });
  return out;
}

/** A layer whose matrices are factored, ready to predict anywhere. */
export interface Predictor {
  readonly layer: SparseLayer;
  /** Means and variances of each value alone, n × width. */
  moments(h: Matrix): { readonly mean: Matrix; readonly variance: Matrix };
  /** The joint distribution at the points. */
  gaussian(h: Matrix): Gaussian;
  /** A draw of the layer's functions: a prior path corrected at the inducing points (Wilson et al. 2020). */
  path(key: Key): PathFn;
}

export function predictor(layer: SparseLayer): Predictor {
  const { kernel, mean, inducing, values, roots, width, inputs } = layer;
  const factor = inducingFactor(layer);
  const covariances = covariancesOf(layer);
  const moments = (h: Matrix) => {
    // On a tape of constants: the very operations that the bound was made with.
    const tape = new Tape();
    const a = tape.constant(halfSolve(factor, kernel.cross(inducing, h)));
    const prior = tape.constant(matrix(h.rows, 1, kernel.diagonal(h)));
    return {
      mean: add(mean.at(h), multiply(a.value, values, { a: true })),
      variance: marginalVariances(tape, a, prior, tape.constant(covariances)).value,
    };
  };
  return {
    layer,
    moments,
    gaussian: (h) =>
      new Gaussian({
        rows: h.rows,
        outputs: width,
        mean: () => moments(h).mean,
        moments: () => moments(h),
        covariance() {
          const a = halfSolve(factor, kernel.cross(inducing, h));
          const least = subtract(kernel.gram(h), gramOf(a, true));
          return independentOutputs(
            stackOf(roots, roots.cols).map((root) =>
              add(least, gramOf(multiply(root, a, { a: true }), true)),
            ),
          );
        },
      }),
    path(key) {
      const m = inducing.rows;
      const noise = Math.sqrt(jitterOf(layer));
      const paths = stackOf(roots, m).map((root, d): PathFn => {
        const own = split(key, d);
        const prior = kernel.path(split(own, "path"), inputs);
        // Inducing values of the posterior, less those of the path seen with the jitter's noise.
        const white = multiply(root, matrix(m, 1, normal(split(own, "values"), m)));
        for (let i = 0; i < m; i++) white.data[i]! += values.data[i * width + d]!;
        const seen = prior.at(inducing);
        const jitter = normal(split(own, "jitter"), m);
        for (let i = 0; i < m; i++) seen.data[i]! += noise * jitter[i]!;
        const weights = halfSolveTransposed(factor, subtract(white, halfSolve(factor, seen)));
        return corrected(prior, layer, weights);
      });
      return plusMean(mean, sideBySidePaths(paths, inputs));
    },
  };
}

/** The factor of k(Z, Z) with its jitter. */
export function inducingFactor(layer: SparseLayer): LowerFactor {
  const tape = new Tape();
  const gram = tape.constant(layer.kernel.gram(layer.inducing));
  return cholesky(jittered(tape, gram, inducingJitter).value);
}

function jitterOf({ kernel, inducing }: SparseLayer): number {
  const diagonal = kernel.diagonal(inducing);
  return (inducingJitter * diagonal.reduce((sum, v) => sum + v, 0)) / diagonal.length;
}

/** f(·) + k(·, Z) w. */
function corrected(path: PathFn, { kernel, inducing }: SparseLayer, weights: Matrix): PathFn {
  return {
    inputs: path.inputs,
    outputs: 1,
    at: (h) => add(path.at(h), multiply(kernel.cross(h, inducing), weights)),
    ...(path.pullbackInputs &&
      kernel.pullbackInputs && {
        pullbackInputs: (h: Matrix, bar: Matrix) =>
          add(
            path.pullbackInputs!(h, bar),
            kernel.pullbackInputs!(h, inducing, multiply(bar, weights, { b: true })).x,
          ),
      }),
  };
}
