import { identity, type Matrix, matrix, scale, traceOfBar } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { zeroInputGradient } from "./constant.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";

export interface WhiteOptions {
  /** In squared units of the outputs. 1 unless given. */
  readonly variance?: number;
}

/**
 * White noise: k(x, x′) = variance for the same row of the same matrix, else 0. So gram(X) = cross(X, X) =
 * variance · I even where rows repeat, and cross(X, Z) of two matrices is 0 even where their rows agree: what is
 * noise at one observation says nothing of the next.
 */
export function white({ variance }: WhiteOptions = {}): Kernel {
  return whiteOf({ variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)) });
}

function whiteOf(parameters: Parameters): Kernel {
  const variance = parameters.variance!.value[0]!;
  const cross = (x: Matrix, z: Matrix) => (z === x ? identity(x.rows, variance) : matrix(x.rows, z.rows));
  /** Noise drawn for the number of each point: the point's own digits name its draw. */
  const noise = (inputs: number, outputs: number, draws: (key: Key) => Float64Array, key: Key) => ({
    inputs,
    outputs,
    at(x: Matrix) {
      const out = matrix(x.rows, outputs);
      for (let i = 0; i < x.rows; i++) {
        const name = x.data.subarray(i * x.cols, (i + 1) * x.cols).join();
        out.data.set(draws(split(key, name)), i * outputs);
      }
      return out;
    },
  });
  return {
    outputs: 1,
    inputs: undefined,
    parameters,
    definition: { kind: "white" },
    with: whiteOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    multiply: (x, z, v) => (!z || z === x ? scale(v, variance) : matrix(x.rows, v.cols)),
    pullback(x, z, bar) {
      let trace = 0;
      if (!z || z === x) for (let i = 0; i < x.rows; i++) trace += bar.data[i * x.rows + i]!;
      return { variance: Float64Array.of(trace) };
    },
    lower: {
      gram: (x) => cross(x, x),
      pullback: (_x, bar) => ({ variance: Float64Array.of(traceOfBar(bar)) }),
    },
    pullbackInputs: zeroInputGradient,
    features: (key, inputs, count) =>
      noise(inputs, 2 * count, (k) => normal(k, count).map((z) => Math.sqrt(variance) * Math.sign(z)), key),
    /**
     * A function: equal points have equal values, in whatever matrix they lie, other points independent ones. So
     * rows that repeat share their noise in a path, which they do not in `gram`.
     */
    path: (key, inputs) => noise(inputs, 1, (k) => normal(k, 1).map((z) => Math.sqrt(variance) * z), key),
    // A tenth of the variance noise, nine tenths signal.
    startAt: (_x, target) => whiteOf(setUnset(parameters, { variance: () => [target / 10] })),
  };
}
