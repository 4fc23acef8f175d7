import { UsageError } from "../errors/index.ts";
import type { LearnableFn, PathFn } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { Gaussian, type Likelihood, likelihoods, zeroMean } from "../processes/index.ts";
import type { Key } from "../random/index.ts";
import { type DeepProcess, deepProcess } from "./compose.ts";
import type { GpLayer } from "./layer.ts";
import { columns, sideBySide } from "./ops/elementwise.ts";

/**
 * A process of one output with a second function in its last layer, of the same kernel and mean zero: the logarithm of
 * the noise variance, for the likelihood `varyingNoise`. It sees what the hidden layers made of the input.
 */
export function withNoiseFunction(process: DeepProcess): DeepProcess {
  const last = process.layers.at(-1)!;
  if (process.outputs !== 1 || last.kind !== "gp") {
    throw new UsageError(
      `noise that varies is for processes of one output, this one has ${process.outputs}: ask for constant noise`,
    );
  }
  const { inputs, meanName, mean } = last;
  const widened: GpLayer = {
    ...last,
    width: 2,
    mean: meanName === "zero" ? zeroMean(inputs, 2) : withZeroColumn(mean),
  };
  return deepProcess([...process.layers.slice(0, -1), widened]);
}

/** The function with 0 beside its values. */
function withZeroColumn(fn: LearnableFn): LearnableFn {
  const before = fn.outputs;
  return {
    inputs: fn.inputs,
    outputs: before + 1,
    parameters: fn.parameters,
    with: (parameters) => withZeroColumn(fn.with(parameters)),
    at: (x) => sideBySide(fn.at(x), matrix(x.rows, 1)),
    pullback: (x, bar) => fn.pullback(x, columns(bar, 0, before)),
  };
}

/** A last layer's values (mean and log noise, jointly Gaussian at n points) seen with one draw of that noise. */
export function seenWithDrawnNoise(values: Gaussian, { parameters }: Likelihood, key: Key): Gaussian {
  const rows = values.mean.rows;
  const noise = () => {
    const [draw] = values.sample(key, 1);
    return Float64Array.from({ length: rows }, (_, i) =>
      likelihoods.noiseAt(parameters, draw!.data[2 * i + 1]!),
    );
  };
  return new Gaussian({
    rows,
    outputs: 1,
    mean: () => columns(values.mean, 0, 1),
    moments() {
      const variance = columns(values.variance, 0, 1);
      noise().forEach((v, i) => {
        variance.data[i]! += v;
      });
      return { mean: columns(values.mean, 0, 1), variance };
    },
    covariance() {
      const out = everySecond(values.covariance);
      noise().forEach((v, i) => {
        out.data[i * (rows + 1)]! += v;
      });
      return out;
    },
  });
}

/** The functions alone, without the log noise. */
export function withoutNoiseFunction(values: Gaussian): Gaussian {
  const mean = () => columns(values.mean, 0, 1);
  return new Gaussian({
    rows: values.mean.rows,
    outputs: 1,
    mean,
    moments: () => ({ mean: mean(), variance: columns(values.variance, 0, 1) }),
    covariance: () => everySecond(values.covariance),
  });
}

/** Every second row and column. */
function everySecond({ rows, data }: Matrix): Matrix {
  const n = rows / 2;
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) out.data[i * n + j] = data[2 * i * rows + 2 * j]!;
  }
  return out;
}

/** A path of two functions as the first of them. */
export function firstOf(path: PathFn): PathFn {
  return {
    inputs: path.inputs,
    outputs: 1,
    at: (x) => columns(path.at(x), 0, 1),
    ...(path.pullbackInputs && {
      pullbackInputs: (x: Matrix, bar: Matrix) =>
        path.pullbackInputs!(x, sideBySide(bar, matrix(bar.rows, 1))),
    }),
  };
}
