import { type Matrix, matrix, multiply } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { dotProduct, weigh } from "./dot-product.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";
import { meanSquares } from "./scale-of-data.ts";

export interface LinearOptions {
  /** Prior variance of the slope, in squared outputs over squared inputs; one, or one a column. 1 unless given. */
  readonly variance?: number | ArrayLike<number>;
  /** As many variances as this, one a column. */
  readonly ard?: number;
}

/** k(x, x′) = Σ_c variance_c x_c x′_c: straight lines and planes through the origin; add `constant` to move them. */
export function linear({ variance, ard = 1 }: LinearOptions = {}): Kernel {
  return linearOf({
    variance: unlessGiven(variance, new Float64Array(ard).fill(1), (v) => positive("variance", v)),
  });
}

function linearOf(parameters: Parameters): Kernel {
  const place = (x: Matrix) => weigh("linear", parameters, "variance", undefined, x);
  return dotProduct({
    kind: "linear",
    parameters,
    with: linearOf,
    weights: "variance",
    value: (p) => p,
    slopes(_p, _q, _r, out) {
      out[0] = 1;
    },
    curvature: () => 0,
    features(key, inputs, count) {
      // φ(x) = g·a with g normal: E[φ φ′] = a·b.
      const slopes = matrix(2 * count, inputs);
      slopes.data.set(normal(key, count * inputs));
      return {
        inputs,
        outputs: 2 * count,
        at: (x) => multiply(place(x), slopes, { b: true }),
        pullbackInputs: (_x, bar) => place(multiply(bar, slopes)),
      };
    },
    path(key, inputs) {
      const slope = matrix(inputs, 1, normal(key, inputs));
      return {
        inputs,
        outputs: 1,
        at: (x) => multiply(place(x), slope),
        // √weights ∘ again: placing is linear and its own transpose.
        pullbackInputs: (_x, bar) => place(multiply(bar, slope, { b: true })),
      };
    },
    startAt: (x, variance) =>
      linearOf(setUnset(parameters, { variance: (count) => columnVariances(x, variance, count) })),
  });
}

/** Variances of the weights of columns with which a·a is about `target` at points like these. */
export function columnVariances(x: Matrix, target: number, count: number): Float64Array {
  const squares = meanSquares(x);
  if (count > 1) return squares.map((square) => target / (square * x.cols));
  return Float64Array.of(target / squares.reduce((a, b) => a + b, 0));
}
