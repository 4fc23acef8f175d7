import { UsageError } from "../errors/index.ts";
import type { Kernel } from "../kernels/index.ts";
import { add, expectFinite, expectShape, type Fn, type Matrix, matrix, reshape } from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import { conditionExactly, type ExactPosterior } from "./exact.ts";
import { Gaussian } from "./gaussian.ts";
import { type Mean, meanOf, zeroMean } from "./means.ts";
import type { Observations, Process } from "./process.ts";

/** A Gaussian process before any data: a mean function and a kernel. */
export interface GaussianProcess extends Process<Gaussian> {
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** The exact posterior. Throws ShapeError or NonFiniteError for data that do not fit. */
  condition(data: Observations): ExactPosterior;
}

export interface GpOptions {
  /** Any function; zero unless given. Those with parameters can be fitted, by `fit`. */
  readonly mean?: Fn;
  /** Columns of a point; needed only when neither the kernel nor the mean tells. */
  readonly inputs?: number;
}

/** p(f): the Gaussian process of this kernel. */
export function gp(kernel: Kernel, options: GpOptions = {}): GaussianProcess {
  const inputs = options.inputs ?? kernel.inputs ?? options.mean?.inputs ?? 1;
  const outputs = kernel.outputs;
  const mean = options.mean ? meanOf(options.mean) : zeroMean(inputs, outputs);
  if (mean.inputs !== inputs || mean.outputs !== outputs) {
    throw new UsageError(
      `the mean maps ${mean.inputs} inputs to ${mean.outputs} outputs, the process ${inputs} to ${outputs}`,
    );
  }
  const process: GaussianProcess = {
    inputs,
    outputs,
    kernel,
    mean,
    at(x) {
      expectPoints(x, inputs);
      return new Gaussian({
        rows: x.rows,
        outputs,
        mean: () => mean.at(x),
        moments: () => ({
          mean: mean.at(x),
          variance: reshape(matrix(x.rows * outputs, 1, kernel.diagonal(x)), x.rows, outputs),
        }),
        covariance: () => kernel.gram(x),
      });
    },
    sample: (key: Key, count: number) =>
      Array.from({ length: count }, (_, i) => plus(mean, kernel.path(split(key, i), inputs))),
    condition: (data) => conditionExactly(process, [data]),
  };
  return process;
}

export function expectPoints(x: Matrix, inputs: number): void {
  expectShape(x, "x", undefined, inputs);
  expectFinite(x, "x");
}

function plus(f: Fn, g: Fn): Fn {
  return { inputs: f.inputs, outputs: f.outputs, at: (x) => add(f.at(x), g.at(x)) };
}
