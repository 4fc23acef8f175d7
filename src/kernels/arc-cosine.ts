import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix, multiply } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { dotProduct, weigh } from "./dot-product.ts";
import { featurePath } from "./features.ts";
import type { Kernel } from "./kernel.ts";
import { columnVariances } from "./linear.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";

export interface ArcCosineOptions {
  /** 0 for networks of steps, 1 (the default) for networks of rectifiers. */
  readonly order?: 0 | 1;
  /** Of the hidden weights, one or one a column. 1 unless given. */
  readonly weightVariance?: number | ArrayLike<number>;
  /** Of the hidden biases. 1 unless given. */
  readonly biasVariance?: number;
  /** Of the whole. 1 unless given. */
  readonly variance?: number;
  /** As many weight variances as this, one a column. */
  readonly ard?: number;
}

/**
 * k(x, x′) = variance · 2 E_w[Θ(w·a) Θ(w·b) (w·a)^order (w·b)^order], w ~ N(0, I), a = (√weightVariance ∘ x,
 * √biasVariance): a wide network's one hidden layer of steps (order 0: (π − θ)/π) or rectifiers (order 1:
 * |a||b| (sin θ + (π − θ) cos θ)/π), θ the angle between a and b (Cho & Saul 2009).
 */
export function arcCosine(options: ArcCosineOptions = {}): Kernel {
  const { order = 1, weightVariance, biasVariance, variance, ard = 1 } = options;
  if (order !== 0 && order !== 1) throw new UsageError(`arcCosine: the order is 0 or 1, got ${order}`);
  return arcCosineOf(order, {
    weightVariance: unlessGiven(weightVariance, new Float64Array(ard).fill(1), (v) =>
      positive("weightVariance", v),
    ),
    biasVariance: unlessGiven(biasVariance, 1, (v) => positive("biasVariance", v, 1)),
    variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)),
  });
}

function arcCosineOf(order: 0 | 1, parameters: Parameters): Kernel {
  const size = Math.sqrt(2 * parameters.variance!.value[0]!);
  const place = (x: Matrix) => weigh("arcCosine", parameters, "weightVariance", "biasVariance", x);
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    // The network itself, its hidden weights drawn.
    const hidden = matrix(2 * count, inputs + 1);
    hidden.data.set(normal(key, count * (inputs + 1)));
    return {
      inputs,
      outputs: 2 * count,
      at(x) {
        const out = multiply(place(x), hidden, { b: true });
        out.data.forEach((v, k) => {
          out.data[k] = v > 0 ? size * (order === 0 ? 1 : v) : 0;
        });
        return out;
      },
    };
  };
  return dotProduct({
    kind: "arcCosine",
    options: { order },
    parameters,
    with: (next) => arcCosineOf(order, next),
    weights: "weightVariance",
    bias: "biasVariance",
    variance: "variance",
    ...(order === 0 ? steps : rectifiers),
    features,
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (x, variance) =>
      arcCosineOf(
        order,
        setUnset(parameters, {
          weightVariance: (count) => columnVariances(x, 1, count),
          // |a|² is then about 2, and with it the rectifiers' kernel.
          variance: () => [order === 0 ? variance : variance / 2],
        }),
      ),
  });
}

/** cos θ and sin θ at p = a·b, q = a·a, r = b·b. */
function angle(p: number, q: number, r: number): readonly [cos: number, sin: number] {
  const cos = Math.max(-1, Math.min(1, p / Math.sqrt(q * r)));
  return [cos, Math.sqrt(1 - cos * cos)];
}

const steps = {
  value: (p: number, q: number, r: number) => 1 - Math.acos(angle(p, q, r)[0]) / Math.PI,
  slopes(p: number, q: number, r: number, out: Float64Array) {
    const [cos, sin] = angle(p, q, r);
    // Where the points coincide k has a corner in a and b alone, and does not change when both move together.
    out[0] = sin > 0 ? 1 / (Math.PI * sin * Math.sqrt(q * r)) : 0;
    out[1] = sin > 0 ? -cos / (2 * Math.PI * q * sin) : 0;
    out[2] = sin > 0 ? -cos / (2 * Math.PI * r * sin) : 0;
  },
};

const rectifiers = {
  value(p: number, q: number, r: number) {
    const [cos, sin] = angle(p, q, r);
    return (Math.sqrt(q * r) * (sin + (Math.PI - Math.acos(cos)) * cos)) / Math.PI;
  },
  slopes(p: number, q: number, r: number, out: Float64Array) {
    const [cos, sin] = angle(p, q, r);
    out[0] = 1 - Math.acos(cos) / Math.PI;
    out[1] = (sin * Math.sqrt(r / q)) / (2 * Math.PI);
    out[2] = (sin * Math.sqrt(q / r)) / (2 * Math.PI);
  },
};
