import { type Matrix, matrix, multiply } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { columnsNeeded, perColumn, perValue } from "./columns.ts";
import { times } from "./elementwise.ts";
import { waves } from "./features.ts";
import { waveJet } from "./jet.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";
import { ranges } from "./scale-of-data.ts";
import { waveGram, wavePullback } from "./wave.ts";

export interface CosineOptions {
  /** In units of the inputs; one for all columns, or one a column. 1 unless given. */
  readonly period?: number | ArrayLike<number>;
  /** In squared units of the outputs. 1 unless given. */
  readonly variance?: number;
  /** As many periods as this, one a column. */
  readonly ard?: number;
}

/**
 * k(x, x′) = variance · cos(2π Σ_c (x_c − x′_c) / period_c): one plane wave of random size and phase. (The cosine of
 * the distance, as GPyTorch has it, is the same in one column and no covariance in more.)
 */
export function cosine({ period, variance, ard = 1 }: CosineOptions = {}): Kernel {
  return cosineOf({
    period: unlessGiven(period, new Float64Array(ard).fill(1), (v) => positive("period", v)),
    variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)),
  });
}

function cosineOf(parameters: Parameters): Kernel {
  const variance = parameters.variance!.value[0]!;
  const period = parameters.period!.value;
  /** The wave vector, one angle a unit of each column. */
  const turns = (cols: number) => perColumn("cosine", "period", period, cols).map((p) => (2 * Math.PI) / p);
  const cross = (x: Matrix, z: Matrix) => waveGram(turns(x.cols), variance, x, z === x ? undefined : z);
  return {
    outputs: 1,
    inputs: columnsNeeded(period),
    parameters,
    definition: { kind: "cosine" },
    with: cosineOf,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    pullback(x, z, bar) {
      const vector = turns(x.cols);
      const { value, turns: slopes } = wavePullback(vector, x, z, bar);
      const ofPeriods = slopes.map((s, c) => (-variance * s * vector[c]! ** 2) / (2 * Math.PI));
      return { period: perValue(ofPeriods, period.length), variance: Float64Array.of(value) };
    },
    pullbackInputs(x, z, bar) {
      return wavePullback(turns(x.cols), x, z, times(bar, variance)).inputs;
    },
    jet: (x, z) => waveJet(turns(x.cols), variance, x, z),
    features(key, inputs, count) {
      // Half the waves run backwards: their mean is the cosine, without the sine.
      const signs = normal(key, count).map(Math.sign);
      const vector = turns(inputs);
      const rows = matrix(count, inputs);
      rows.data.forEach((_, k) => {
        rows.data[k] = signs[Math.floor(k / inputs)]! * vector[k % inputs]!;
      });
      return waves(inputs, rows, variance);
    },
    path(key, inputs) {
      const wave = waves(inputs, matrix(1, inputs, turns(inputs)), variance);
      const sizes = matrix(2, 1, normal(key, 2));
      return {
        inputs,
        outputs: 1,
        at: (x) => multiply(wave.at(x), sizes),
        pullbackInputs: (x, bar) => wave.pullbackInputs!(x, multiply(bar, sizes, { b: true })),
      };
    },
    startAt: (x, target) =>
      cosineOf(
        setUnset(parameters, {
          variance: () => [target],
          // Once round over the data, all columns together.
          period: (count) =>
            count > 1 ? ranges(x).map((r) => r * x.cols) : [ranges(x).reduce((a, b) => a + b, 0)],
        }),
      ),
  };
}
