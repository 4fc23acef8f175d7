import { expect, test } from "vitest";
import { type Kernel, rbf } from "../../src/kernels/index.ts";
import { scale } from "../../src/linalg/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";
import { randomMatrix } from "../support/random.ts";

const good = rbf({ lengthscale: [0.8, 1.3] });
const points = randomMatrix(8, 2, "points");

/** The kernel with one part broken, in whatever parameters. */
function broken(kernel: Kernel, change: (k: Kernel) => Partial<Kernel>): Kernel {
  return { ...kernel, with: (next) => broken(kernel.with(next), change), ...change(kernel) };
}

test("a right kernel passes, and each wrong part is found and named", () => {
  checkKernel(good, points, { paths: 50 });
  const wrong: readonly [RegExp, (k: Kernel) => Partial<Kernel>][] = [
    [/gram\(X\) and cross\(X, X\)/, (k) => ({ cross: (x, z) => scale(k.cross(x, z), 1.001) })],
    [/diagonal/, (k) => ({ diagonal: (x) => k.diagonal(x).map((v) => v + 0.01) })],
    [/multiply/, (k) => ({ multiply: (x, z, v) => scale(k.multiply!(x, z, v), 1.001) })],
    [
      /positive semi-definite/,
      (k) => ({
        gram: (x) => scale(k.gram(x), -1),
        cross: (x, z) => scale(k.cross(x, z), -1),
        diagonal: (x) => k.diagonal(x).map((v) => -v),
        multiply: (x, z, v) => scale(k.multiply!(x, z, v), -1),
      }),
    ],
    [
      /pullback of gram/,
      (k) => ({
        pullback: (x, z, bar) => ({ ...k.pullback(x, z, bar), variance: Float64Array.of(0) }),
      }),
    ],
    [
      /no derivative in each value of "variance"/,
      () => ({ pullback: () => ({ lengthscale: new Float64Array(2) }) }),
    ],
    [
      /pullbackInputs of cross, z/,
      (k) => ({
        pullbackInputs(x, z, bar) {
          const slopes = k.pullbackInputs!(x, z, bar);
          return slopes.z ? { ...slopes, z: scale(slopes.z, -1) } : slopes;
        },
      }),
    ],
    [
      /paths have covariance/,
      (k) => ({
        path(key, inputs) {
          const path = k.path(key, inputs);
          return { ...path, at: (x) => scale(path.at(x), 2) };
        },
      }),
    ],
    [
      /a path's pullbackInputs/,
      (k) => ({
        path(key, inputs) {
          const path = k.path(key, inputs);
          return { ...path, pullbackInputs: (x, bar) => scale(path.pullbackInputs!(x, bar), -1) };
        },
      }),
    ],
    [
      /features have mean product/,
      (k) => ({
        features(key, inputs, count) {
          const features = k.features!(key, inputs, count);
          return { ...features, at: (x) => scale(features.at(x), 1.1) };
        },
      }),
    ],
    [/lower.gram and gram/, (k) => ({ lower: { ...k.lower!, gram: (x) => scale(k.lower!.gram(x), 1.01) } })],
    [
      /lower.pullback and pullback/,
      (k) => ({
        lower: { ...k.lower!, pullback: (x, bar) => k.lower!.pullback(x, { ...bar, vector: undefined }) },
      }),
    ],
  ];
  for (const [message, change] of wrong) {
    expect(() => checkKernel(broken(good, change), points, { paths: 100 })).toThrow(message);
  }
});
