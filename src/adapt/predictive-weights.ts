import type { Matrix } from "../linalg/index.ts";
import { key, uniform } from "../random/index.ts";

// Draws of the Bayesian bootstrap.
const draws = 1000;

/**
 * How much each of several predictions of the same left-out labels weighs: the share in which it has the highest
 * Σ_i u_i log p_i(label), softly, over draws of the examples' weights u (Yao, Vehtari, Simpson & Gelman 2018, "pseudo-BMA+").
 * Few labels cannot tell ways apart that many can, and so the weights of few are more even.
 */
export function predictiveWeights(leftOut: readonly Matrix[], labels: ArrayLike<number>): Float64Array {
  const n = labels.length;
  const logs = leftOut.map((p) =>
    Float64Array.from({ length: n }, (_, i) => Math.log(Math.max(p.data[i * p.cols + labels[i]!]!, 1e-300))),
  );
  const exponential = uniform(key(0), draws * n).map((u) => -Math.log1p(-u));
  const out = new Float64Array(leftOut.length);
  for (let s = 0; s < draws; s++) {
    const u = exponential.subarray(s * n, (s + 1) * n);
    const scale = n / u.reduce((sum, v) => sum + v, 0);
    const values = logs.map((own) => scale * own.reduce((sum, v, i) => sum + u[i]! * v, 0));
    const top = Math.max(...values);
    const shares = values.map((v) => Math.exp(v - top));
    const whole = shares.reduce((sum, v) => sum + v, 0);
    shares.forEach((v, k) => {
      out[k]! += v / whole / draws;
    });
  }
  return out;
}
