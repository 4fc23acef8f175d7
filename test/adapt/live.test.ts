import { describe, expect, it } from "vitest";
import {
  type AdaptedClassifier,
  adapt,
  adaptClassifier,
  type ClassifierMethod,
  conditionTangent,
  conditionWays,
  type KnownWay,
} from "../../src/adapt/index.ts";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  cholesky,
  downdateCholesky,
  gramOf,
  identity,
  type Matrix,
  matrix,
  rowRange,
  stackRows,
  takeRows,
} from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({ inputShape: [2], layers: [dense(5), tanh(), dense(2)], seed: 8, precision: "f64" });
const one = network({ inputShape: [2], layers: [dense(5), tanh(), dense(1)], seed: 9, precision: "f64" });
const points = randomMatrix(7, 2, "live points");

function examples(rows: number, outputs: number) {
  return { x: randomMatrix(rows, 2, `live ${rows}`), y: randomMatrix(rows, outputs, `live y ${rows}`) };
}

describe("factors that lose rank-one terms", () => {
  const rows = randomMatrix(9, 5, "gone");
  const whole = gramOf(rows, true);
  for (let i = 0; i < 5; i++) whole.data[i * 6]! += 1;

  it("are the factors of what is left", () => {
    const left = gramOf(rowRange(rows, 3, 9), true);
    for (let i = 0; i < 5; i++) left.data[i * 6]! += 1;
    const down = downdateCholesky(cholesky(whole), rowRange(rows, 0, 3))!;
    expectClose(down.lower.data, cholesky(left).lower.data, 1e-12);
  });

  it("are none where nothing positive definite is left", () => {
    expect(
      downdateCholesky(cholesky(identity(5)), matrix(1, 5, Float64Array.of(0, 2, 0, 0, 0))),
    ).toBeUndefined();
  });
});

// 40 examples of two outputs against 27 parameters: enough for weight space; 12: for function space.
describe.each([
  ["function", 12],
  ["weight", 40],
] as const)("a network adapted in %s space", (space, count) => {
  const { x, y } = examples(count, 2);
  const fitted = adapt(net, { x, y }, { space });
  const again = (rows: { x: Matrix; y: Matrix }, noiseVariance: number | ArrayLike<number>) =>
    conditionTangent(fitted.kernel, { ...rows, noiseVariance }, { space });

  function expectSame(live: typeof fitted, whole: typeof fitted): void {
    expect(live.logEvidence).toBeCloseTo(whole.logEvidence, 7);
    const [a, b] = [live, whole].map(({ process }) => process.at(points));
    expectClose(a!.mean.data, b!.mean.data, 1e-8);
    expectClose(a!.covariance.data, b!.covariance.data, 1e-8);
    expectClose(live.shift(), whole.shift(), 1e-7);
    expectClose(live.process.leaveOneOut().mean.data, whole.process.leaveOneOut().mean.data, 1e-7);
  }

  it("loses examples as if it had never met them", () => {
    const kept = Array.from({ length: count }, (_, i) => i).filter((i) => ![0, 4, 9].includes(i));
    const rows = { x: takeRows(x, kept), y: takeRows(y, kept) };
    expectSame(fitted.remove([9, 0, 4]), again(rows, fitted.noiseVariance));
    expectSame(fitted.remove([4]).remove([0, 8]), again(rows, fitted.noiseVariance));
  });

  it("meets an example edited as if it had always been so", () => {
    const edit = examples(1, 2);
    const changed = (a: Matrix, row: Matrix) => stackRows([rowRange(a, 0, 3), row, rowRange(a, 4, count)]);
    const rows = { x: changed(x, edit.x), y: changed(y, edit.y) };
    expectSame(fitted.replace(3, edit), again(rows, fitted.noiseVariance));
  });

  it("comes back to where it was: an example added and removed, edited and edited back", () => {
    const edit = examples(1, 2);
    expectSame(fitted.add(edit).remove([count]), fitted);
    const back = { x: rowRange(x, 3, 4), y: rowRange(y, 3, 4) };
    expectSame(fitted.replace(3, edit).replace(3, back), fitted);
  });

  it("keeps each example's own noise", () => {
    const noise = Float64Array.from({ length: count }, (_, i) => 0.1 + 0.02 * i);
    const each = again({ x, y }, noise);
    const edit = examples(1, 2);
    const changed = (a: Matrix, row: Matrix) => stackRows([rowRange(a, 0, 3), row, rowRange(a, 4, count)]);
    const edited = again({ x: changed(x, edit.x), y: changed(y, edit.y) }, noise);
    expectSame(each.replace(3, edit), edited);
    const rest = { x: rowRange(x, 1, count), y: rowRange(y, 1, count) };
    expectSame(each.remove([0]), again(rest, noise.slice(1)));
  });

  it("says what it cannot do", () => {
    expect(() => fitted.remove([count])).toThrow(UsageError);
    expect(() => fitted.remove(Array.from({ length: count }, (_, i) => i))).toThrow(
      /no observations would be left/,
    );
    expect(() => fitted.replace(-1, examples(1, 2))).toThrow(UsageError);
    expect(() => fitted.replace(0, examples(2, 2))).toThrow(ShapeError);
  });
});

it("cheap covariances are found again", () => {
  const { x, y } = examples(40, 2);
  const fitted = adapt(net, { x, y }, { approximation: "kronecker" });
  const { noiseVariance, kernel, space } = fitted;
  const options = { space, approximation: "kronecker" } as const;
  const rest = { x: rowRange(x, 1, 40), y: rowRange(y, 1, 40), noiseVariance };
  const whole = conditionTangent(kernel, rest, options);
  const live = fitted.remove([0]);
  expectClose(live.process.at(points).mean.data, whole.process.at(points).mean.data, 1e-7);
  expectClose(live.process.at(points).variance.data, whole.process.at(points).variance.data, 1e-7);
});

describe.each(["laplace", "regression", "auto"] as const)("a classifier adapted by %s", (method) => {
  it.each([
    ["function", 12],
    ["weight", 40],
  ] as const)("loses and edits examples as if it had met the rest alone, in %s space", (space, count) => {
    for (const base of [net, one]) {
      const { x } = examples(count, 1);
      const labels = Array.from({ length: count }, (_, i) => (x.data[2 * i]! > 0 ? 1 : 0));
      const fitted = adaptClassifier(base, { x, labels }, { method, space });
      const again = (rows: Matrix, classes: readonly number[]): AdaptedClassifier => {
        const ways = (fitted.parts?.map(({ classifier }) => classifier) ?? [fitted]).map(
          ({ method: way, kernel, mean, fineTuned, noiseVariance }): KnownWay => ({
            ...{ method: way as ClassifierMethod, kernel, mean, fineTuned, space },
            ...(noiseVariance !== undefined && { noiseVariance }),
          }),
        );
        return conditionWays(ways, { x: rows, labels: classes });
      };
      const expectSame = (live: AdaptedClassifier, whole: AdaptedClassifier) => {
        expect(live.logEvidence).toBeCloseTo(whole.logEvidence, 6);
        expectClose(live.probabilities(points).data, whole.probabilities(points).data, 1e-6);
        expectClose(live.shift(), whole.shift(), 1e-5);
      };
      const kept = Array.from({ length: count }, (_, i) => i).filter((i) => i !== 2 && i !== 7);
      expectSame(
        fitted.remove([7, 2]),
        again(
          takeRows(x, kept),
          kept.map((i) => labels[i]!),
        ),
      );
      const edit = { x: randomMatrix(1, 2, "live edit"), labels: [1 - labels[3]!] };
      const moved = stackRows([rowRange(x, 0, 3), edit.x, rowRange(x, 4, count)]);
      expectSame(
        fitted.replace(3, edit),
        again(
          moved,
          labels.map((l, i) => (i === 3 ? edit.labels[0]! : l)),
        ),
      );
      expect(() => fitted.replace(count, edit)).toThrow(UsageError);
      expect(() => fitted.remove([-1])).toThrow(UsageError);
    }
  });
});
