import { ShapeError } from "../../errors/index.ts";
import { fromVector, gradientVector, type LearnableFn, toVector } from "../../kernels/index.ts";
import { lbfgs, type Matrix, matrix } from "../../linalg/index.ts";
import type { Latents } from "./latents.ts";
import type { SeenValues } from "./seen-values.ts";

/** What an encoder takes: all views' values side by side, less their averages; 0 where nothing was seen. */
export function encoderInputs(data: readonly SeenValues[]): Matrix {
  const rows = data[0]!.values.rows;
  const cols = data.reduce((sum, { values }) => sum + values.cols, 0);
  const out = matrix(rows, cols);
  let from = 0;
  for (const { values } of data) {
    for (let i = 0; i < rows; i++) {
      out.data.set(values.data.subarray(i * values.cols, (i + 1) * values.cols), i * cols + from);
    }
    from += values.cols;
  }
  return out;
}

/** The latents that an encoder gives: its outputs are their means, then the logarithms of their variances. */
export function encode(encoder: LearnableFn, values: Matrix): Latents {
  const { rows, data } = encoder.at(values);
  const q = encoder.outputs / 2;
  const [mean, variance] = [matrix(rows, q), matrix(rows, q)];
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < q; c++) {
      mean.data[i * q + c] = data[2 * i * q + c]!;
      variance.data[i * q + c] = Math.exp(data[(2 * i + 1) * q + c]!);
    }
  }
  return { mean, variance };
}

/** The derivative in the encoder's free parameters from that in its latents. */
export function pullEncoder(
  encoder: LearnableFn,
  values: Matrix,
  latents: Latents,
  slopes: Latents,
): Float64Array {
  const { rows, cols: q } = latents.mean;
  const bar = matrix(rows, 2 * q);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < q; c++) {
      const k = i * q + c;
      bar.data[2 * i * q + c] = slopes.mean.data[k]!;
      bar.data[(2 * i + 1) * q + c] = slopes.variance.data[k]! * latents.variance.data[k]!;
    }
  }
  return gradientVector(encoder.parameters, encoder.pullback(values, bar).parameters);
}

// Enough to be near: the bound moves the encoder on from there.
const matchingIterations = 200;

/** The encoder with parameters that give about these latents. Throws ShapeError unless it has two outputs a dimension. */
export function matchEncoder(encoder: LearnableFn, values: Matrix, wanted: Latents): LearnableFn {
  const { rows, cols: q } = wanted.mean;
  if (encoder.inputs !== values.cols || encoder.outputs !== 2 * q) {
    throw new ShapeError(
      `the encoder should take ${values.cols} values and give ${2 * q} (means and log variances of ${q} dimensions), it takes ${encoder.inputs} and gives ${encoder.outputs}`,
    );
  }
  const at = (vector: Float64Array) => encoder.with(fromVector(vector, encoder.parameters));
  const { x } = lbfgs(
    (vector) => {
      const given = at(vector);
      const out = given.at(values);
      const bar = matrix(rows, 2 * q);
      let value = 0;
      for (let i = 0; i < rows; i++) {
        for (let c = 0; c < 2 * q; c++) {
          const k = 2 * i * q + c;
          const target =
            c < q ? wanted.mean.data[i * q + c]! : Math.log(wanted.variance.data[i * q + c - q]!);
          const error = (out.data[k]! - target) / rows;
          bar.data[k] = error;
          value += 0.5 * rows * error * error;
        }
      }
      return { value, gradient: gradientVector(given.parameters, given.pullback(values, bar).parameters) };
    },
    toVector(encoder.parameters),
    { maxIterations: matchingIterations },
  );
  return at(x);
}
