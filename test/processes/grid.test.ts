import { describe, expect, it } from "vitest";
import { gradientVector, matern52, on, periodic, product, rbf } from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { conditionOnGrid, gp, logEvidence } from "../../src/processes/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const kernels = [
  rbf({ lengthscale: 0.8, variance: 1.3 }),
  matern52({ lengthscale: 1.4 }),
  periodic({ period: 2, lengthscale: 1.1 }),
];
const axes = [
  [0, 0.4, 1.1, 2],
  [-1, 0, 0.7],
  [0, 0.3, 0.9, 1.2, 1.7],
];
const values = randomMatrix(60, 1, "grid").data;
const points = matrix(60, 3);
for (let i = 0, k = 0; i < 4; i++)
  for (let j = 0; j < 3; j++)
    for (let l = 0; l < 5; l++, k++) points.data.set([axes[0]![i]!, axes[1]![j]!, axes[2]![l]!], 3 * k);
const whole = product(...kernels.map((k, c) => on(k, [c])));
const found = conditionOnGrid(kernels, { axes, values, noiseVariance: 0.1 });

describe("inference on a grid", () => {
  it("equals exact inference", () => {
    const exact = gp(whole, { inputs: 3 }).condition({
      x: points,
      y: columnVector(values),
      noiseVariance: 0.1,
    });
    expect(found.logEvidence).toBeCloseTo(exact.logEvidence, 9);
    const z = randomMatrix(7, 3, "grid points");
    expectClose(found.at(z).mean.data, exact.at(z).mean.data, 1e-10);
    expectClose(found.at(z).variance.data, exact.at(z).variance.data, 1e-10);
  });

  it("has the gradient of exact inference", () => {
    const known = logEvidence(whole, 0.1, points, columnVector(values));
    const { kernels: ofKernels, noiseVariance } = found.gradient();
    const named = Object.fromEntries(
      Object.entries(ofKernels).map(([path, g]) => [path.replace(/^(\d+)\./, "$1.kernel."), g]),
    );
    const parts = Object.keys(whole.parameters).map((path) => named[path] ?? ofKernels[path]);
    expect(parts.every((g) => g !== undefined)).toBe(true);
    const inOrder = Object.fromEntries(Object.keys(whole.parameters).map((path, i) => [path, parts[i]!]));
    expectClose([...gradientVector(whole.parameters, inOrder), 0.1 * noiseVariance], known.gradient, 1e-9);
  });

  it("says what is no grid", () => {
    expect(() => conditionOnGrid(kernels, { axes, values: values.slice(1), noiseVariance: 1 })).toThrow(
      /60 values/,
    );
    expect(() => conditionOnGrid([rbf()], { axes, values, noiseVariance: 1 })).toThrow(/one kernel an axis/);
    expect(() => conditionOnGrid(kernels, { axes, values, noiseVariance: 0 })).toThrow(/above 0/);
  });
});
