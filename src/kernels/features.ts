import { UsageError } from "../errors/index.ts";
import { type Fn, type Matrix, matrix, multiply, rowRange } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Kernel } from "./kernel.ts";

// Complex features of a prior path. Given the features the covariance of paths errs by about 1/√count of the
// variance; over the features it is exact.
const count = 1024;
// Points whose features are held at a time.
const chunk = 256;

/** f(x) = Σ_f (a_f Re φ_f(x) + b_f Im φ_f(x)) / √count, a and b standard normal (Rahimi & Recht 2007). */
export function featurePath(features: NonNullable<Kernel["features"]>, key: Key, inputs: number): Fn {
  return weighted(features(split(key, "features"), inputs, count), split(key, "weights"));
}

function weighted(features: Fn, key: Key): Fn {
  const scale = 1 / Math.sqrt(features.outputs / 2);
  const weights = matrix(
    features.outputs,
    1,
    normal(key, features.outputs).map((w) => scale * w),
  );
  return {
    inputs: features.inputs,
    outputs: 1,
    at(x) {
      const out = matrix(x.rows, 1);
      for (let from = 0; from < x.rows; from += chunk) {
        const part = rowRange(x, from, Math.min(x.rows, from + chunk));
        out.data.set(multiply(features.at(part), weights).data, from);
      }
      return out;
    },
  };
}

/**
 * The features of any kernel of one output: its own, or `count` independent paths as real ones. Throws UsageError
 * for a kernel of several outputs.
 */
export function featuresOf(kernel: Kernel, key: Key, inputs: number, count: number): Fn {
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

/** e^(iω·x) √variance at the points that `map` makes of x, for frequencies ω given as rows. */
export function waves(inputs: number, frequencies: Matrix, variance: number, map: (x: Matrix) => Matrix): Fn {
  const { rows: count } = frequencies;
  const size = Math.sqrt(variance);
  return {
    inputs,
    outputs: 2 * count,
    at(x) {
      const angles = multiply(map(x), frequencies, { b: true });
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
  };
}
