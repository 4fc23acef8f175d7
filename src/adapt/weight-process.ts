import { add, expectFinite, expectShape, type Fn, gramOf, type Matrix, matrix } from "../linalg/index.ts";
import { Gaussian, nonNegative } from "../processes/index.ts";
import type { LatentProcess } from "../processes/latent/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { type Features, featureParts } from "./features.ts";
import type { WeightCovariance } from "./weight-covariance.ts";

/** The process mean(x) + φ(x) u whose whitened weights u have this mean and covariance: Gaussian, and linear in u. */
export function weightProcess(
  features: Features,
  mean: Fn,
  u: Float64Array,
  covariance: WeightCovariance,
): LatentProcess {
  const { inputs } = mean;
  const { outputs } = features.kernel;
  const move = features.along(u);
  const meanAt = (x: Matrix) => add(mean.at(x), move.at(x));
  const spread = (x: Matrix) => covariance.timesRoot(features.rows(x));
  return {
    inputs,
    outputs,
    at(x) {
      expectShape(x, "x", undefined, inputs);
      expectFinite(x, "x");
      return new Gaussian({
        rows: x.rows,
        outputs,
        mean: () => meanAt(x),
        moments() {
          const variance = matrix(x.rows, outputs);
          for (const part of featureParts(features, x)) {
            const v = spread(part.x);
            for (let r = 0; r < v.rows; r++) {
              let sum = 0;
              for (let k = r * v.cols; k < (r + 1) * v.cols; k++) sum += v.data[k]! * v.data[k]!;
              variance.data[part.from * outputs + r] = nonNegative(sum);
            }
          }
          return { mean: meanAt(x), variance };
        },
        covariance: () => gramOf(spread(x)),
      });
    },
    blocks(x) {
      const out = matrix(x.rows * outputs, outputs);
      for (const part of featureParts(features, x)) {
        const v = spread(part.x);
        const size = outputs * v.cols;
        for (let i = 0; i < part.x.rows; i++) {
          const own = matrix(outputs, v.cols, v.data.subarray(i * size, (i + 1) * size));
          out.data.set(gramOf(own).data, (part.from + i) * outputs * outputs);
        }
      }
      return { mean: meanAt(x), covariance: out };
    },
    sample: (key: Key, count: number) =>
      Array.from({ length: count }, (_, s) => {
        const away = covariance.rootTimes(normal(split(key, s), features.count));
        const drawn = features.along(u.map((v, i) => v + away[i]!));
        return { inputs, outputs, at: (x: Matrix) => add(mean.at(x), drawn.at(x)) };
      }),
  };
}
