import { type Fn, type Matrix, matrix, rowRange } from "../linalg/index.ts";
import { parameterCount } from "../networks/index.ts";
import {
  jacobianOperator,
  type Span,
  type TangentKernel,
  tangentFn,
  tangentSites,
} from "../tangent/index.ts";

/**
 * The features of a tangent kernel, φ(x) = J(x) √S over the weights of its layers, so that k(x, x′) = φ(x) φ(x′)ᵀ and
 * the function is mean + φ(x) u with u ~ N(0, I) a priori: the whitened weights.
 */
export interface Features {
  readonly kernel: TangentKernel;
  /** Whitened weights. */
  readonly count: number;
  /** The weights that move, layer by layer. */
  readonly layers: readonly FeatureLayer[];
  /** φ(x), n·o × count, point-major. */
  rows(x: Matrix): Matrix;
  /** x ↦ φ(x) u. */
  along(u: Float64Array): Fn;
  /** φ(x) as a map: products of one pass through the network for each column. */
  operator(x: Matrix): { apply(u: Matrix): Matrix; applyTranspose(v: Matrix): Matrix };
  /** √S u: the move of all the network's weights, in the order of `flatten`. */
  weights(u: Float64Array): Float64Array;
}

/** The weights of one layer that move. */
export interface FeatureLayer extends Span {
  /** The first of them among the whitened weights. */
  readonly from: number;
  /** √s. */
  readonly deviation: number;
}

export function featuresOf(kernel: TangentKernel): Features {
  const { network } = kernel;
  let count = 0;
  const layers = kernel.spans.map((span, l) => {
    const layer = { ...span, from: count, deviation: Math.sqrt(kernel.layerScales[l]!) };
    count += span.size;
    return layer;
  });
  const whole = parameterCount(network);

  /** Whitened weights as weights, or (the same map transposed) cotangents of weights as those of whitened ones. */
  const spread = (u: Float64Array): Float64Array => {
    const out = new Float64Array(whole);
    for (const { from, size, place, deviation } of layers) {
      for (let i = 0; i < size; i++) out[place + i] = deviation * u[from + i]!;
    }
    return out;
  };

  return {
    kernel,
    count,
    layers,
    rows(x) {
      const out = matrix(x.rows * network.outputs, count);
      tangentSites(network, x, kernel.spans).forEach((site, l) => {
        const layer = layers[l]!;
        site.layer.writeJacobian!(site.side, out, layer.from);
        for (let r = 0; r < out.rows; r++) {
          const start = r * count + layer.from;
          for (let k = start; k < start + layer.size; k++) out.data[k]! *= layer.deviation;
        }
      });
      return out;
    },
    along: (u) => tangentFn(network, spread(u)),
    operator(x) {
      const jacobian = jacobianOperator(network, x);
      return {
        apply(u) {
          const w = matrix(whole, u.cols);
          for (const { from, size, place, deviation } of layers) {
            for (let k = 0; k < size * u.cols; k++) {
              w.data[place * u.cols + k] = deviation * u.data[from * u.cols + k]!;
            }
          }
          return jacobian.apply(w);
        },
        applyTranspose(v) {
          const w = jacobian.applyTranspose(v);
          const out = matrix(count, v.cols);
          for (const { from, size, place, deviation } of layers) {
            for (let k = 0; k < size * v.cols; k++) {
              out.data[from * v.cols + k] = deviation * w.data[place * v.cols + k]!;
            }
          }
          return out;
        },
      };
    },
    weights: spread,
  };
}

// Numbers in a block of feature rows: 64 MB.
const blockSize = 8_000_000;

/** The points in parts small enough that their feature rows fit in a bounded block. */
export function* featureParts(
  { count, kernel }: Features,
  x: Matrix,
): Generator<{ readonly x: Matrix; readonly from: number; readonly to: number }> {
  const most = Math.max(1, Math.min(256, Math.floor(blockSize / (count * kernel.outputs))));
  for (let from = 0; from < x.rows; from += most) {
    const to = Math.min(x.rows, from + most);
    yield { x: rowRange(x, from, to), from, to };
  }
}
