import { UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { split } from "../random/index.ts";
import { hadamard, raised } from "./elementwise.ts";
import { featurePath, featuresOf } from "./features.ts";
import { productJet } from "./jet.ts";
import type { Kernel } from "./kernel.ts";
import { productOf } from "./product.ts";
import { startAt } from "./scale-of-data.ts";

/** k = inner ^ exponent, a whole number (others make no covariance in general); the inner kernel's parameters. */
export function power(kernel: Kernel, exponent: number): Kernel {
  if (!Number.isInteger(exponent) || exponent < 1) {
    throw new UsageError(`power: the exponent is a whole number of at least 1, got ${exponent}`);
  }
  const inner = (x: Matrix, z: Matrix | undefined, bar: Matrix): Matrix => {
    const k = z ? kernel.cross(x, z) : kernel.gram(x);
    return hadamard(bar, raised(k, exponent - 1), exponent);
  };
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const all = Array.from({ length: exponent }, (_, t) => featuresOf(kernel, split(key, t), inputs, count));
    return productOf(all, inputs, count);
  };
  return {
    outputs: kernel.outputs,
    inputs: kernel.inputs,
    parameters: kernel.parameters,
    definition: { kind: "power", options: { exponent }, parts: [kernel] },
    with: (next) => power(kernel.with(next), exponent),
    gram: (x) => raised(kernel.gram(x), exponent),
    cross: (x, z) => raised(kernel.cross(x, z), exponent),
    diagonal: (x) => kernel.diagonal(x).map((v) => v ** exponent),
    pullback: (x, z, bar) => kernel.pullback(x, z, inner(x, z, bar)),
    ...(kernel.pullbackInputs && {
      pullbackInputs: (x: Matrix, z: Matrix | undefined, bar: Matrix) =>
        kernel.pullbackInputs!(x, z, inner(x, z, bar)),
    }),
    ...(kernel.jet && {
      jet(x: Matrix, z: Matrix) {
        const one = kernel.jet!(x, z);
        return Array.from({ length: exponent }, () => one).reduce((a, b) => productJet(a, b, 1 + x.cols));
      },
    }),
    ...(kernel.outputs === 1 && { features }),
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (x, variance) => power(startAt(kernel, x, variance ** (1 / exponent)), exponent),
  };
}
