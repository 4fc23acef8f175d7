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

/**
 * x ↦ (x − centre) Wᵀ + bias: weight outputs × inputs, row by row. The centre, 0 unless given, is fixed: it only
 * keeps weight and bias apart where points lie far from 0.
 */
export function affine(
  weight: Matrix,
  bias: Float64Array,
  centre: Float64Array = new Float64Array(weight.cols),
): LearnableFn {
  expectShape(weight, "the weight", bias.length, centre.length);
  return affineOf({
    weight: within("weight", weight.data, "real"),
    bias: within("bias", bias, "real"),
    centre: { ...within("centre", centre, "real"), fixed: true },
  });
}

function affineOf(parameters: Parameters): LearnableFn {
  const bias = parameters.bias!.value;
  const centre = parameters.centre!.value;
  const outputs = bias.length;
  const inputs = centre.length;
  const weight = matrix(outputs, inputs, parameters.weight!.value);
  const centred = (x: Matrix) => {
    expectShape(x, "x", undefined, inputs);
    return matrix(
      x.rows,
      inputs,
      x.data.map((v, k) => v - centre[k % inputs]!),
    );
  };
  return {
    inputs,
    outputs,
    parameters,
    with: affineOf,
    at(x) {
      const out = multiply(centred(x), weight, { b: true });
      for (let k = 0; k < out.data.length; k++) out.data[k]! += bias[k % outputs]!;
      return out;
    },
    pullback(x, bar) {
      const ofBias = new Float64Array(outputs);
      bar.data.forEach((v, k) => {
        ofBias[k % outputs]! += v;
      });
      const ofX = multiply(bar, weight);
      const ofCentre = new Float64Array(inputs);
      ofX.data.forEach((v, k) => {
        ofCentre[k % inputs]! -= v;
      });
      return {
        parameters: {
          weight: multiply(bar, centred(x), { a: true }).data,
          bias: ofBias,
          centre: ofCentre,
        },
        x: ofX,
      };
    },
  };
}
