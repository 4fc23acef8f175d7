import { ShapeError } from "../errors/index.ts";
import type { Fn, Matrix } from "../linalg/index.ts";
import type { InputGradient, Kernel, PathFn } from "./kernel.ts";
import { isLearnable, type LearnableFn } from "./learnable.ts";
import { type Gradient, joinParts, type Parameters, partOf } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/**
 * k(x, x′) = inner(fn(x), fn(x′)): a kernel on the features of any function; with a network, a deep kernel (Wilson et
 * al. 2016). Parameters "kernel.lengthscale", … and, of a LearnableFn, "fn.0.weight", …, with gradients into both
 * and into the points; of a plain Fn the kernel's alone.
 */
export function after(kernel: Kernel, fn: Fn): Kernel {
  if (kernel.inputs !== undefined && kernel.inputs !== fn.outputs) {
    throw new ShapeError(
      `after: the kernel takes ${kernel.inputs} columns, the function has ${fn.outputs} outputs`,
    );
  }
  /** One matrix stays one: white noise tells by that. */
  const both = (x: Matrix, z: Matrix | undefined): readonly [Matrix, Matrix | undefined] => {
    const a = fn.at(x);
    return [a, z === x ? a : z && fn.at(z)];
  };
  const composed = (path: PathFn): PathFn => ({
    inputs: fn.inputs,
    outputs: path.outputs,
    at: (x) => path.at(fn.at(x)),
    ...(isLearnable(fn) &&
      path.pullbackInputs && {
        pullbackInputs: (x: Matrix, bar: Matrix) => fn.pullback(x, path.pullbackInputs!(fn.at(x), bar)).x,
      }),
  });
  const learnable = isLearnable(fn) && kernel.pullbackInputs ? fn : undefined;
  const { features } = kernel;
  return {
    outputs: kernel.outputs,
    inputs: fn.inputs,
    parameters: joinParts({ kernel: kernel.parameters, ...(learnable && { fn: learnable.parameters }) }),
    with(next: Parameters) {
      const inner = kernel.with(partOf(next, "kernel"));
      return after(inner, learnable ? learnable.with(partOf(next, "fn")) : fn);
    },
    gram: (x) => kernel.gram(fn.at(x)),
    cross(x, z) {
      const [a, b] = both(x, z);
      return kernel.cross(a, b!);
    },
    diagonal: (x) => kernel.diagonal(fn.at(x)),
    ...(kernel.multiply && {
      multiply: (x: Matrix, z: Matrix | undefined, v: Matrix) => kernel.multiply!(...both(x, z), v),
    }),
    pullback(x, z, bar): Gradient {
      const [a, b] = both(x, z);
      const ofKernel = kernel.pullback(a, b, bar);
      if (!learnable) return joinParts({ kernel: ofKernel });
      const { x: ofX, z: ofZ } = throughFn(learnable, kernel.pullbackInputs!(a, b, bar), x, z);
      const ofFn = Object.fromEntries(
        Object.entries(ofX.parameters).map(([name, slopes]) => [
          name,
          slopes.map((v, i) => v + (ofZ?.parameters[name]?.[i] ?? 0)),
        ]),
      );
      return joinParts({ kernel: ofKernel, fn: ofFn });
    },
    ...(learnable && {
      pullbackInputs(x: Matrix, z: Matrix | undefined, bar: Matrix): InputGradient {
        const { x: ofX, z: ofZ } = throughFn(learnable, kernel.pullbackInputs!(...both(x, z), bar), x, z);
        return ofZ ? { x: ofX.x, z: ofZ.x } : { x: ofX.x };
      },
    }),
    path: (key) => composed(kernel.path(key, fn.outputs)),
    ...(features && { features: (key, _inputs, count) => composed(features(key, fn.outputs, count)) }),
    startAt: (x, variance) => after(startAt(kernel, fn.at(x), variance), fn),
  };
}

function throughFn(fn: LearnableFn, slopes: InputGradient, x: Matrix, z: Matrix | undefined) {
  return { x: fn.pullback(x, slopes.x), z: z && slopes.z ? fn.pullback(z, slopes.z) : undefined };
}
