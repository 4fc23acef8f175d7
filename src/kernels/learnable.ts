import { expectShape, type Fn, type Matrix, matrix, multiply } from "../linalg/index.ts";
import { type Gradient, type Parameters, within } from "./parameters.ts";

/**
 * A function with parameters that something above it fits: the features of a deep kernel, a lengthscale that
 * changes, a mean. A value, as kernels are: `with` makes another one.
 */
export interface LearnableFn extends Fn {
  readonly parameters: Parameters;
  with(parameters: Parameters): LearnableFn;
  /** The derivatives of ⟨bar, f(X)⟩ in the parameters and in X; bar is n × outputs. */
  pullback(x: Matrix, bar: Matrix): { readonly parameters: Gradient; readonly x: Matrix };
}

/** Whether a function can be fitted. */
export function isLearnable(fn: Fn): fn is LearnableFn {
  return "pullback" in fn && "parameters" in fn;
}

/** x ↦ x Wᵀ + bias: weight outputs × inputs, row by row. */
export function affine(weight: Matrix, bias: Float64Array): LearnableFn {
  expectShape(weight, "the weight", bias.length, undefined);
  return affineOf(weight.cols, {
    weight: within("weight", weight.data, "real"),
    bias: within("bias", bias, "real"),
  });
}

function affineOf(inputs: number, parameters: Parameters): LearnableFn {
  const bias = parameters.bias!.value;
  const outputs = bias.length;
  const weight = matrix(outputs, inputs, parameters.weight!.value);
  return {
    inputs,
    outputs,
    parameters,
    with: (next) => affineOf(inputs, next),
    at(x) {
      const out = multiply(x, weight, { b: true });
      for (let k = 0; k < out.data.length; k++) out.data[k]! += bias[k % outputs]!;
      return out;
    },
    pullback(x, bar) {
      const ofBias = new Float64Array(outputs);
      bar.data.forEach((v, k) => {
        ofBias[k % outputs]! += v;
      });
      return {
        parameters: { weight: multiply(bar, x, { a: true }).data, bias: ofBias },
        x: multiply(bar, weight),
      };
    },
  };
}
