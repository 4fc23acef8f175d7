import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { rbf, sum, white } from "../../src/kernels/index.ts";
import { type Matrix, takeRows } from "../../src/linalg/index.ts";
import { constantMean, crossValidate, gp } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(17, 2, "folds.x");
const y = randomMatrix(17, 1, "folds.y");
const kernel = sum(rbf({ lengthscale: [0.7, 1.6] }), white({ variance: 0.02 }));
const prior = gp(kernel, { mean: constantMean(2, [0.4]) });
const posterior = prior.condition({ x, y, noiseVariance: 0.3 });

/** What conditioning on everything but the fold says of it. */
function byRefit(
  process: typeof prior,
  inputs: Matrix,
  outputs: Matrix,
  fold: readonly number[],
  noise: number,
) {
  const rest = Array.from({ length: inputs.rows }, (_, i) => i).filter((i) => !fold.includes(i));
  const data = { x: takeRows(inputs, rest), y: takeRows(outputs, rest), noiseVariance: noise };
  const seen = process.condition(data).observed(takeRows(inputs, fold));
  return { mean: seen.mean, variance: seen.variance, logDensity: seen.logDensity(takeRows(outputs, fold)) };
}

describe("k-fold cross-validation in closed form", () => {
  it("equals conditioning anew without each fold, jointly", () => {
    const result = crossValidate(posterior, 5, key(4));
    expect(result.folds.map((f) => f.length).sort()).toEqual([3, 3, 3, 4, 4]);
    expect([...result.folds.flat()].sort((a, b) => a - b)).toEqual(Array.from({ length: 17 }, (_, i) => i));
    let total = 0;
    for (const fold of result.folds) {
      const { mean, variance, logDensity } = byRefit(prior, x, y, fold, 0.3);
      expectClose(takeRows(result.mean, fold).data, mean.data, 1e-10);
      expectClose(takeRows(result.variance, fold).data, variance.data, 1e-10);
      total += logDensity;
    }
    expect(result.logDensity).toBeCloseTo(total, 9);
    expectClose(
      result.residual.data,
      y.data.map((v, i) => v - result.mean.data[i]!),
      1e-14,
    );
  });

  it("takes folds as they are given, of any sizes and in any order", () => {
    const folds = [
      [4, 1],
      [0, 16, 3, 2, 9],
      Array.from({ length: 17 }, (_, i) => i).filter((i) => ![4, 1, 0, 16, 3, 2, 9].includes(i)),
    ];
    const result = crossValidate(posterior, folds);
    for (const fold of folds) {
      expectClose(takeRows(result.mean, fold).data, byRefit(prior, x, y, fold, 0.3).mean.data, 1e-10);
    }
  });

  it("with as many folds as points is leave-one-out", () => {
    const one = posterior.leaveOneOut();
    const result = crossValidate(posterior, 17);
    expectClose(result.mean.data, one.mean.data, 1e-12);
    expectClose(result.variance.data, one.variance.data, 1e-12);
    expect(result.logDensity).toBeCloseTo(one.logDensity, 10);
  });

  it("leaves out all outputs of a point together", () => {
    const two = gp(twoOutputs());
    const [inputs, outputs] = [randomMatrix(8, 1, "two.x"), randomMatrix(8, 2, "two.y")];
    const result = crossValidate(two.condition({ x: inputs, y: outputs, noiseVariance: 0.2 }), 3);
    let total = 0;
    for (const fold of result.folds) {
      const { mean, variance, logDensity } = byRefit(two, inputs, outputs, fold, 0.2);
      expectClose(takeRows(result.mean, fold).data, mean.data, 1e-10);
      expectClose(takeRows(result.variance, fold).data, variance.data, 1e-10);
      total += logDensity;
    }
    expect(result.logDensity).toBeCloseTo(total, 9);
  });

  it("refuses folds that are none", () => {
    expect(() => crossValidate(posterior, 1)).toThrow(UsageError);
    expect(() => crossValidate(posterior, 18)).toThrow(UsageError);
    expect(() => crossValidate(posterior, [[0], [1]])).toThrow(/2 of 17/);
    expect(() => crossValidate(posterior, [[0, 1], [1]])).toThrow(/twice/);
    expect(() => crossValidate(posterior, [[17]])).toThrow(/row 17/);
  });
});
