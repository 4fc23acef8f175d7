import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix, multiply, rowRange } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Kernel, PathFn } from "./kernel.ts";

// Complex features of a prior path. Given the features the covariance of paths errs by about 1/√count of the
// variance; over the features it is exact.
const count = 1024;
// Points whose features are held at a time.
const chunk = 256;

/** f(x) = Σ_f (a_f Re φ_f(x) + b_f Im φ_f(x)) / √count, a and b standard normal (Rahimi & Recht 2007). */
export function featurePath(features: NonNullable<Kernel["features"]>, key: Key, inputs: number): PathFn {
  return weighted(features(split(key, "features"), inputs, count), split(key, "weights"));
}

function weighted(features: PathFn, key: Key): PathFn {
  const scale = 1 / Math.sqrt(features.outputs / 2);
  const weights = matrix(
    features.outputs,
    1,
    normal(key, features.outputs).map((w) => scale * w),
  );
  const inChunks = (x: Matrix, cols: number, of: (part: Matrix, from: number) => Matrix): Matrix => {
    const out = matrix(x.rows, cols);
    for (let from = 0; from < x.rows; from += chunk) {
      const part = rowRange(x, from, Math.min(x.rows, from + chunk));
      out.data.set(of(part, from).data, from * cols);
    }
    return out;
  };
  return {
    inputs: features.inputs,
    outputs: 1,
    at: (x) => inChunks(x, 1, (part) => multiply(features.at(part), weights)),
    ...(features.pullbackInputs && {
      pullbackInputs: (x: Matrix, bar: Matrix) =>
        inChunks(x, x.cols, (part, from) => {
          const ofPart = rowRange(bar, from, from + part.rows);
          return features.pullbackInputs!(part, multiply(ofPart, weights, { b: true }));
        }),
    }),
  };
}

/**
 * The features of any kernel of one output: its own, or `count` independent paths as real ones. Throws UsageError
 * for a kernel of several outputs.
 */
export function featuresOf(kernel: Kernel, key: Key, inputs: number, count: number): PathFn {
  if (kernel.outputs !== 1) {
    throw new UsageError(`paths of products and powers are for kernels of one output, got ${kernel.outputs}`);
  }
  if (kernel.features) return kernel.features(key, inputs, count);
  const paths = Array.from({ length: count }, (_, f) => kernel.path(split(key, f), inputs));
  return {
    inputs,
    outputs: 2 * count,
    at(x) {
      const out = matrix(x.rows, 2 * count);
      paths.forEach((path, f) => {
        const values = path.at(x).data;
        for (let i = 0; i < x.rows; i++) out.data[i * 2 * count + f] = values[i]!;
      });
      return out;
    },
  };
}

/** How points become the ones that waves run through: the map, and its pull-back; the points themselves if absent. */
export interface WaveMap {
  at(x: Matrix): Matrix;
  pullback(x: Matrix, bar: Matrix): Matrix;
}

/** e^(iω·x) √variance at the points that `map` makes of x, for frequencies ω given as rows. */
export function waves(inputs: number, frequencies: Matrix, variance: number, map?: WaveMap): PathFn {
  const { rows: count } = frequencies;
  const size = Math.sqrt(variance);
  const anglesAt = (x: Matrix) => multiply(map ? map.at(x) : x, frequencies, { b: true });
  return {
    inputs,
    outputs: 2 * count,
    at(x) {
      const angles = anglesAt(x);
      const out = matrix(x.rows, 2 * count);
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let f = 0; f < count; f++, k++) {
          const to = i * 2 * count + f;
          out.data[to] = size * Math.cos(angles.data[k]!);
          out.data[to + count] = size * Math.sin(angles.data[k]!);
        }
      }
      return out;
    },
    pullbackInputs(x, bar) {
      const angles = anglesAt(x); // overwritten by the derivatives in them
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let f = 0; f < count; f++, k++) {
          const at = i * 2 * count + f;
          const angle = angles.data[k]!;
          angles.data[k] = size * (bar.data[at + count]! * Math.cos(angle) - bar.data[at]! * Math.sin(angle));
        }
      }
      const ofMapped = multiply(angles, frequencies);
      return map ? map.pullback(x, ofMapped) : ofMapped;
    },
  };
}
