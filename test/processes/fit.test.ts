import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../../src/errors/index.ts";
import {
  affine,
  coregion,
  fix,
  type Kernel,
  linear,
  logPrior,
  matern52,
  on,
  partOf,
  periodic,
  product,
  rbf,
  sum,
  tie,
  white,
  withPrior,
} from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { modelParameters, reach } from "../../src/processes/fit/model.ts";
import { objectiveNamed } from "../../src/processes/fit/objectives.ts";
import { startModel } from "../../src/processes/fit/starts.ts";
import { target } from "../../src/processes/fit/target.ts";
import {
  constantMean,
  fit,
  gp,
  linearMean,
  logEvidence,
  logLeaveOneOut,
  meanOf,
  type ObjectiveName,
  zeroMean,
} from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { run, runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("gp");
const [x, y] = [rows(g.x), columnVector(g.y)];
const two = matrix(12, 2, randomMatrix(12, 2, "two").data);

/** Coregionalised values at 6 points: outputs by the last column. */
const tasked = matrix(
  12,
  3,
  x.data.map((v, k) => (k % 3 === 2 ? Math.floor(k / 3) % 2 : v)),
);

const cases: readonly {
  name: string;
  kernel: Kernel;
  mean?: Parameters<typeof meanOf>[0];
  x?: typeof x;
}[] = [
  { name: "ARD RBF with a constant mean", kernel: rbf({ ard: 3 }), mean: constantMean(3) },
  {
    name: "a sum of products with a linear mean",
    kernel: sum(product(rbf(), on(periodic(), [0])), linear({ ard: 3 }), white()),
    mean: linearMean(3),
  },
  {
    name: "priors of three kinds and a tie",
    kernel: tie(
      withPrior(
        withPrior(sum(rbf(), matern52()), "*.variance", { kind: "gamma", shape: 2, rate: 3 }),
        "0.lengthscale",
        { kind: "log-normal", mean: 0.3, deviation: 0.7 },
      ),
      "0.variance",
      "1.variance",
    ),
    mean: withPrior(affine(matrix(1, 3), new Float64Array(1)), "*", {
      kind: "normal",
      mean: 0.1,
      deviation: 2,
    }),
  },
  {
    name: "two outputs by coregionalisation",
    kernel: product(on(rbf({ ard: 2 }), [0, 1]), on(coregion({ levels: 2 }), [2])),
    x: tasked,
  },
];

describe("objectives have the gradients of finite differences", () => {
  for (const { name, kernel, mean = zeroMean(3), x: points = x } of cases) {
    it.each(["evidence", "leave-one-out"] as ObjectiveName[])(`${name}: %s`, (objective) => {
      const start = startModel(kernel, meanOf(mean), points, y, {
        prior: { kind: "log-normal", mean: -2, deviation: 1 },
      });
      const scales = reach(start, points, 1, key(3));
      for (const weakPrior of [undefined, 2]) {
        const options = weakPrior === undefined ? { reach: scales } : { reach: scales, weakPrior };
        const on = target(start, objectiveNamed(objective), { x: points, y }, options);
        const w = Float64Array.from(scales, (_, i) => 0.3 * Math.sin(i + 1));
        const { gradient } = on.at(w);
        const numeric = w.map((_, i) => {
          const h = 1e-5;
          const at = (s: number) => on.at(w.map((v, j) => (i === j ? v + s * h : v))).value;
          return (at(1) - at(-1)) / (2 * h);
        });
        // Central differences err by about h² and by rounding / h: 1e-10 and 1e-9 of values of some tens.
        expectClose(gradient, numeric, 2e-8);
      }
    });
  }

  it("leave out all outputs of a point together", () => {
    const kernel = rbf({ lengthscale: 0.8 });
    const both: Kernel = doubled(kernel);
    const values = matrix(12, 2, randomMatrix(12, 2, "values").data);
    const one = (c: number) =>
      logLeaveOneOut(kernel, 0.1, x, columnVector(values.data.filter((_, k) => k % 2 === c)));
    const [a, b, all] = [one(0), one(1), logLeaveOneOut(both, 0.1, x, values)];
    // Two outputs that know nothing of each other: the densities multiply.
    expect(all.value).toBeCloseTo(a.value + b.value, 10);
    expectClose(
      all.gradient,
      a.gradient.map((v, i) => v + b.gradient[i]!),
      1e-11,
    );
  });
});

/** A kernel of two outputs, independent and alike. */
function doubled(kernel: Kernel): Kernel {
  const spread = (k: { rows: number; cols: number; data: Float64Array }) => {
    const out = matrix(2 * k.rows, 2 * k.cols);
    for (let i = 0; i < k.rows; i++) {
      for (let j = 0; j < k.cols; j++) {
        for (let p = 0; p < 2; p++) out.data[(2 * i + p) * out.cols + 2 * j + p] = k.data[i * k.cols + j]!;
      }
    }
    return out;
  };
  const { lower: _, ...rest } = kernel;
  return {
    ...rest,
    outputs: 2,
    with: (p) => doubled(kernel.with(p)),
    gram: (points) => spread(kernel.gram(points)),
    pullback(points, z, bar) {
      const own = matrix(points.rows, points.rows);
      for (let i = 0; i < points.rows; i++) {
        for (let j = 0; j < points.rows; j++) {
          for (let p = 0; p < 2; p++) {
            own.data[i * points.rows + j]! += bar.data[(2 * i + p) * bar.cols + 2 * j + p]!;
          }
        }
      }
      return kernel.pullback(points, z, own);
    },
  };
}

describe("a fit", () => {
  const [variance, l1, l2, l3, noise] = g.optimum.start;
  const found = runSync(
    fit(
      rbf({ lengthscale: [l1, l2, l3], variance }),
      { x, y },
      { mean: zeroMean(3), noiseVariance: { start: noise }, starts: 1 },
    ),
  );

  it("reaches scikit-learn's optimum from scikit-learn's start", () => {
    expect(found.logEvidence).toBeCloseTo(g.optimum.log_marginal_likelihood, 6);
    // The optimum is flat: its place is known to about the root of its value's precision.
    expectClose(found.kernel.parameters.lengthscale!.value, g.optimum.lengthscales, 5e-3);
    expect(found.kernel.parameters.variance!.value[0]! / g.optimum.variance).toBeCloseTo(1, 2);
    expect(found.noiseVariance / g.optimum.noise_variance).toBeCloseTo(1, 2);
    expect(found.report.value).toBeCloseTo(found.logEvidence, 9);
    expect(found.process.logEvidence).toBe(found.logEvidence);
  });

  it("keeps the end that predicts best, where that is asked for", () => {
    const options = { mean: zeroMean(3), starts: 6 } as const;
    const picked = runSync(fit(rbf({ ard: 3 }), { x, y }, { ...options, pick: "leave-one-out" }));
    const highest = runSync(fit(rbf({ ard: 3 }), { x, y }, options));
    expect(highest.report.value).toBe(Math.max(...highest.report.starts.map((s) => s.value)));
    const densities = picked.report.starts.map(({ parameters }) =>
      gp(picked.kernel.with(partOf(parameters, "kernel")), { mean: zeroMean(3) })
        .condition({ x, y, noiseVariance: parameters.noiseVariance!.value[0]! })
        .leaveOneOut(),
    );
    const best = Math.max(...densities.map(({ logDensity }) => logDensity));
    expect(picked.process.leaveOneOut().logDensity).toBe(best);
    expect(() => runSync(fit(rbf(), { x, y }, { pick: "evidence" as unknown as "objective" }))).toThrow(
      UsageError,
    );
  });

  it("finds a better optimum from several starts, and says that they disagree", () => {
    const several = runSync(fit(rbf({ ard: 3 }), { x, y }, { mean: zeroMean(3), starts: 6 }));
    expect(several.logEvidence).toBeGreaterThan(found.logEvidence + 0.1);
    expect(several.report.starts.some((s) => Math.abs(s.value - found.logEvidence) < 1e-3)).toBe(true);
    expect(several.report.agreeing).toBeLessThan(6);
  });

  it("maximises leave-one-out density: higher than the evidence's optimum has, and flat there", () => {
    const loo = runSync(fit(rbf({ ard: 3 }), { x, y }, { mean: zeroMean(3), objective: "leave-one-out" }));
    const reached = loo.process.leaveOneOut().logDensity;
    expect(loo.report.value).toBeCloseTo(reached, 8);
    expect(reached).toBeGreaterThan(found.process.leaveOneOut().logDensity + 0.01);
    const { value } = logLeaveOneOut(loo.kernel, loo.noiseVariance, x, y);
    expect(value).toBeCloseTo(reached, 8);
  });

  it("with priors is MAP: the slopes of evidence and prior cancel", () => {
    const kernel = withPrior(rbf(), "lengthscale", { kind: "log-normal", mean: Math.log(5), deviation: 0.1 });
    const prior = { kind: "gamma", shape: 3, rate: 30 } as const;
    const map = runSync(fit(kernel, { x, y }, { mean: zeroMean(3), noiseVariance: { prior } }));
    const { gradient } = logEvidence(map.kernel, map.noiseVariance, x, y);
    const slope = logPrior(map.kernel.parameters).gradient.lengthscale![0]!;
    const lengthscale = map.kernel.parameters.lengthscale!.value[0]!;
    // In logarithms; a search stops at slopes of 1e-4 or values alike to 1e-9.
    expect(Math.abs(gradient[0]! + lengthscale * slope)).toBeLessThan(2e-3);
    expect(Math.abs(gradient[1]!)).toBeLessThan(2e-3);
    expect(Math.abs(gradient[2]! + (prior.shape - 1) - prior.rate * map.noiseVariance)).toBeLessThan(2e-3);
    expect(lengthscale).toBeGreaterThan(
      runSync(fit(rbf(), { x, y })).kernel.parameters.lengthscale!.value[0]!,
    );
  });

  it("keeps what is fixed, and finds a mean's coefficients by generalised least squares", () => {
    const kernel = fix(rbf({ lengthscale: 1.3, variance: 0.8 }), "*");
    const fixed = runSync(fit(kernel, { x, y }, { noiseVariance: 0.3, mean: linearMean(3) }));
    expect(fixed.noiseVariance).toBe(0.3);
    expect(fixed.kernel.parameters.lengthscale!.value[0]).toBe(1.3);
    // At the optimum Φᵀ K⁻¹ (y − Φ β) = 0 for the columns Φ = (1, x).
    const { alpha } = residualSolve(fixed.process.prior, 0.3);
    for (let c = 0; c < 4; c++) {
      let sum = 0;
      for (let i = 0; i < 12; i++) sum += alpha[i]! * (c === 3 ? 1 : x.data[3 * i + c]!);
      expect(Math.abs(sum)).toBeLessThan(5e-4);
    }
  });

  it("is the same in other units", () => {
    const [inUnit, outUnit] = [1e-6, 4e6];
    const there = runSync(
      fit(rbf({ ard: 3 }), {
        x: { ...x, data: x.data.map((v) => inUnit * v) },
        y: { ...y, data: y.data.map((v) => outUnit * (v + 7)) },
      }),
    );
    const here = runSync(fit(rbf({ ard: 3 }), { x, y }));
    expect(there.logEvidence + 12 * Math.log(outUnit)).toBeCloseTo(here.logEvidence, 4);
    expectClose(
      there.kernel.parameters.lengthscale!.value.map((v) => v / inUnit),
      here.kernel.parameters.lengthscale!.value,
      2e-2,
    );
    expect(Math.sqrt(there.noiseVariance) / outUnit).toBeCloseTo(Math.sqrt(here.noiseVariance), 2);
  });

  it("finds its way from lengthscales far too short and far too long", () => {
    for (const lengthscale of [1e-6, 1e6]) {
      const far = runSync(
        fit(rbf({ lengthscale: [lengthscale, lengthscale, lengthscale] }), { x, y }, { mean: zeroMean(3) }),
      );
      expect(far.logEvidence).toBeGreaterThan(found.logEvidence - 1e-3);
    }
  });

  it("reports progress and can be stopped", async () => {
    const stages: string[] = [];
    await run(fit(rbf(), { x, y }, { starts: 2 }), { onProgress: (p) => stages.push(p.stage) });
    expect(new Set(stages)).toEqual(new Set(["fit: start 1 of 2", "fit: start 2 of 2"]));
    const stop = new AbortController();
    const work = run(fit(rbf(), { x, y }), { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(work).rejects.toThrow("abort");
  });

  it("refuses what it cannot use", () => {
    expect(() => runSync(fit(rbf({ ard: 2 }), { x, y }))).toThrow(ShapeError);
    expect(() => runSync(fit(rbf(), { x, y: two }))).toThrow(ShapeError);
    expect(() => runSync(fit(rbf(), { x, y }, { starts: 0 }))).toThrow(UsageError);
    expect(() => runSync(fit(rbf(), { x, y }, { noiseVariance: -1 }))).toThrow(UsageError);
    expect(() => runSync(fit(rbf(), { x, y }, { mean: zeroMean(2) }))).toThrow("maps 2 inputs");
    expect(() => runSync(fit(rbf(), { x, y }, { objective: "likelihood" as ObjectiveName }))).toThrow(
      'evidence or leave-one-out, got "likelihood"',
    );
  });

  it("names parameters by kernel, mean and noise", () => {
    const names = Object.keys(modelParameters(startModel(rbf(), constantMean(3), x, y, {})));
    expect(names).toEqual(["kernel.lengthscale", "kernel.variance", "mean.value", "noiseVariance"]);
  });
});

/** (K + noise)⁻¹ (y − mean), by the posterior's leave-one-out residuals: α_i = residual_i / variance_i. */
function residualSolve(prior: ReturnType<typeof gp>, noiseVariance: number): { alpha: Float64Array } {
  const loo = gp(prior.kernel, { mean: prior.mean }).condition({ x, y, noiseVariance }).leaveOneOut();
  return { alpha: loo.residual.data.map((v, i) => v / loo.variance.data[i]!) };
}
