import { describe, expect, it } from "vitest";
import { NonFiniteError, NotPositiveDefiniteError } from "../../src/errors/index.ts";
import { bound, type Kernel, matern52, rbf } from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  type Fit,
  type FitOptions,
  fit,
  fitSummary,
  linearMean,
  zeroMean,
} from "../../src/processes/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

/** A fit whose every number is finite: parameters, evidence, predictions at the data and far from them. */
function sound(kernel: Kernel, x: Matrix, y: Matrix, options: FitOptions = {}): Fit {
  const found = runSync(fit(kernel, { x, y }, options));
  expect(Number.isFinite(found.logEvidence)).toBe(true);
  for (const p of Object.values(found.kernel.parameters)) expect(p.value.every(Number.isFinite)).toBe(true);
  const far = { ...x, data: x.data.map((v) => 1e3 * v + 1) };
  for (const points of [x, far]) {
    const at = found.process.observed(points);
    expect(at.mean.data.every(Number.isFinite)).toBe(true);
    expect(at.variance.data.every((v) => Number.isFinite(v) && v >= 0)).toBe(true);
  }
  return found;
}

const line = (n: number, step = 1) => columnVector(Array.from({ length: n }, (_, i) => i * step));
const of = (x: Matrix, f: (v: number) => number) => columnVector(x.data.map(f));
const errorAt = (found: Fit, y: Matrix) =>
  Math.sqrt(
    found.process
      .at(found.process.data[0]!.x)
      .mean.data.reduce((sum, v, i) => sum + (v - y.data[i]!) ** 2, 0) / y.rows,
  );

describe("fits with too little to go by", () => {
  it("one point: the prediction is that value, and a warning", () => {
    const one = sound(rbf(), columnVector([3]), columnVector([5e6]));
    expect(one.process.at(columnVector([3, 50])).mean.data).toEqual(Float64Array.of(5e6, 5e6));
    expect(one.report.warnings[0]).toContain("the mean alone explains all 1 target(s)");
    sound(rbf(), columnVector([3]), columnVector([5e6]), { mean: zeroMean(1) });
  });

  it("two points of opposite sign, three points, five points", () => {
    const two = sound(rbf(), line(2), columnVector([-1, 1]));
    expect(two.report.warnings[0]).toBe(
      "4 parameters were fitted to 2 value(s): give some of them priors or fix them",
    );
    sound(rbf(), line(2), columnVector([-1, 1]), { mean: linearMean(1) });
    sound(matern52(), line(3), columnVector([-1, 1, 0.5]));
    const five = sound(rbf(), line(5), columnVector([1, 2, 1.5, 0.3, -1]));
    expect(five.report.warnings).toEqual([]);
    expect(five.report.agreeing).toBe(3);
  });

  it("constant targets, at any size", () => {
    for (const value of [0, 7, 1e9]) {
      const same = sound(rbf(), line(5), columnVector([value, value, value, value, value]));
      expect(same.process.at(line(5)).mean.data.every((v) => v === value)).toBe(true);
      expect(same.report.warnings).toHaveLength(1);
    }
    sound(rbf(), line(5), columnVector([7, 7, 7, 7, 7]), { mean: zeroMean(1) });
    sound(rbf(), line(5), columnVector([1e6, 1e6 + 1e-3, 1e6, 1e6 - 1e-3, 1e6]));
  });

  it("a thousand columns for 40 points", () => {
    const x = randomMatrix(40, 1000, "wide");
    const y = columnVector(Array.from({ length: 40 }, (_, i) => 2 * x.data[1000 * i]!));
    const wide = sound(rbf({ ard: 1000 }), x, y, { starts: 2, maxIterations: 8 });
    expect(wide.report.warnings[0]).toContain("1003 parameters were fitted to 40 value(s)");
    sound(matern52(), x, y, { starts: 1 });
  });
});

describe("fits on hard data", () => {
  it("inputs that repeat, with targets that differ and that agree", () => {
    const x = columnVector([0, 0, 0, 1, 1, 2, 3, 4, 5, 5, 5, 6]);
    const y = columnVector([1, 1.1, 0.9, 2, 2.2, 3, 2, 1, 0, 0.1, -0.1, -1]);
    const noisy = sound(rbf(), x, y);
    // Pure error of the repeats: squares 0.02, 0.02, 0.02 over 5 degrees of freedom, an sd of 0.11.
    expect(Math.sqrt(noisy.noiseVariance)).toBeGreaterThan(0.06);
    expect(Math.sqrt(noisy.noiseVariance)).toBeLessThan(0.2);
    sound(rbf(), x, of(x, Math.cos));
    const forced = sound(rbf(), x, y, { noiseVariance: 0 });
    expect(forced.report.warnings.join()).toContain("inputs repeat or the noise is too small");
    sound(rbf(), columnVector([4, 4, 4, 4]), columnVector([1, 1.1, 0.9, 2]));
  });

  it.each([308, 309])("%i points of a sine without noise", (n) => {
    const x = line(n, 1 / n);
    const y = of(x, (v) => Math.sin(6 * v));
    const found = sound(rbf(), x, y, { starts: 1 });
    expect(errorAt(found, y)).toBeLessThan(1e-4);
    expect(found.report.warnings.join()).toContain("the noise went to its floor");
  });

  it("targets from 10,000 to 20,000, inputs of a millionth, unscaled", () => {
    const x = line(60, 1e-6);
    const errors = normal(key(2), 60);
    const y = columnVector(x.data.map((v, i) => 15000 + 5000 * Math.sin(v / 8e-6) + 200 * errors[i]!));
    const found = sound(rbf(), x, y);
    // 60 residuals know their sd to about a tenth.
    expect(Math.sqrt(found.noiseVariance)).toBeGreaterThan(140);
    expect(Math.sqrt(found.noiseVariance)).toBeLessThan(260);
    expect(found.report.agreeing).toBe(3);
    expect(found.report.warnings).toEqual([]);
  });

  it("numbers near the ends of floating point", () => {
    for (const size of [1e-140, 1e140]) {
      const small = sound(
        rbf(),
        line(5),
        of(columnVector([1, 2, 0, -1, 3]), (v) => v * size),
      );
      expect(small.report.agreeing).toBe(3);
    }
    sound(rbf(), columnVector([0, 1e9]), columnVector([1e12, -1e12]));
  });

  it("pure noise is called noise", () => {
    const found = sound(rbf(), line(60), columnVector(normal(key(3), 60)));
    expect(found.report.warnings.join()).toMatch(/noise explains 9\d % of the targets' variance/);
  });

  it("a trend that a lengthscale chases out of the data is named", () => {
    const errors = normal(key(3), 60);
    const found = sound(rbf(), line(60), columnVector(errors.map((e, i) => 3 * i + e)));
    expect(found.report.warnings.join()).toContain("over 30 times the data's typical distance");
    const flat = matrix(
      60,
      2,
      Float64Array.from({ length: 120 }, (_, k) => (k % 2 === 0 ? k / 20 : errors[k >> 1]!)),
    );
    const named = { starts: 1, columns: ["depth", "luck"] };
    const { report } = runSync(
      fit(rbf({ ard: 2 }), { x: flat, y: columnVector(errors.map((_, i) => Math.sin(i / 10))) }, named),
    );
    expect(report.warnings.join()).toMatch(/lengthscale\[luck\] = .*: over 30 times/);
    const straight = sound(rbf(), line(60), columnVector(errors.map((e, i) => 3 * i + e)), {
      mean: linearMean(1),
    });
    expect(straight.mean.parameters.weight!.value[0]).toBeCloseTo(3, 1);
  });

  it("parameters that end at their bounds are named", () => {
    const tight = bound(rbf({ lengthscale: 0.5 }), "lengthscale", { lower: 0.1, upper: 1 });
    const x = line(30);
    const found = sound(
      tight,
      x,
      of(x, (v) => Math.sin(v / 5)),
    );
    expect(found.report.warnings.join()).toMatch(/lengthscale = (1|0\.99\d*) lies at its bound/);
  });
});

describe("what cannot be fitted", () => {
  it("is refused in one line", () => {
    const x = line(4);
    expect(() => sound(rbf(), x, columnVector([1, Number.NaN, 2, 3]))).toThrow(NonFiniteError);
    expect(() => sound(rbf(), matrix(0, 1), matrix(0, 1))).toThrow("there are no observations");
    // A kernel that is no covariance: K = −I.
    const broken: Kernel = {
      ...rbf(),
      with: () => broken,
      startAt: () => broken,
      gram: (p) => negative(p.rows),
    };
    expect(() => sound(broken, x, columnVector([1, 2, 3, 5]), { noiseVariance: 0.1 })).toThrow(
      NotPositiveDefiniteError,
    );
  });
});

function negative(n: number): Matrix {
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = -1;
  return out;
}

describe("a summary", () => {
  it("says in the data's units what was found", () => {
    const g = golden("gp");
    const [x, y] = [rows(g.x), columnVector(g.y)];
    const text = fitSummary(runSync(fit(rbf({ ard: 3 }), { x, y })), {
      columns: ["width", "height", "depth"],
      target: "strength",
    });
    expect(text).toContain("Gaussian process of 12 point(s) in 3 column(s): ");
    expect(text).toMatch(/noise sd [\d.e-]+ \([\d.e-]+ % of the sd of strength, 0\.\d+\)/);
    expect(text).toMatch(/lengthscale: width [\d.e+]+, height [\d.e+]+, depth [\d.e+]+/);
  });
});
