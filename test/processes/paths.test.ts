import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import {
  affine,
  after,
  type Kernel,
  linear,
  matern12,
  matern52,
  periodic,
  product,
  rbf,
  sum,
  white,
} from "../../src/kernels/index.ts";
import { type Fn, type Matrix, matrix } from "../../src/linalg/index.ts";
import { constantMean, type ExactPosterior, gp, linearMean } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(11, 2, "paths.x");
const y = randomMatrix(11, 1, "paths.y");
const z = randomMatrix(5, 2, "paths.z");
const curved: Fn = {
  inputs: 2,
  outputs: 1,
  at: (p) =>
    matrix(
      p.rows,
      1,
      Float64Array.from({ length: p.rows }, (_, i) => Math.sin(p.data[2 * i]!) * p.data[2 * i + 1]!),
    ),
};
const tilt = affine(matrix(2, 2, Float64Array.of(1, 0.3, -0.2, 0.8)), new Float64Array(2));
const kernels: Readonly<Record<string, Kernel>> = {
  rbf: rbf({ lengthscale: [0.8, 1.5], variance: 2 }),
  matern52: matern52({ lengthscale: 1.2 }),
  "linear + periodic": sum(linear({ variance: [0.5, 1] }), periodic({ period: [3, 4] })),
  "a product": product(rbf(), linear()),
  "after an affine map": after(rbf(), tilt),
};
const means = {
  none: undefined,
  constant: constantMean(2, [3]),
  linear: linearMean(2),
  "a plain function": curved,
};

/** ∂⟨bar, value(X)⟩/∂X by central differences. */
function differences(value: (x: Matrix) => Matrix, at: Matrix, bar: Matrix): Float64Array {
  const h = 1e-5;
  return at.data.map((_, k) => {
    const side = (sign: number) => {
      const moved = { ...at, data: at.data.slice() };
      moved.data[k]! += sign * h;
      return value(moved).data.reduce((s, v, i) => s + v * bar.data[i]!, 0);
    };
    return (side(1) - side(-1)) / (2 * h);
  });
}

function posteriors(): [string, ExactPosterior][] {
  return Object.entries(kernels).flatMap(([name, kernel]) =>
    Object.entries(means)
      .filter(([mean]) => mean === "none" || name === "rbf")
      .map(([mean, fn]): [string, ExactPosterior] => [
        `${name}, mean: ${mean}`,
        gp(kernel, { inputs: 2, ...(fn && { mean: fn }) }).condition({ x, y, noiseVariance: 0.1 }),
      ]),
  );
}

describe("gradients with respect to the points", () => {
  const [onMean, onVariance] = [randomMatrix(5, 1, "bar.mean"), randomMatrix(5, 1, "bar.variance")];

  it.each(posteriors())("of mean and variance are those of differences: %s", (_, posterior) => {
    const slopes = posterior.slopes(z);
    expectClose(slopes.mean.data, posterior.at(z).mean.data, 1e-12);
    expectClose(slopes.variance.data, posterior.at(z).variance.data, 1e-12);
    // Differences of step 1e-5: their own error is about 1e-9 of values near 1.
    const ofMean = differences((p) => posterior.at(p).mean, z, onMean);
    const ofVariance = differences((p) => posterior.at(p).variance, z, onVariance);
    expectClose(slopes.pullback({ mean: onMean }).data, ofMean, 1e-8);
    expectClose(slopes.pullback({ variance: onVariance }).data, ofVariance, 1e-8);
    expectClose(
      slopes.pullback({ mean: onMean, variance: onVariance }).data,
      ofMean.map((v, i) => v + ofVariance[i]!),
      1e-8,
    );
  });

  it.each(posteriors())("of samples are those of differences: %s", (_, posterior) => {
    const [path] = posterior.sample(key(6), 1);
    const ofPath = differences((p) => path!.at(p), z, onMean);
    expectClose(path!.pullbackInputs!(z, onMean).data, ofPath, 1e-7);
  });

  it("of several outputs, too", () => {
    const posterior = gp(twoOutputs()).condition({
      x: randomMatrix(6, 1, "two.x"),
      y: randomMatrix(6, 2, "two.y"),
      noiseVariance: 0.1,
    });
    const at = randomMatrix(3, 1, "two.z");
    const bar = randomMatrix(3, 2, "two.bar");
    const slopes = posterior.slopes(at);
    expectClose(slopes.variance.data, posterior.at(at).variance.data, 1e-12);
    expectClose(
      slopes.pullback({ mean: bar }).data,
      differences((p) => posterior.at(p).mean, at, bar),
      1e-8,
    );
    expectClose(
      slopes.pullback({ variance: bar }).data,
      differences((p) => posterior.at(p).variance, at, bar),
      1e-8,
    );
    const [path] = posterior.sample(key(1), 1);
    expectClose(
      path!.pullbackInputs!(at, bar).data,
      differences((p) => path!.at(p), at, bar),
      1e-7,
    );
  });

  it("are absent where there are none, or an error in words", () => {
    const rough = gp(matern12(), { inputs: 2 }).condition({ x, y, noiseVariance: 0.1 });
    expect(rough.sample(key(0), 1)[0]!.pullbackInputs).toBeUndefined();
    const plain = gp(after(rbf(), curved), { inputs: 2 }).condition({ x, y, noiseVariance: 0.1 });
    expect(() => plain.slopes(z).pullback({ mean: onMean })).toThrow(UsageError);
    expect(() => plain.slopes(z).pullback({ mean: onMean })).toThrow(/rbf or matern52/);
    const noisy = gp(sum(rbf(), white()), { inputs: 2 }).condition({ x, y, noiseVariance: 0.1 });
    expect(noisy.sample(key(0), 1)[0]!.pullbackInputs).toBeUndefined();
  });
});
