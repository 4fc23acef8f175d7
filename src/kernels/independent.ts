import { UsageError } from "../errors/index.ts";
import { add, type Matrix, matrix } from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import type { InputGradient, Kernel, PathFn } from "./kernel.ts";
import { joinParts, partOf } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/** A kernel of several outputs that know nothing of each other before the data. */
export interface IndependentKernel extends Kernel {
  /** The kernel of each output. */
  readonly each: readonly Kernel[];
}

export function isIndependent(kernel: Kernel): kernel is IndependentKernel {
  return "each" in kernel;
}

/** One kernel of one output for each output, with parameters of its own ("0.lengthscale", "1.lengthscale", …). */
export function independent(kernels: readonly Kernel[]): IndependentKernel {
  return blockDiagonal(
    kernels,
    joinParts(Object.fromEntries(kernels.map((k, p) => [p, k.parameters]))),
    (parameters) => independent(kernels.map((k, p) => k.with(partOf(parameters, String(p))))),
    (gradients) => joinParts(Object.fromEntries(gradients.map((g, p) => [p, g]))),
    (x, variance) => independent(kernels.map((k) => startAt(k, x, variance))),
  );
}

/** `outputs` independent functions of one kernel of one output, which share its parameters. */
export function repeated(kernel: Kernel, outputs: number): IndependentKernel {
  if (!(Number.isInteger(outputs) && outputs >= 1)) {
    throw new UsageError(`repeated: outputs is a whole number from 1, got ${outputs}`);
  }
  return blockDiagonal(
    Array.from({ length: outputs }, () => kernel),
    kernel.parameters,
    (parameters) => repeated(kernel.with(parameters), outputs),
    (gradients) =>
      Object.fromEntries(
        Object.entries(gradients[0]!).map(([path, first]) => [
          path,
          first.map((_, i) => gradients.reduce((sum, g) => sum + g[path]![i]!, 0)),
        ]),
      ),
    (x, variance) => repeated(startAt(kernel, x, variance), outputs),
  );
}

type Gradients = readonly ReturnType<Kernel["pullback"]>[];

function blockDiagonal(
  each: readonly Kernel[],
  parameters: Kernel["parameters"],
  withParameters: (next: Kernel["parameters"]) => Kernel,
  gathered: (gradients: Gradients) => Gradients[number],
  startAtData: (x: Matrix, variance: number) => Kernel,
): IndependentKernel {
  const outputs = each.length;
  if (outputs === 0) throw new UsageError("independent takes at least one kernel, got none");
  each.forEach((k, p) => {
    if (k.outputs !== 1) {
      throw new UsageError(`independent takes kernels of one output, number ${p} has ${k.outputs}`);
    }
  });
  const shared = each.every((k) => k === each[0]);
  /** The Gram matrices of the outputs, interleaved; a shared one is computed once. */
  const whole = (of: (k: Kernel) => Matrix): Matrix => {
    const parts = shared ? [of(each[0]!)] : each.map(of);
    const { rows, cols } = parts[0]!;
    const out = matrix(rows * outputs, cols * outputs);
    for (let p = 0; p < outputs; p++) {
      const part = parts[shared ? 0 : p]!;
      for (let i = 0, k = 0; i < rows; i++) {
        for (let j = 0, to = (i * outputs + p) * out.cols + p; j < cols; j++, k++, to += outputs) {
          out.data[to] = part.data[k]!;
        }
      }
    }
    return out;
  };
  const part = (bar: Matrix, p: number): Matrix => {
    const [rows, cols] = [bar.rows / outputs, bar.cols / outputs];
    const out = matrix(rows, cols);
    for (let i = 0, k = 0; i < rows; i++) {
      for (let j = 0, from = (i * outputs + p) * bar.cols + p; j < cols; j++, k++, from += outputs) {
        out.data[k] = bar.data[from]!;
      }
    }
    return out;
  };
  return {
    outputs,
    each,
    inputs: each.find((k) => k.inputs !== undefined)?.inputs,
    parameters,
    with: withParameters,
    gram: (x) => whole((k) => k.gram(x)),
    cross: (x, z) => whole((k) => k.cross(x, z)),
    diagonal(x) {
      const parts = each.map((k) => k.diagonal(x));
      return Float64Array.from(
        { length: x.rows * outputs },
        (_, i) => parts[i % outputs]![Math.floor(i / outputs)]!,
      );
    },
    pullback: (x, z, bar) => gathered(each.map((k, p) => k.pullback(x, z, part(bar, p)))),
    ...(each.every((k) => k.pullbackInputs) && {
      pullbackInputs: (x: Matrix, z: Matrix | undefined, bar: Matrix) =>
        each
          .map((k, p) => k.pullbackInputs!(x, z, part(bar, p)))
          .reduce((a, b): InputGradient => ({ x: add(a.x, b.x), ...(a.z && b.z && { z: add(a.z, b.z) }) })),
    }),
    path(key: Key, inputs: number): PathFn {
      const paths = each.map((k, p) => k.path(split(key, p), inputs));
      return {
        inputs,
        outputs,
        at(x) {
          const values = paths.map((path) => path.at(x).data);
          return matrix(
            x.rows,
            outputs,
            Float64Array.from(
              { length: x.rows * outputs },
              (_, i) => values[i % outputs]![Math.floor(i / outputs)]!,
            ),
          );
        },
      };
    },
    startAt: startAtData,
  };
}
