import { floats, type Matrix, matrix, multiply, sizeOf, type Tensor, toTensor } from "../linalg/index.ts";
import { backward, forward, layerValues, type Network } from "../networks/index.ts";
import { type Key, split, uniform } from "../random/index.ts";

/** What a layer makes of each example, n × numbers, flattened. */
export function layerFeatures(net: Network, x: Matrix, layer: number): Matrix {
  return flat(layerValues(net, toTensor(x, net.inputShape, net.precision))[layer]!);
}

/**
 * The features of a layer together with the gradients that reach it (Tang et al. 2020): of Σ_k q_k log p_k, p the
 * network's softmax and q ∝ √p its smoothed form held fixed, in the layer's value; of a single output, of the output
 * itself. No labels are needed.
 */
export function featuresAndGradients(
  net: Network,
  x: Matrix,
  layer: number,
): { readonly features: Matrix; readonly gradients: Matrix } {
  const input = toTensor(x, net.inputShape, net.precision);
  const { y, tapes } = forward(net, input);
  const classes = net.outputs;
  const dy = floats(net.precision, y.data.length);
  if (classes === 1) dy.fill(1);
  for (let i = 0; classes > 1 && i < x.rows; i++) {
    const row = y.data.subarray(i * classes, (i + 1) * classes);
    const top = Math.max(...row);
    const p = Float64Array.from(row, (v) => Math.exp(v - top));
    const total = p.reduce((a, b) => a + b, 0);
    const roots = p.reduce((s, v) => s + Math.sqrt(v), 0);
    // ∂/∂logits of Σ q log softmax: q − p, since q sums to 1.
    p.forEach((v, k) => {
      dy[i * classes + k] = Math.sqrt(v) / roots - v / total;
    });
  }
  let reached: Tensor | undefined;
  backward(
    net,
    tapes,
    { shape: y.shape, data: dy },
    (_index, cotangent) => {
      reached = cotangent;
    },
    true,
    [layer],
  );
  return { features: layerFeatures(net, x, layer), gradients: flat(reached!) };
}

/** The kernel (F Fᵀ) ∘ (G Gᵀ) of features and gradients: n × n, like a layer's share of the tangent kernel. */
export function featureGradientKernel(net: Network, x: Matrix, layer: number): Matrix {
  const { features: f, gradients: g } = featuresAndGradients(net, x, layer);
  return productKernel(f, g);
}

/**
 * The same from sketches: rows of F and G are summed with random signs into `size` buckets (Clarkson & Woodruff 2013),
 * before the Gram matrices are taken, as Tang et al. (2020) do. The identity as sketch gives the exact kernel. The
 * Gram of a sketch is unbiased, their product is not: prefer the exact kernel while n × n fits.
 */
export function sketchedFeatureGradientKernel(
  net: Network,
  x: Matrix,
  layer: number,
  sketch: Matrix,
): Matrix {
  const { features: f, gradients: g } = featuresAndGradients(net, x, layer);
  return productKernel(multiply(sketch, f), multiply(sketch, g));
}

/** A random map of n rows onto fewer, size × n, with `repeats` entries ±1/√repeats in each column. */
export function rowSketch(key: Key, size: number, n: number, repeats = 1): Matrix {
  const out = matrix(size, n);
  for (let t = 0; t < repeats; t++) {
    const buckets = uniform(split(split(key, "bucket"), t), n);
    const signs = uniform(split(split(key, "sign"), t), n);
    for (let i = 0; i < n; i++) {
      out.data[Math.floor(buckets[i]! * size) * n + i]! += (signs[i]! < 0.5 ? -1 : 1) / Math.sqrt(repeats);
    }
  }
  return out;
}

function productKernel(f: Matrix, g: Matrix): Matrix {
  const a = multiply(f, f, { b: true });
  const b = multiply(g, g, { b: true });
  return { ...a, data: a.data.map((v, k) => v * b.data[k]!) };
}

function flat(t: Tensor): Matrix {
  return matrix(t.shape[0]!, sizeOf(t.shape.slice(1)), Float64Array.from(t.data));
}
