import { describe, expect, it } from "vitest";
import { fromVector, gradientVector, type Kernel, matern52, rbf, toVector } from "../../src/kernels/index.ts";
import { columnVector, matrix, multiply, pivotedCholesky, rowRange } from "../../src/linalg/index.ts";
import { conditionIteratively, fitIteratively, gp } from "../../src/processes/index.ts";
import { solveProbed, stochasticGradient } from "../../src/processes/iterative/evidence.ts";
import { largestOf } from "../../src/processes/iterative/nearest-points.ts";
import { crossTimes, gramTimes, pullBackFactors } from "../../src/processes/iterative/product.ts";
import { kernelSystem, systemTimes } from "../../src/processes/iterative/system.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { twoOutputs } from "../support/kernels.ts";
import { randomMatrix } from "../support/random.ts";

const n = 150;
const x = randomMatrix(n, 2, "x");
const noise = randomMatrix(n, 1, "noise").data;
const y = columnVector(Array.from({ length: n }, (_, i) => Math.sin(2 * x.data[2 * i]!) + 0.3 * noise[i]!));
const kernel = matern52({ lengthscale: [0.9, 1.4], variance: 1.3 });
const noiseVariance = 0.1;
const prior = gp(kernel);
const data = { x, y, noiseVariance };
const exact = prior.condition(data);
const at = randomMatrix(30, 2, "at");
const tight = { tolerance: 1e-10, rank: 20 };
const iterative = runSync(conditionIteratively(prior, data, tight));

/** The same kernel without its fused product: what kernels without one go through. */
const plain = ({ multiply: _, ...rest }: Kernel): Kernel => rest;

describe("products with a kernel matrix that is never held", () => {
  it("are those with the matrix, fused, in blocks, and for several outputs", () => {
    const many = randomMatrix(1100, 2, "many");
    const v = randomMatrix(1100, 3, "v");
    const right = multiply(kernel.gram(many), v).data;
    expectClose(gramTimes(kernel, many, v).data, right, 1e-11);
    expectClose(gramTimes(plain(kernel), many, v).data, right, 1e-11);
    const both = plain(twoOutputs());
    const points = randomMatrix(520, both.inputs ?? 2, "points");
    const w = randomMatrix(1040, 2, "w");
    expectClose(gramTimes(both, points, w).data, multiply(both.gram(points), w).data, 1e-11);
    const few = randomMatrix(7, points.cols, "few");
    expectClose(crossTimes(both, few, points, w).data, multiply(both.cross(few, points), w).data, 1e-11);
  });

  it("are the same where the matrix is held", () => {
    const system = kernelSystem(kernel, x, new Float64Array(n).fill(noiseVariance), { rank: 5 });
    const v = randomMatrix(n, 3, "v");
    const held = { ...system, gram: kernel.gram(x) };
    expectClose(systemTimes(held, v).data, systemTimes({ ...system, gram: undefined }, v).data, 1e-12);
  });

  it("pull back a derivative given by its factors as the whole one", () => {
    const many = randomMatrix(1100, 2, "many");
    const [u, w] = [randomMatrix(1100, 3, "u"), randomMatrix(1100, 3, "w")];
    const bar = multiply(u, w, { b: true });
    const whole = matrix(1100, 1100);
    for (let i = 0; i < 1100; i++) {
      for (let j = 0; j < 1100; j++)
        whole.data[i * 1100 + j] = 0.5 * (bar.data[i * 1100 + j]! + bar.data[j * 1100 + i]!);
    }
    expectClose(
      gradientVector(kernel.parameters, pullBackFactors(kernel, many, u, w)),
      gradientVector(kernel.parameters, kernel.pullback(many, undefined, whole)),
      1e-10,
    );
  });
});

describe("the preconditioner", () => {
  const variances = new Float64Array(n).fill(noiseVariance);
  it("is the inverse, the log-determinant and the covariance of Rᵀ R + D", () => {
    const { preconditioner: p } = kernelSystem(kernel, x, variances, { rank: 12 });
    const gram = kernel.gram(x);
    const { rows } = pivotedCholesky(kernel.diagonal(x), (i) => gram.data.slice(i * n, (i + 1) * n), 12);
    const whole = multiply(rows, rows, { a: true });
    for (let i = 0; i < n; i++) whole.data[i * (n + 1)]! += noiseVariance;
    const b = randomMatrix(n, 2, "b");
    expectClose(p.solve(multiply(whole, b)).data, b.data, 1e-9);
    const exactly = gp({ ...kernel, gram: () => ({ ...whole, data: whole.data.slice() }) }).condition({
      x,
      y: matrix(n, 1),
      noiseVariance: 0,
    });
    // log N(0 | 0, P) = −½ (log det P + n log 2π).
    expect(p.logDeterminant).toBeCloseTo(-2 * exactly.logEvidence - n * Math.log(2 * Math.PI), 8);
    const draws = p.sample(key(1), 4000);
    let square = 0;
    for (let c = 0; c < 4000; c++) square += (draws.data[5 * 4000 + c]! * draws.data[9 * 4000 + c]!) / 4000;
    // Five standard errors of a covariance of two values of variance about 1.4.
    expect(Math.abs(square - whole.data[5 * n + 9]!)).toBeLessThan((5 * 2) / Math.sqrt(4000));
  });

  it("saves products, as many as 3 to 1", () => {
    const points = randomMatrix(600, 2, "points");
    const smooth = rbf({ lengthscale: 0.6 });
    const right = randomMatrix(600, 1, "right");
    const run = (rank: number) =>
      runSync(
        conditionIteratively(
          gp(smooth, { inputs: 2 }),
          { x: points, y: right, noiseVariance: 0.01 },
          { rank, tolerance: 1e-6 },
        ),
      ).report;
    expect(run(0).iterations).toBeGreaterThan(3 * run(60).iterations);
    expect(run(60).rank).toBe(60);
  });
});

describe("the iterative posterior", () => {
  it("has the exact one's means, and its variances by solves", () => {
    expect(iterative.report.residual).toBeLessThan(1e-9);
    expect(iterative.report.warnings).toEqual([]);
    expectClose(iterative.at(at).mean.data, exact.at(at).mean.data, 1e-8);
    const bySolves = runSync(conditionIteratively(prior, data, { ...tight, variances: "solves" }));
    expectClose(bySolves.at(at).variance.data, exact.at(at).variance.data, 1e-8);
    expectClose(bySolves.at(at).covariance.data, exact.at(at).covariance.data, 1e-8);
    expectClose(bySolves.observed(at).variance.data, exact.observed(at).variance.data, 1e-8);
  });

  it.each(["neighbours", "lanczos"] as const)(
    "errs above the exact variance by %s, and equals it with all",
    (variances) => {
      const truth = exact.at(at).variance.data;
      let before: Float64Array = new Float64Array(at.rows).fill(Infinity);
      for (const varianceSize of [5, 40, n]) {
        const found = runSync(conditionIteratively(prior, data, { ...tight, variances, varianceSize })).at(at)
          .variance.data;
        found.forEach((v, i) => {
          expect(v).toBeGreaterThanOrEqual(truth[i]! - 1e-9);
          expect(v).toBeLessThanOrEqual(before[i]! + 1e-9);
        });
        before = found;
      }
      // Lanczos ends where the Krylov space does, to rounding.
      expectClose(before, truth, 1e-6);
    },
  );

  it("serves several outputs", () => {
    const both = twoOutputs();
    const points = randomMatrix(40, both.inputs ?? 2, "points");
    const values = randomMatrix(40, 2, "values");
    const seen = { x: points, y: values, noiseVariance: 0.2 };
    const whole = gp(both, { inputs: points.cols }).condition(seen);
    const few = rowRange(randomMatrix(9, points.cols, "few"), 0, 9);
    for (const variances of ["neighbours", "solves", "lanczos"] as const) {
      const found = runSync(
        conditionIteratively(gp(both, { inputs: points.cols }), seen, {
          tolerance: 1e-10,
          variances,
          varianceSize: 80,
        }),
      );
      expectClose(found.at(few).mean.data, whole.at(few).mean.data, 1e-7);
      expectClose(found.at(few).variance.data, whole.at(few).variance.data, 1e-6);
    }
  });

  it("says by how much a tolerance was missed", () => {
    const { report } = runSync(
      conditionIteratively(prior, data, { rank: 0, maxIterations: 3, tolerance: 1e-8 }),
    );
    expect(report.converged).toBe(false);
    expect(report.iterations).toBe(3);
    expect(report.warnings[0]).toMatch(/stopped after 3 products at a residual of .*times the tolerance/);
  });

  it("adds, removes and edits points as if conditioned anew", () => {
    const same = (a: typeof iterative, b: typeof iterative) => {
      expectClose(a.at(at).mean.data, b.at(at).mean.data, 1e-8);
      expectClose(a.at(at).variance.data, b.at(at).variance.data, 1e-10);
    };
    const first = { x: rowRange(x, 0, 130), y: rowRange(y, 0, 130), noiseVariance };
    const rest = { x: rowRange(x, 130, n), y: rowRange(y, 130, n), noiseVariance };
    const part = runSync(conditionIteratively(prior, first, tight));
    same(part.condition(rest), iterative);
    same(iterative.without(Array.from({ length: 20 }, (_, i) => 130 + i)), part);
    const edited = iterative.replace(3, { x: rowRange(at, 0, 1), y: columnVector([0.7]), noiseVariance });
    expect(edited.data.y.data[3]).toBe(0.7);
    expectClose(
      edited.at(at).mean.data,
      exact.replace(3, { x: rowRange(at, 0, 1), y: columnVector([0.7]), noiseVariance }).at(at).mean.data,
      1e-8,
    );
  });

  it("draws functions with the posterior's moments", () => {
    const few = rowRange(at, 0, 3);
    const draws = iterative.sample(key(3), 150).map((f) => f.at(few).data);
    const { mean, variance } = exact.at(few);
    for (let i = 0; i < 3; i++) {
      const average = draws.reduce((sum, d) => sum + d[i]! / draws.length, 0);
      const deviation = Math.sqrt(variance.data[i]!);
      // Five standard errors of a mean, and of a variance, from 150 draws.
      expect(Math.abs(average - mean.data[i]!)).toBeLessThan((5 * deviation) / Math.sqrt(150));
      const square = draws.reduce((sum, d) => sum + (d[i]! - mean.data[i]!) ** 2 / draws.length, 0);
      expect(Math.abs(square / deviation ** 2 - 1)).toBeLessThan(0.58);
    }
  });

  it("refuses options that are none", () => {
    const make = (options: object) => () => runSync(conditionIteratively(prior, data, options));
    expect(make({ rank: -1 })).toThrow(/rank should be a whole number/);
    expect(make({ tolerance: 2 })).toThrow(/between 0 and 1/);
    expect(() => runSync(conditionIteratively(prior, data, { varianceSize: 0 })).at(at).variance).toThrow(
      /varianceSize/,
    );
  });
});

describe("the evidence by probes", () => {
  const variances = new Float64Array(n).fill(noiseVariance);
  it("is the exact one within its standard error", () => {
    const { value, standardError } = runSync(
      conditionIteratively(prior, data, { ...tight, probes: 64 }),
    ).evidence();
    expect(Math.abs(value - exact.logEvidence)).toBeLessThan(4 * standardError + 1e-6);
    expect(standardError).toBeLessThan(2);
  });

  it("has the exact gradient on average", () => {
    const system = kernelSystem(kernel, x, variances, { rank: 60, tolerance: 1e-10 });
    const slopes = Array.from({ length: 20 }, (_, s) =>
      stochasticGradient(system, runSync(solveProbed(system, y.data, key(s), 32, "test"))),
    );
    const vector = toVector(kernel.parameters);
    const h = 1e-5;
    const evidence = (v: Float64Array, s = noiseVariance) =>
      gp(kernel.with(fromVector(v, kernel.parameters))).condition({ x, y, noiseVariance: s }).logEvidence;
    const expected = [
      ...vector.map((_, i) => {
        const moved = (d: number) => evidence(vector.map((v, j) => (i === j ? v + d : v)));
        return (moved(h) - moved(-h)) / (2 * h);
      }),
      (evidence(vector, noiseVariance + h) - evidence(vector, noiseVariance - h)) / (2 * h),
    ];
    const found = slopes.map((s) => [...gradientVector(kernel.parameters, s.kernel), s.noiseVariance]);
    expected.forEach((truth, i) => {
      const values = found.map((f) => f[i]!);
      const mean = values.reduce((a, b) => a + b) / values.length;
      const error = Math.sqrt(
        values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1) / values.length,
      );
      expect(Math.abs(mean - truth)).toBeLessThan(4 * error + 1e-4);
    });
  });

  it("fits as the exact evidence does", () => {
    const free = matern52({ ard: 2 });
    const found = runSync(
      fitIteratively(free, { x, y }, { startRows: 60, starts: 1, rank: 30, steps: 40, stepTolerance: 1e-4 }),
    );
    const truth = gp(found.kernel, { mean: found.mean, inputs: 2 }).condition({
      x,
      y,
      noiseVariance: found.noiseVariance,
    });
    const start = runSync(fitIteratively(free, { x, y }, { startRows: 60, starts: 1, rank: 30, steps: 0 }));
    const begun = gp(start.kernel, { mean: start.mean, inputs: 2 }).condition({
      x,
      y,
      noiseVariance: start.noiseVariance,
    });
    expect(truth.logEvidence).toBeGreaterThan(begun.logEvidence);
    expect(Math.abs(found.evidence.value - truth.logEvidence)).toBeLessThan(
      4 * found.evidence.standardError + 0.1,
    );
    expect(found.report.iterations).toBe(40);
  });
});

describe("selection", () => {
  it("finds the largest scores, ties and all", () => {
    const scores = Float64Array.from(randomMatrix(200, 1, "scores").data, (v) => Math.round(3 * v));
    for (const count of [1, 7, 199, 200]) {
      const taken = Array.from(largestOf(scores, count), (i) => scores[i]!).sort((a, b) => b - a);
      expect(taken).toEqual(
        Array.from(scores)
          .sort((a, b) => b - a)
          .slice(0, count),
      );
    }
  });
});
