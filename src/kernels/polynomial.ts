import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { normal, split } from "../random/index.ts";
import { perColumn } from "./columns.ts";
import { dotProduct, weigh } from "./dot-product.ts";
import { featurePath } from "./features.ts";
import type { Kernel, PathFn } from "./kernel.ts";
import { columnVariances } from "./linear.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";

export interface PolynomialOptions {
  /** A whole number of at least 1. 2 unless given. */
  readonly degree?: number;
  /** Weights of the columns; one, or one a column. 1 unless given. */
  readonly variance?: number | ArrayLike<number>;
  /** 1 unless given. */
  readonly offset?: number;
  /** As many variances as this, one a column. */
  readonly ard?: number;
}

/** k(x, x′) = (Σ_c variance_c x_c x′_c + offset)^degree: polynomials of all x_c up to that degree. */
export function polynomial({ degree = 2, variance, offset, ard = 1 }: PolynomialOptions = {}): Kernel {
  if (!Number.isInteger(degree) || degree < 1) {
    throw new UsageError(`polynomial: the degree is a whole number of at least 1, got ${degree}`);
  }
  return polynomialOf(degree, {
    variance: unlessGiven(variance, new Float64Array(ard).fill(1), (v) => positive("variance", v)),
    offset: unlessGiven(offset, 1, (v) => positive("offset", v, 1)),
  });
}

// A path is written in monomials up to this many of them, in random features beyond.
const mostMonomials = 20_000;

function polynomialOf(degree: number, parameters: Parameters): Kernel {
  const place = (x: Matrix) => weigh("polynomial", parameters, "variance", "offset", x);
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    // φ(x) = Π_t (s_t·a) with random signs s: E[φ φ′] = (a·b)^degree (Kar & Karnick 2012).
    const dims = inputs + 1;
    const signs = normal(key, count * degree * dims).map(Math.sign);
    return {
      inputs,
      outputs: 2 * count,
      at(x) {
        const a = place(x);
        const out = matrix(x.rows, 2 * count);
        for (let i = 0; i < x.rows; i++) {
          for (let f = 0, s = 0; f < count; f++) {
            let value = 1;
            for (let t = 0; t < degree; t++) {
              let sum = 0;
              for (let c = 0; c < dims; c++, s++) sum += signs[s]! * a.data[i * dims + c]!;
              value *= sum;
            }
            out.data[i * 2 * count + f] = value;
          }
        }
        return out;
      },
    };
  };
  return dotProduct({
    kind: "polynomial",
    options: { degree },
    parameters,
    with: (next) => polynomialOf(degree, next),
    weights: "variance",
    bias: "offset",
    value: (p) => p ** degree,
    slopes(p, _q, _r, out) {
      out[0] = degree * p ** (degree - 1);
    },
    curvature: (p) => (degree === 1 ? 0 : degree * (degree - 1) * p ** (degree - 2)),
    features,
    /** Exact, in the monomials of the weighted columns and 1, while there are at most 20,000; else by features. */
    path(key, inputs): PathFn {
      const weights = monomials(inputs + 1, degree);
      if (!weights) return featurePath(features, key, inputs);
      const draws = normal(split(key, "monomials"), weights.length);
      draws.forEach((z, m) => {
        weights[m]! *= z;
      });
      return {
        inputs,
        outputs: 1,
        at(x) {
          const a = place(x);
          const out = matrix(x.rows, 1);
          for (let i = 0; i < x.rows; i++) {
            out.data[i] = evaluate(weights, a.data.subarray(i * a.cols, (i + 1) * a.cols), degree);
          }
          return out;
        },
        pullbackInputs(x, bar) {
          const a = place(x);
          const slopes = matrix(a.rows, a.cols);
          for (let i = 0; i < x.rows; i++) {
            const [from, to] = [i * a.cols, (i + 1) * a.cols];
            addSlopes(
              weights,
              a.data.subarray(from, to),
              degree,
              bar.data[i]!,
              slopes.data.subarray(from, to),
            );
          }
          const root = perColumn("polynomial", "variance", parameters.variance!.value, x.cols).map(Math.sqrt);
          const out = matrix(x.rows, x.cols);
          for (let k = 0; k < out.data.length; k++) {
            const c = k % x.cols;
            out.data[k] = root[c]! * slopes.data[Math.floor(k / x.cols) * a.cols + c]!;
          }
          return out;
        },
      };
    },
    startAt: (x, variance) => {
      // (a·a + offset)^degree is about the variance when both parts are half its root.
      const root = variance ** (1 / degree) / 2;
      return polynomialOf(
        degree,
        setUnset(parameters, { variance: (count) => columnVariances(x, root, count), offset: () => [root] }),
      );
    },
  });
}

/**
 * √(degree! / Π m_c!) of every monomial Π a_c^m_c of this degree in `dims` variables, in the order of `evaluate`:
 * the multinomial theorem makes Σ of their squares times monomials at a and b equal (a·b)^degree. Undefined when
 * there are too many.
 */
function monomials(dims: number, degree: number): Float64Array | undefined {
  let total = 1;
  for (let t = 1; t <= degree; t++) total = (total * (dims - 1 + t)) / t;
  if (total > mostMonomials) return undefined;
  const out: number[] = [];
  const walk = (from: number, left: number, run: number, factor: number): void => {
    if (left === 0) {
      out.push(Math.sqrt(factor));
      return;
    }
    // The t-th factor drawn multiplies the coefficient by t, and divides it by how often its variable came before it.
    const t = degree - left + 1;
    for (let c = from; c < dims; c++) {
      const repeat = c === from ? run + 1 : 1;
      walk(c, left - 1, repeat, (factor * t) / repeat);
    }
  };
  walk(0, degree, 0, 1);
  return Float64Array.from(out);
}

function evaluate(weights: Float64Array, a: Float64Array, degree: number): number {
  let at = 0;
  const walk = (from: number, left: number): number => {
    if (left === 0) return weights[at++]!;
    let sum = 0;
    for (let c = from; c < a.length; c++) sum += a[c]! * walk(c, left - 1);
    return sum;
  };
  return walk(0, degree);
}

/** Adds bar times the derivatives of `evaluate` in a. */
function addSlopes(
  weights: Float64Array,
  a: Float64Array,
  degree: number,
  bar: number,
  out: Float64Array,
): void {
  let at = 0;
  const chosen: number[] = [];
  const walk = (from: number): void => {
    if (chosen.length === degree) {
      const weight = bar * weights[at++]!;
      chosen.forEach((c, t) => {
        out[c]! += chosen.reduce((product, other, s) => (s === t ? product : product * a[other]!), weight);
      });
      return;
    }
    for (let c = from; c < a.length; c++) {
      chosen.push(c);
      walk(c);
      chosen.pop();
    }
  };
  walk(0);
}
