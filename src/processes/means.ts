import {
  affine,
  isLearnable,
  type LearnableFn,
  type Parameters,
  setUnset,
  unlessGiven,
  within,
} from "../kernels/index.ts";
import { cholesky, expectShape, type Fn, type Matrix, matrix, multiply, solve } from "../linalg/index.ts";

/**
 * What a process is expected to be before any data. Its free parameters are fitted with the kernel's; a mean that is
 * only an `Fn` stays as it is.
 */
export interface Mean extends LearnableFn {
  /** The same, its unset parameters chosen for targets y (n × outputs) seen at x (n × inputs). */
  startAt?(x: Matrix, y: Matrix): Mean;
}

/** Any function as a mean: learnable ones as they are, others without parameters. */
export function meanOf(fn: Fn): Mean {
  if (isLearnable(fn)) return fn;
  return {
    inputs: fn.inputs,
    outputs: fn.outputs,
    parameters: {},
    with: () => meanOf(fn),
    at: (x) => fn.at(x),
    // The slope in x is asked of means with parameters only.
    pullback: (x) => ({ parameters: {}, x: matrix(x.rows, x.cols) }),
  };
}

/** 0 everywhere. */
export function zeroMean(inputs: number, outputs = 1): Mean {
  return meanOf({ inputs, outputs, at: (x) => matrix(x.rows, outputs) });
}

/**
 * The same values everywhere, one an output, in units of y; parameter "value". A fit starts from the given values, or
 * from the targets' averages where none are given (then of one output).
 */
export function constantMean(inputs: number, values?: ArrayLike<number>): Mean {
  const value = unlessGiven(values, new Float64Array(1), (v) => within("value", v, "real"));
  return constantOf(inputs, { value });
}

function constantOf(inputs: number, parameters: Parameters): Mean {
  const { value } = parameters.value!;
  const outputs = value.length;
  return {
    inputs,
    outputs,
    parameters,
    with: (next) => constantOf(inputs, next),
    at(x) {
      const out = matrix(x.rows, outputs);
      for (let k = 0; k < out.data.length; k++) out.data[k] = value[k % outputs]!;
      return out;
    },
    pullback: (x, bar) => ({
      parameters: { value: columnMeans(bar).map((v) => v * bar.rows) },
      x: matrix(x.rows, x.cols),
    }),
    startAt: (_x, y) => constantOf(inputs, setUnset(parameters, { value: () => columnMeans(y) })),
  };
}

/**
 * x ↦ (x − centre) Wᵀ + bias, parameters "weight" (outputs × inputs) and "bias"; the centre is the fixed one of
 * `affine`. A fit starts from the least-squares plane through the targets.
 */
export function linearMean(inputs: number, outputs = 1): Mean {
  const plain = affine(matrix(outputs, inputs), new Float64Array(outputs));
  return {
    ...plain,
    startAt(x, y) {
      expectShape(y, "y", x.rows, outputs);
      const centre = columnMeans(x);
      const spread = columnSpreads(x, centre);
      const z = matrix(
        x.rows,
        inputs,
        x.data.map((v, k) => (v - centre[k % inputs]!) / spread[k % inputs]!),
      );
      const normal = multiply(z, z, { a: true });
      // A ridge of a millionth of an observation a column: for columns that repeat each other, or are constant.
      for (let c = 0; c < inputs; c++) normal.data[c * inputs + c]! += 1e-6 * x.rows;
      const bias = columnMeans(y);
      const centred = { ...y, data: y.data.map((v, k) => v - bias[k % outputs]!) };
      const slopes = solve(cholesky(normal), multiply(z, centred, { a: true }));
      const weight = matrix(outputs, inputs);
      for (let c = 0; c < inputs; c++) {
        for (let p = 0; p < outputs; p++) {
          weight.data[p * inputs + c] = slopes.data[c * outputs + p]! / spread[c]!;
        }
      }
      return affine(weight, bias, centre);
    },
  };
}

/** The mean of each column. */
export function columnMeans(a: Matrix): Float64Array {
  const sums = new Float64Array(a.cols);
  a.data.forEach((v, i) => {
    sums[i % a.cols]! += v / a.rows;
  });
  return sums;
}

/** The standard deviation of each column about `centre`, its mean unless given; 1 where it is 0. */
export function columnSpreads(a: Matrix, centre: Float64Array = columnMeans(a)): Float64Array {
  const squares = new Float64Array(a.cols);
  a.data.forEach((v, i) => {
    squares[i % a.cols]! += (v - centre[i % a.cols]!) ** 2 / a.rows;
  });
  return squares.map((v) => Math.sqrt(v) || 1);
}
