import type { Matrix } from "../linalg/index.ts";
import { times } from "./elementwise.ts";
import type { Kernel, PathFn } from "./kernel.ts";
import { joinParts, type Parameters, partOf, positive, setUnset, unlessGiven } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/** k = factor · inner; parameters "factor", and the inner kernel's as "kernel.lengthscale", … 1 unless given. */
export function scaled(kernel: Kernel, factor?: number): Kernel {
  return scaledOf(kernel, {
    factor: unlessGiven(factor, 1, (v) => positive("factor", v, 1)),
    ...joinParts({ kernel: kernel.parameters }),
  });
}

function scaledOf(start: Kernel, parameters: Parameters): Kernel {
  const factor = parameters.factor!.value[0]!;
  const kernel = start.with(partOf(parameters, "kernel"));
  const { features } = kernel;
  return {
    outputs: kernel.outputs,
    inputs: kernel.inputs,
    parameters,
    definition: { kind: "scaled", parts: [kernel] },
    with: (next) => scaledOf(start, next),
    gram: (x) => times(kernel.gram(x), factor),
    cross: (x, z) => times(kernel.cross(x, z), factor),
    diagonal: (x) => kernel.diagonal(x).map((v) => factor * v),
    ...(kernel.multiply && {
      multiply: (x: Matrix, z: Matrix | undefined, v: Matrix) => times(kernel.multiply!(x, z, v), factor),
    }),
    pullback(x, z, bar) {
      const k = z ? kernel.cross(x, z) : kernel.gram(x);
      let slope = 0;
      for (let i = 0; i < k.data.length; i++) slope += k.data[i]! * bar.data[i]!;
      return {
        factor: Float64Array.of(slope),
        ...joinParts({ kernel: kernel.pullback(x, z, times(bar, factor)) }),
      };
    },
    ...(kernel.pullbackInputs && {
      pullbackInputs: (x: Matrix, z: Matrix | undefined, bar: Matrix) =>
        kernel.pullbackInputs!(x, z, times(bar, factor)),
    }),
    ...(kernel.jet && { jet: (x: Matrix, z: Matrix) => times(kernel.jet!(x, z), factor) }),
    path: (key, inputs) => timesNumber(kernel.path(key, inputs), Math.sqrt(factor)),
    ...(features && {
      features: (key, inputs, count) => timesNumber(features(key, inputs, count), Math.sqrt(factor)),
    }),
    startAt: (x, variance) => {
      const inner = startAt(kernel, x, parameters.factor!.unset ? 1 : variance / factor);
      return scaledOf(inner, {
        ...setUnset(parameters, { factor: () => [variance] }),
        ...joinParts({ kernel: inner.parameters }),
      });
    },
  };
}

function timesNumber(fn: PathFn, factor: number): PathFn {
  return {
    ...fn,
    at: (x) => times(fn.at(x), factor),
    ...(fn.pullbackInputs && {
      pullbackInputs: (x: Matrix, bar: Matrix) => times(fn.pullbackInputs!(x, bar), factor),
    }),
  };
}
