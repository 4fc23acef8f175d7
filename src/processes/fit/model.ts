import {
  freeParameters,
  type Gradient,
  joinParts,
  type Kernel,
  type Parameter,
  type Parameters,
  partOf,
  positive,
} from "../../kernels/index.ts";
import { type Matrix, traceOfBar } from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import type { Mean } from "../means.ts";
import { invertGram, pullBack } from "./inverted.ts";
import type { Objective } from "./objectives.ts";

/** Everything a fit may move, and what it is moved for. */
export interface Model {
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** Its `value` holds one number, in squared units of y. */
  readonly noise: Parameter;
}

/** By path: "kernel.…", "mean.…" and "noiseVariance". */
export function modelParameters({ kernel, mean, noise }: Model): Parameters {
  return { ...joinParts({ kernel: kernel.parameters, mean: mean.parameters }), noiseVariance: noise };
}

export function modelWith(model: Model, parameters: Parameters): Model {
  return {
    kernel: model.kernel.with(partOf(parameters, "kernel")),
    mean: model.mean.with(partOf(parameters, "mean")),
    noise: parameters.noiseVariance!,
  };
}

export function noiseOf(model: Model): number {
  return model.noise.value[0]!;
}

/** The objective at a model, in nats, with its derivatives in every parameter, and the jitter it took. */
export function evaluate(
  model: Model,
  objective: Objective,
  x: Matrix,
  y: Matrix,
): { readonly value: number; readonly gradient: Gradient; readonly jitter: number } {
  const { kernel, mean } = model;
  const expected = mean.at(x).data;
  const residual = y.data.map((v, i) => v - expected[i]!);
  const inverted = invertGram(kernel, noiseOf(model), x, residual);
  const pulled = objective(inverted, y.cols);
  // Before the pull-back, which may spend it.
  const trace = traceOfBar(pulled.gram);
  const bar = { ...y, data: pulled.residual.map((v) => -v) };
  return {
    value: pulled.value,
    gradient: {
      ...joinParts({
        kernel: hasFree(kernel.parameters) ? pullBack(kernel, x, pulled.gram) : {},
        mean: hasFree(mean.parameters) ? mean.pullback(x, bar).parameters : {},
      }),
      noiseVariance: Float64Array.of(trace),
    },
    jitter: inverted.jitter,
  };
}

function hasFree(parameters: Parameters): boolean {
  return freeParameters(parameters).length > 0;
}

/** A noise variance that stays above `floor`; "positive" where there is none. */
export function noiseParameter(value: number, floor: number): Parameter {
  const parameter = positive("noiseVariance", value);
  return floor > 0
    ? { ...parameter, value: Float64Array.of(Math.max(value, 1.001 * floor)), support: { lower: floor } }
    : parameter;
}

// Random directions that a parameter's reach is measured in.
const probes = 4;

/**
 * How far each entry of the flat vector must move to matter, about: 1 for the logarithms of positive parameters; for
 * coordinates that are numbers of some unit, what moves the mean by `spread` (in units of y), or the kernel's matrix
 * by its own size. Measured by pull-backs of random signs, whose squares average to the squared slopes.
 */
export function reach(model: Model, x: Matrix, spread: number, key: Key): Float64Array {
  const { kernel, mean } = model;
  const real = (parameters: Parameters) =>
    freeParameters(parameters).some(([, parameter]) => parameter.support === "real");
  const some = Math.min(x.rows, 500);
  const points = { ...x, rows: some, data: x.data.subarray(0, some * x.cols) };
  const sizes: Record<string, Float64Array> = {};
  const measure = (part: string, size: number, pull: (signs: Float64Array) => Gradient, length: number) => {
    const squares: Record<string, Float64Array> = {};
    for (let probe = 0; probe < probes; probe++) {
      const signs = normal(split(split(key, part), probe), length).map(Math.sign);
      for (const [path, slope] of Object.entries(pull(signs))) {
        squares[path] ??= new Float64Array(slope.length);
        for (let i = 0; i < slope.length; i++) squares[path]![i]! += slope[i]! ** 2 / probes;
      }
    }
    // Slopes that are nothing but rounding: no way to move there matters (a shift of a stationary kernel's features).
    const nothing =
      1e-26 * Math.max(...Object.values(squares).map((square) => square.reduce((a, b) => Math.max(a, b), 0)));
    for (const [path, square] of Object.entries(squares)) {
      sizes[`${part}.${path}`] = square.map((s) => (s > nothing ? size / Math.sqrt(s) : 1));
    }
  };
  if (real(mean.parameters)) {
    const length = some * mean.outputs;
    measure(
      "mean",
      spread * Math.sqrt(length),
      (signs) => mean.pullback(points, { rows: some, cols: mean.outputs, data: signs }).parameters,
      length,
    );
  }
  if (real(kernel.parameters)) {
    const gram = kernel.gram(points);
    const n = gram.rows;
    measure(
      "kernel",
      Math.sqrt(gram.data.reduce((sum, v) => sum + v * v, 0)),
      (signs) => {
        const bar = new Float64Array(n * n);
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) bar[i * n + j] = signs[i]! * signs[j]!;
        return kernel.pullback(points, undefined, { rows: n, cols: n, data: bar });
      },
      n,
    );
  }
  return Float64Array.from(
    freeParameters(modelParameters(model)).flatMap(([path, { value, support }]) =>
      Array.from(value, (_, i) => (support === "real" ? (sizes[path]?.[i] ?? 1) : 1)),
    ),
  );
}
