import { ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { spreadJet } from "./jet.ts";
import type { InputGradient, Kernel, PathFn } from "./kernel.ts";
import { startAt } from "./scale-of-data.ts";
import { type SumKernel, sum } from "./sum.ts";

/** The kernel on these columns of the points only (counted from 0, in this order); the inner kernel's parameters. */
export function on(kernel: Kernel, columns: readonly number[]): Kernel {
  if (columns.length === 0 || !columns.every((c) => Number.isInteger(c) && c >= 0)) {
    throw new UsageError(`on: columns are whole numbers from 0, at least one, got [${columns.join(", ")}]`);
  }
  if (kernel.inputs !== undefined && kernel.inputs !== columns.length) {
    throw new ShapeError(`on: the kernel takes ${kernel.inputs} columns, got ${columns.length}`);
  }
  const pick = (x: Matrix): Matrix => {
    expectColumns(columns, x.cols);
    const out = matrix(x.rows, columns.length);
    for (let i = 0, k = 0; i < x.rows; i++) for (const c of columns) out.data[k++] = x.data[i * x.cols + c]!;
    return out;
  };
  /** One matrix stays one: white noise tells by that. */
  const both = (x: Matrix, z: Matrix | undefined): readonly [Matrix, Matrix | undefined] => {
    const a = pick(x);
    return [a, z === x ? a : z && pick(z)];
  };
  /** From derivatives in the columns picked to those in all columns of points like these. */
  const put = (slopes: Matrix, like: Matrix) => {
    const out = matrix(like.rows, like.cols);
    for (let i = 0, k = 0; i < like.rows; i++) {
      for (const c of columns) out.data[i * like.cols + c]! += slopes.data[k++]!;
    }
    return out;
  };
  const picked = (fn: PathFn, inputs: number): PathFn => {
    expectColumns(columns, inputs);
    return {
      inputs,
      outputs: fn.outputs,
      at: (x) => fn.at(pick(x)),
      ...(fn.pullbackInputs && {
        pullbackInputs: (x: Matrix, bar: Matrix) => put(fn.pullbackInputs!(pick(x), bar), x),
      }),
    };
  };
  const { features } = kernel;
  return {
    outputs: kernel.outputs,
    inputs: undefined,
    parameters: kernel.parameters,
    definition: { kind: "on", options: { columns }, parts: [kernel] },
    with: (next) => on(kernel.with(next), columns),
    gram: (x) => kernel.gram(pick(x)),
    cross(x, z) {
      const [a, b] = both(x, z);
      return kernel.cross(a, b!);
    },
    diagonal: (x) => kernel.diagonal(pick(x)),
    ...(kernel.multiply && {
      multiply: (x: Matrix, z: Matrix | undefined, v: Matrix) => kernel.multiply!(...both(x, z), v),
    }),
    pullback: (x, z, bar) => kernel.pullback(...both(x, z), bar),
    ...(kernel.pullbackInputs && {
      pullbackInputs(x: Matrix, z: Matrix | undefined, bar: Matrix): InputGradient {
        const inner = kernel.pullbackInputs!(...both(x, z), bar);
        return z && inner.z ? { x: put(inner.x, x), z: put(inner.z, z) } : { x: put(inner.x, x) };
      },
    }),
    ...(kernel.jet && {
      jet: (x: Matrix, z: Matrix) => spreadJet(kernel.jet!(pick(x), pick(z)), columns, x.cols),
    }),
    path: (key, inputs) => picked(kernel.path(key, columns.length), inputs),
    ...(features && {
      features: (key, inputs, count) => picked(features(key, columns.length, count), inputs),
    }),
    startAt: (x, variance) => on(startAt(kernel, pick(x), variance), columns),
  };
}

function expectColumns(columns: readonly number[], cols: number): void {
  const last = Math.max(...columns);
  if (last >= cols)
    throw new ShapeError(`on: the kernel reads column ${last}, the points have ${cols} columns`);
}

/**
 * Σ_c kernel on column c alone, over `inputs` columns: functions that are sums of functions of one column (Duvenaud,
 * Nickisch & Rasmussen 2011, first order). Every column has parameters of its own: "0.lengthscale", "1.lengthscale", …
 */
export function additive(kernel: Kernel, inputs: number): SumKernel {
  if (!(Number.isInteger(inputs) && inputs >= 1)) {
    throw new UsageError(`additive: the number of columns is at least 1, got ${inputs}`);
  }
  return sum(...Array.from({ length: inputs }, (_, c) => on(kernel, [c])));
}
