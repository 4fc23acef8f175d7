import { type Matrix, matrix } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { emptyJet } from "./jet.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";

export interface ConstantOptions {
  /** Prior variance of the constant, in squared units of the outputs. 1 unless given. */
  readonly variance?: number;
}

/** k(x, x′) = variance: functions that are constant. */
export function constant({ variance }: ConstantOptions = {}): Kernel {
  return constantOf({ variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)) });
}

function constantOf(parameters: Parameters): Kernel {
  const variance = parameters.variance!.value[0]!;
  const cross = (x: Matrix, z: Matrix) =>
    matrix(x.rows, z.rows, new Float64Array(x.rows * z.rows).fill(variance));
  return {
    outputs: 1,
    inputs: undefined,
    parameters,
    definition: { kind: "constant" },
    with: constantOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    multiply(x, _z, v) {
      const sums = new Float64Array(v.cols);
      v.data.forEach((value, k) => {
        sums[k % v.cols]! += variance * value;
      });
      const out = matrix(x.rows, v.cols);
      for (let i = 0; i < x.rows; i++) out.data.set(sums, i * v.cols);
      return out;
    },
    pullback: (_x, _z, bar) => ({ variance: Float64Array.of(bar.data.reduce((sum, v) => sum + v, 0)) }),
    pullbackInputs: zeroInputGradient,
    jet(x, z) {
      const { jet, at } = emptyJet(x, z);
      for (let i = 0; i < x.rows; i++) for (let j = 0; j < z.rows; j++) jet.data[at(i, j)] = variance;
      return jet;
    },
    features: (_key, inputs, count) => ({
      inputs,
      outputs: 2 * count,
      at(x) {
        const out = matrix(x.rows, 2 * count);
        for (let i = 0; i < x.rows; i++) {
          out.data.fill(Math.sqrt(variance), i * 2 * count, i * 2 * count + count);
        }
        return out;
      },
      pullbackInputs: (x) => matrix(x.rows, x.cols),
    }),
    path(key, inputs) {
      const value = Math.sqrt(variance) * normal(key, 1)[0]!;
      return {
        inputs,
        outputs: 1,
        at: (x) => matrix(x.rows, 1, new Float64Array(x.rows).fill(value)),
        pullbackInputs: (x) => matrix(x.rows, x.cols),
      };
    },
    startAt: (_x, target) => constantOf(setUnset(parameters, { variance: () => [target] })),
  };
}

/** What kernels that do not change when points move a little have for pullbackInputs. */
export function zeroInputGradient(
  x: Matrix,
  z: Matrix | undefined,
): { readonly x: Matrix; readonly z?: Matrix } {
  return z ? { x: matrix(x.rows, x.cols), z: matrix(z.rows, z.cols) } : { x: matrix(x.rows, x.cols) };
}
