import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, type Fn, matrix, multiply } from "../../src/linalg/index.ts";
import { constantMean, fit, gp, linearMean, type Mean, meanOf, zeroMean } from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(30, 3, "x");
const slopes = matrix(3, 2, Float64Array.of(2, -1, 0.5, 0, 1e6, 3));
const y = multiply(x, slopes);
const shifted = { ...y, data: y.data.map((v, k) => v + (k % 2 === 0 ? 4e6 : -1)) };

describe("means", () => {
  it("start from the targets: averages, and the least-squares plane", () => {
    const constant = constantMean(3).startAt!(
      x,
      columnVector([...shifted.data.filter((_, k) => k % 2 === 1)]),
    );
    const average = shifted.data.reduce((sum, v, k) => sum + (k % 2 === 1 ? v / 30 : 0), 0);
    expect(constant.at(x).data[7]).toBeCloseTo(average, 12);
    const plane = linearMean(3, 2).startAt!(x, shifted);
    // The ridge of a millionth of an observation shrinks slopes by about that.
    expectClose(plane.at(x).data, shifted.data, 1e-5);
    const weight = plane.parameters.weight!.value;
    expect(weight[0]).toBeCloseTo(2, 0);
    expect(weight[2]! / 1e6).toBeCloseTo(1, 5);
    expect(weight[3]).toBeCloseTo(-1, 5);
  });

  it("keep a constant that was given, and start columns that repeat or do not change", () => {
    expect(constantMean(3, [5]).startAt!(x, columnVector(new Float64Array(30))).at(x).data[0]).toBe(5);
    const flat = { ...x, data: x.data.map((v, k) => (k % 3 === 2 ? 1 : k % 3 === 1 ? x.data[k - 1]! : v)) };
    const target = columnVector(Array.from({ length: 30 }, (_, i) => 3 * flat.data[3 * i]! + 1));
    expectClose(linearMean(3).startAt!(flat, target).at(flat).data, target.data, 1e-5);
  });

  it("have the slopes of finite differences", () => {
    const bar = randomMatrix(30, 2, "bar");
    const means: readonly Mean[] = [constantMean(3, [1, 2]), linearMean(3, 2).startAt!(x, shifted)];
    for (const mean of means) {
      const inner = (m: Fn) => m.at(x).data.reduce((sum, v, k) => sum + v * bar.data[k]!, 0);
      const gradient = mean.pullback(x, bar).parameters;
      for (const [path, parameter] of Object.entries(mean.parameters)) {
        parameter.value.forEach((_, i) => {
          // Means are linear in their parameters: a whole step is exact.
          const moved = parameter.value.map((v, j) => (i === j ? v + 1 : v));
          const next = mean.with({ ...mean.parameters, [path]: { ...parameter, value: moved } });
          expect(gradient[path]![i]! / (inner(next) - inner(mean))).toBeCloseTo(1, 6);
        });
      }
    }
  });

  it("of a process can be any function, which a fit keeps", () => {
    const fn: Fn = { inputs: 3, outputs: 1, at: (p) => matrix(p.rows, 1, new Float64Array(p.rows).fill(9)) };
    expect(meanOf(fn).parameters).toEqual({});
    const prior = gp(rbf(), { mean: fn });
    expect(prior.inputs).toBe(3);
    expect(prior.at(x).mean.data[3]).toBe(9);
    const target = columnVector(Array.from({ length: 30 }, (_, i) => Math.sin(x.data[3 * i]!)));
    const found = runSync(fit(rbf(), { x, y: target }, { mean: fn, starts: 1 }));
    expect(found.mean.at(x).data[0]).toBe(9);
    expect(() => gp(rbf({ ard: 2 }), { mean: zeroMean(3) })).toThrow(UsageError);
  });
});
