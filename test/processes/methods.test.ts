import { describe, expect, it } from "vitest";
import { type Kernel, matern32, matern52, periodic, product, rbf, sum } from "../../src/kernels/index.ts";
import { columnVector } from "../../src/linalg/index.ts";
import { chooseMethod, conditionBy, fitBy, gp, type MethodName } from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(60, 1, "x");
const noise = randomMatrix(60, 1, "noise").data;
const y = columnVector(Array.from(x.data, (v, i) => Math.sin(2 * v) + 0.1 * noise[i]!));

describe("the choice of a method", () => {
  it("follows size, outputs and noise, and says why", () => {
    const chosen = (rows: number, kernel = rbf(), noiseVariance = 0.1) =>
      chooseMethod(kernel, { rows, noiseVariance }).method;
    expect([100, 10_000, 50_000, 1_000_000].map((rows) => chosen(rows))).toEqual([
      "exact",
      "iterative",
      "sparse",
      "variational",
    ]);
    expect(chosen(50_000, rbf(), 0)).toBe("iterative");
    expect(chosen(50_000, twoOutputs())).toBe("iterative");
    // Of one input, exact at any size; not of two, nor below the size where a factorisation takes no time.
    const series = sum(matern52(), product(periodic(), matern32()));
    const ofSeries = (rows: number, inputs: number, kernel: Kernel = series) =>
      chooseMethod(kernel, { rows, inputs }).method;
    expect(ofSeries(500, 1)).toBe("exact");
    expect([2_000, 1_000_000].map((rows) => ofSeries(rows, 1))).toEqual(["state-space", "state-space"]);
    expect(ofSeries(10_000, 2)).toBe("iterative");
    expect(ofSeries(10_000, 1, sum(matern52(), rbf()))).toBe("iterative");
    expect(chooseMethod(series, { rows: 2_000, inputs: 1 }).why).toMatch(/exact in linear time/);
    expect(chooseMethod(rbf(), { rows: 10_000 }).why).toMatch(/10000 values are too many to factor/);
  });

  it("gives posteriors that agree where they should", () => {
    const prior = gp(rbf({ lengthscale: 0.7 }));
    const data = { x, y, noiseVariance: 0.01 };
    const at = randomMatrix(10, 1, "at");
    const exact = runSync(conditionBy(prior, data));
    expect(exact.method).toBe("exact");
    const series = gp(matern52({ lengthscale: 0.7 }), { inputs: 1 });
    const filtered = runSync(conditionBy(series, data, { method: "state-space" }));
    if (filtered.method !== "state-space") throw new Error("another method was taken");
    expect(filtered.process.logEvidence).toBeCloseTo(series.condition(data).logEvidence, 8);
    for (const method of ["iterative", "sparse"] as const) {
      const found = runSync(conditionBy(prior, data, { method, inducing: 30, tolerance: 1e-8 }));
      expect(found).toMatchObject({ method, why: "it was asked for" });
      found.process.at(at).mean.data.forEach((m, i) => {
        // Thirty inducing points say a little less than sixty rows.
        expect(m).toBeCloseTo(exact.process.at(at).mean.data[i]!, 4);
      });
    }
  });

  it("fits by the one that is named", () => {
    for (const method of ["exact", "state-space", "iterative", "sparse", "variational"] as const) {
      const kernel = method === "state-space" ? matern52() : rbf();
      const found = runSync(fitBy(kernel, { x, y }, { method, starts: 1, inducing: 12, steps: 30 }));
      expect(found.method).toBe(method);
      const { mean } = found.fit.process.at(x);
      const error = y.data.reduce((sum, v, i) => sum + (v - mean.data[i]!) ** 2, 0) / y.rows;
      // The noise has a standard deviation of 0.1.
      expect(Math.sqrt(error)).toBeLessThan(0.15);
    }
    expect(() => runSync(fitBy(rbf(), { x, y }, { method: "magic" as MethodName }))).toThrow(/one of exact/);
  });
});
