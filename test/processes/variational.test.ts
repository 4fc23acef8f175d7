import { describe, expect, it } from "vitest";
import {
  fromVector,
  gradientVector,
  joinParts,
  type Kernel,
  matern52,
  partOf,
  toVector,
} from "../../src/kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  conditionSparsely,
  constantMean,
  fitVariational,
  gp,
  likelihoods,
} from "../../src/processes/index.ts";
import { collapsedSlopes } from "../../src/processes/sparse/collapsed.ts";
import { inducingFactor } from "../../src/processes/sparse/inducing.ts";
import {
  naturalStep,
  type VariationalModel,
  variationalBound,
  variationalSlopes,
  whitePrior,
} from "../../src/processes/sparse/variational-bound.ts";
import { variationalPosterior } from "../../src/processes/sparse/variational-posterior.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const n = 120;
const x = randomMatrix(n, 2, "x");
const noise = randomMatrix(n, 1, "noise").data;
const y = columnVector(Array.from({ length: n }, (_, i) => Math.sin(2 * x.data[2 * i]!) + 0.3 * noise[i]!));
const kernel = matern52({ lengthscale: [0.9, 1.4], variance: 1.3 });
const noiseVariance = 0.1;
const inducing = randomMatrix(10, 2, "inducing");
const at = randomMatrix(20, 2, "at");

const modelOf = (k: Kernel, likelihood: likelihoods.Likelihood, z: Matrix): VariationalModel => ({
  kernel: k,
  mean: constantMean(2, new Float64Array(likelihood.latents).fill(0.2)),
  likelihood,
  inducing: z,
  factor: inducingFactor(k, z, 0),
  latents: Array.from({ length: likelihood.latents }, () => whitePrior(z.rows)),
});

function stepped(model: VariationalModel, targets: Matrix, rate: number): VariationalModel {
  const { latents } = variationalSlopes(model, x, targets, 1, false);
  return { ...model, latents: model.latents.map((q, l) => naturalStep(q, latents[l]!, rate)) };
}

describe("the variational bound", () => {
  it("is the collapsed one after one natural step of 1 under Gaussian noise, as is the posterior", () => {
    const best = stepped(modelOf(kernel, likelihoods.gaussian(noiseVariance), inducing), y, 1);
    const prior = gp(kernel, { mean: best.mean, inputs: 2 });
    const data = { x, y, noiseVariance };
    const collapsed = conditionSparsely(prior, data, { inducing });
    const bound = variationalBound(best, x, y);
    expect(bound).toBeCloseTo(collapsed.logEvidence, 6);
    expect(variationalSlopes(best, x, y, 1, false).value).toBeCloseTo(bound, 8);
    expect(bound).toBeLessThan(prior.condition(data).logEvidence);
    const process = variationalPosterior(best, bound);
    expectClose(process.at(at).mean.data, collapsed.at(at).mean.data, 1e-9);
    expectClose(process.at(at).covariance.data, collapsed.at(at).covariance.data, 1e-9);
    // The optimum: another step stays.
    expect(variationalBound(stepped(best, y, 0.7), x, y)).toBeCloseTo(bound, 8);
    // Any other q is below it.
    expect(
      variationalBound(stepped(modelOf(kernel, likelihoods.gaussian(noiseVariance), inducing), y, 0.5), x, y),
    ).toBeLessThan(bound);
  });

  it("equals the exact evidence where the inducing points are the data", () => {
    const best = stepped(modelOf(kernel, likelihoods.gaussian(noiseVariance), { ...x }), y, 1);
    const exact = gp(kernel, { mean: best.mean, inputs: 2 }).condition({ x, y, noiseVariance });
    expect(variationalBound(best, x, y)).toBeCloseTo(exact.logEvidence, 6);
  });

  const counts = columnVector(Array.from(y.data, (v) => Math.max(0, Math.round(2 + 2 * v))));
  const classes = columnVector(Array.from(y.data, (v) => (v > 0.5 ? 2 : v > -0.3 ? 1 : 0)));
  it.each([
    ["gaussian", likelihoods.gaussian(0.3), y],
    ["student-t", likelihoods.studentT(), y],
    ["bernoulli", likelihoods.bernoulli(), columnVector(Array.from(y.data, (v) => (v > 0 ? 1 : 0)))],
    ["poisson", likelihoods.poisson(), counts],
    ["softmax", likelihoods.softmax(3), classes],
  ] as const)("has the slopes of finite differences under %s", (_name, likelihood, targets) => {
    // Not the prior's q: there some slopes vanish.
    const model = stepped(modelOf(kernel, likelihood, inducing), targets, 0.3);
    const scale = 2.5;
    const found = variationalSlopes(model, x, targets, scale, true);
    const parameters = joinParts({
      kernel: model.kernel.parameters,
      mean: model.mean.parameters,
      likelihood: likelihood.parameters,
    });
    const bound = (v: Float64Array, z: Matrix) => {
      const p = fromVector(v, parameters);
      const k = model.kernel.with(partOf(p, "kernel"));
      return variationalSlopes(
        {
          ...model,
          kernel: k,
          mean: model.mean.with(partOf(p, "mean")),
          likelihood: likelihood.with(partOf(p, "likelihood")),
          inducing: z,
          factor: inducingFactor(k, z, 0),
        },
        x,
        targets,
        scale,
        false,
      ).value;
    };
    const vector = toVector(parameters);
    const h = 1e-5;
    const moved = (a: Float64Array, i: number, d: number) => a.map((v, j) => (i === j ? v + d : v));
    const ofParameters = joinParts({ kernel: found.kernel, mean: found.mean, likelihood: found.likelihood });
    expectClose(
      gradientVector(parameters, ofParameters),
      vector.map(
        (_, i) => (bound(moved(vector, i, h), inducing) - bound(moved(vector, i, -h), inducing)) / (2 * h),
      ),
      2e-6,
    );
    const at = (i: number, d: number) => bound(vector, { ...inducing, data: moved(inducing.data, i, d) });
    expectClose(
      found.inducing!.data,
      inducing.data.map((_, i) => (at(i, h) - at(i, -h)) / (2 * h)),
      2e-6,
    );
  });
});

describe("fits on batches", () => {
  it("come to the collapsed bound under Gaussian noise", () => {
    const fitted = runSync(
      fitVariational(
        kernel,
        { x, y },
        {
          inducing,
          likelihood: likelihoods.gaussian(noiseVariance),
          fitParameters: false,
          naturalRate: 1,
          steps: 2,
          batchSize: n,
        },
      ),
    );
    const prior = gp(fitted.kernel, { mean: fitted.mean, inputs: 2 });
    const collapsed = conditionSparsely(prior, { x, y, noiseVariance }, { inducing });
    // Searches put a jitter on k(Z, Z): the same for both.
    const residual = y.data.map((v) => v - fitted.mean.at(at).data[0]!);
    const searched = collapsedSlopes(fitted.kernel, inducing, noiseVariance, x, residual, false);
    expect(fitted.logEvidence).toBeCloseTo(searched.value, 6);
    expect(fitted.logEvidence).toBeLessThan(collapsed.logEvidence);
    const learnt = runSync(
      fitVariational(
        matern52({ ard: 2 }),
        { x, y },
        { inducing: 20, startRows: 60, starts: 1, steps: 150, batchSize: 40 },
      ),
    );
    expect(learnt.logEvidence).toBeGreaterThan(collapsed.logEvidence);
    expect(learnt.process.observed(at).kind).toBe("number");
  });

  it("tell three classes apart, several latents at once", () => {
    const labels = columnVector(
      Array.from({ length: n }, (_, i) => (x.data[2 * i]! > 0.5 ? 2 : x.data[2 * i]! > -0.5 ? 1 : 0)),
    );
    const likelihood = likelihoods.softmax(3);
    const { process } = runSync(
      fitVariational(matern52(), { x, y: labels }, { inducing: 20, likelihood, steps: 100, batchSize: 60 }),
    );
    const seen = process.observed(x);
    if (seen.kind !== "classes") throw new Error("classes were expected");
    let right = 0;
    for (let i = 0; i < n; i++) {
      const row = seen.probabilities.data.subarray(3 * i, 3 * i + 3);
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      if (row.indexOf(Math.max(...row)) === labels.data[i]) right++;
    }
    // Only points at a border can be mistaken.
    expect(right / n).toBeGreaterThan(0.9);
    expect(process.at(x).variance.cols).toBe(3);
    expect(Math.min(...process.at(x).variance.data)).toBeGreaterThanOrEqual(0);
    const { covariance, variance } = process.at(at);
    expectClose(
      variance.data,
      variance.data.map((_, k) => covariance.data[k * (covariance.cols + 1)]!),
      1e-10,
    );
    expect(process.logPredictive(x, labels).every((v) => v <= 0)).toBe(true);
    expect(process.sample(key(4), 2)[0]!.at(at).cols).toBe(3);
  });

  it("refuses targets that the likelihood cannot give", () => {
    const fitted = () =>
      runSync(fitVariational(kernel, { x, y }, { likelihood: likelihoods.poisson(), inducing: 5, steps: 2 }));
    expect(fitted).toThrow(/whole|count/);
    expect(() => runSync(fitVariational(kernel, { x, y: matrix(n, 1) }, { naturalRate: 2 }))).toThrow(
      /naturalRate/,
    );
  });
});
