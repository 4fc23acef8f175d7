import { add, type Matrix, matrix } from "../linalg/index.ts";
import { split } from "../random/index.ts";
import { hadamard } from "./elementwise.ts";
import { featurePath, featuresOf } from "./features.ts";
import { productJet } from "./jet.ts";
import type { InputGradient, Kernel, PathFn } from "./kernel.ts";
import { type Gradient, joinParts, type Parameters, partOf } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";
import { addInputGradients, agree } from "./sum.ts";

/** A kernel that is the elementwise product of others. */
export interface ProductKernel extends Kernel {
  readonly factors: readonly Kernel[];
  with(parameters: Parameters): ProductKernel;
}

/** k = k₀ · k₁ · …; parameters "0.lengthscale", "1.variance", … Products inside products are opened. */
export function product(...kernels: readonly Kernel[]): ProductKernel {
  const factors = kernels.flatMap((kernel) => (isProduct(kernel) ? kernel.factors : [kernel]));
  const inputs = agree("product", factors);
  /** bar ∘ Π of the other factors, for each factor. */
  const bars = (x: Matrix, z: Matrix | undefined, bar: Matrix): Matrix[] => {
    const values = factors.map((factor) => (z ? factor.cross(x, z) : factor.gram(x)));
    const out: Matrix[] = [];
    let before = bar; // bar times the factors so far
    for (let f = 0; f < factors.length; f++) {
      out.push(before);
      if (f + 1 < factors.length) before = hadamard(before, values[f]!);
    }
    let after: Matrix | undefined;
    for (let f = factors.length - 1; f > 0; f--) {
      after = after ? hadamard(after, values[f]!) : values[f]!;
      out[f - 1] = hadamard(out[f - 1]!, after);
    }
    return out;
  };
  const gradient = (x: Matrix, z: Matrix | undefined, bar: Matrix): Gradient => {
    const each = bars(x, z, bar);
    return joinParts(Object.fromEntries(factors.map((factor, f) => [f, factor.pullback(x, z, each[f]!)])));
  };
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const all = factors.map((factor, f) => featuresOf(factor, split(key, f), inputs, count));
    return productOf(all, inputs, count);
  };
  const single = factors[0]!.outputs === 1;
  return {
    outputs: factors[0]!.outputs,
    inputs,
    factors,
    parameters: joinParts(Object.fromEntries(factors.map((factor, f) => [f, factor.parameters]))),
    definition: { kind: "product", parts: factors },
    with: (next: Parameters) => product(...factors.map((factor, f) => factor.with(partOf(next, `${f}`)))),
    gram: (x) => factors.map((factor) => factor.gram(x)).reduce((a, b) => hadamard(a, b)),
    cross: (x, z) => factors.map((factor) => factor.cross(x, z)).reduce((a, b) => hadamard(a, b)),
    diagonal: (x) => factors.map((factor) => factor.diagonal(x)).reduce((a, b) => a.map((v, i) => v * b[i]!)),
    pullback: gradient,
    ...(factors.every((factor) => factor.pullbackInputs) && {
      pullbackInputs(x: Matrix, z: Matrix | undefined, bar: Matrix): InputGradient {
        const each = bars(x, z, bar);
        return addInputGradients(factors.map((factor, f) => factor.pullbackInputs!(x, z, each[f]!)));
      },
    }),
    ...(factors.every((factor) => factor.jet) && {
      jet: (x: Matrix, z: Matrix) =>
        factors.map((factor) => factor.jet!(x, z)).reduce((a, b) => productJet(a, b, 1 + x.cols)),
    }),
    ...(single && { features }),
    /** Products of the factors' features (frequencies add): right over draws, and within 1/√1024 given the features. */
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (x, variance) =>
      product(...factors.map((factor, f) => startAt(factor, x, f === 0 ? variance : 1))),
  };
}

export function isProduct(kernel: Kernel): kernel is ProductKernel {
  return kernel.definition?.kind === "product" && "factors" in kernel;
}

/** Functions of complex values, real parts first in each row, multiplied. */
export function productOf(all: readonly PathFn[], inputs: number, count: number): PathFn {
  return {
    inputs,
    outputs: 2 * count,
    at: (x) => all.map((features) => features.at(x)).reduce((a, b) => timesComplex(a, b)),
    ...(all.every((features) => features.pullbackInputs) && {
      pullbackInputs(x: Matrix, bar: Matrix): Matrix {
        const values = all.map((features) => features.at(x));
        // ⟨bar, a b⟩ = ⟨bar b*, a⟩.
        const slopes = all.map((features, f) => {
          const own = values.reduce((b, value, g) => (g === f ? b : timesComplex(b, value, -1)), bar);
          return features.pullbackInputs!(x, own);
        });
        return slopes.reduce((a, b) => add(a, b));
      },
    }),
  };
}

/** Entries multiplied as complex numbers; by the conjugates of b's where `sign` is −1. */
function timesComplex(a: Matrix, b: Matrix, sign: 1 | -1 = 1): Matrix {
  const out = matrix(a.rows, a.cols);
  const count = a.cols / 2;
  for (let i = 0; i < a.rows; i++) {
    for (let f = 0; f < count; f++) {
      const re = i * a.cols + f;
      const im = re + count;
      out.data[re] = a.data[re]! * b.data[re]! - sign * a.data[im]! * b.data[im]!;
      out.data[im] = sign * a.data[re]! * b.data[im]! + a.data[im]! * b.data[re]!;
    }
  }
  return out;
}
