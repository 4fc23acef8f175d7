import { NotPositiveDefiniteError, UsageError } from "../../errors/index.ts";
import { type Kernel, type Parameters, toVector } from "../../kernels/index.ts";
import { type Fn, lbfgs } from "../../linalg/index.ts";
import { key, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { columnMeans, constantMean, meanOf } from "../means.ts";
import { type MixtureProcess, mixture } from "../mixture.ts";
import { gp } from "../prior.ts";
import { expectFitData, type FitData } from "./data.ts";
import { type Model, modelParameters, noiseOf, reach } from "./model.ts";
import { nuts } from "./nuts.ts";
import { objectiveNamed } from "./objectives.ts";
import { digits } from "./report.ts";
import { type NoiseOptions, startModel, targetVariance } from "./starts.ts";
import { target } from "./target.ts";

export interface BayesianOptions {
  /** Any function; a constant, sampled with the rest, unless given. */
  readonly mean?: Fn;
  /** A number fixes the noise variance (in squared units of y); sampled unless given. */
  readonly noiseVariance?: number | NoiseOptions;
  /** Draws thrown away while the sampler finds its step. 200 unless given. */
  readonly warmup?: number;
  /** Draws kept. 400 unless given. */
  readonly draws?: number;
  /** Posteriors in the mixture: as many draws, evenly spaced, each with a factor of its own (n² numbers). 40 unless given. */
  readonly components?: number;
  /** 0 unless given. */
  readonly seed?: number;
}

/** What is believed of a function when its parameters are not known but believed too. */
export interface BayesianFit {
  readonly process: MixtureProcess;
  /** Every kept draw of all parameters: "kernel.…", "mean.…", "noiseVariance". */
  readonly draws: readonly Parameters[];
  readonly report: SamplingReport;
}

export interface SamplingReport {
  readonly stepSize: number;
  /** Average acceptance probability. */
  readonly acceptance: number;
  readonly divergences: number;
  /** Draws that the least well-mixed coordinate is worth, by its autocorrelations. */
  readonly effectiveDraws: number;
  /** Values with gradients. */
  readonly evaluations: number;
  readonly warnings: readonly string[];
}

// In the logarithms of positive parameters a factor of 7 either way; in others twice what moves the data by themselves.
const weakPrior = 2;

/**
 * Full Bayesian inference of kernel, mean and noise by the No-U-Turn sampler: a mixture of the posteriors of its draws.
 * Parameters without a prior of their own are given a weak one about their starting values (those of `fit`): normal in
 * the coordinates of the search, log-normal for positive ones, with a standard deviation of 2, a factor of 7.
 */
export function* fitBayesian(
  kernel: Kernel,
  data: FitData,
  options: BayesianOptions = {},
): Task<BayesianFit> {
  const { warmup = 200, draws = 400, components = 40, seed = 0, noiseVariance = {} } = options;
  const { x, y } = data;
  expectFitData("fitBayesian", kernel, data, options);
  for (const [name, count, least] of [
    ["warmup", warmup, 10],
    ["draws", draws, 1],
    ["components", components, 1],
  ] as const) {
    if (!(Number.isInteger(count) && count >= least)) {
      throw new UsageError(`${name} should be a whole number from ${least}, got ${count}`);
    }
  }
  const root = key(seed);
  const mean = options.mean ? meanOf(options.mean) : constantMean(x.cols, columnMeans(y));
  const first = startModel(kernel, mean, x, y, noiseVariance);
  const scales = reach(first, x, Math.sqrt(targetVariance(y)), split(root, "reach"));
  const on = target(first, objectiveNamed("evidence"), data, { reach: scales, weakPrior });
  const begin = on.coordinates(first);
  if (begin.length === 0)
    throw new UsageError("fitBayesian: every parameter is fixed, nothing is left to sample");
  if (!Number.isFinite(on.at(begin).value)) {
    throw new NotPositiveDefiniteError(
      "the starting parameters give no covariance that can be factored: look for a noise variance fixed near zero",
      { pivot: 0, jitterTried: 0 },
    );
  }
  const top = lbfgs(
    (w) => {
      const { value, gradient } = on.at(w);
      return { value: -value, gradient: gradient.map((g) => -g) };
    },
    begin,
    { maxIterations: 50, gradientTolerance: 0.05, valueTolerance: 1e-6 },
  );
  const chain = nuts(on.at, top.x, { warmup, draws, key: split(root, "nuts") });
  let step = chain.next();
  while (!step.done) {
    const { done, value } = step.value;
    yield {
      stage: done <= warmup ? "sample: warm-up" : "sample",
      done,
      total: warmup + draws,
      metrics: { logDensity: value },
    };
    step = chain.next();
  }
  const found = step.value;
  const models: readonly Model[] = found.draws.map(on.model);
  const count = Math.min(components, draws);
  const posteriors = Array.from({ length: count }, (_, c) => {
    const model = models[Math.floor(((c + 0.5) * draws) / count)]!;
    const prior = gp(model.kernel, { mean: model.mean, inputs: x.cols });
    return prior.condition({ x, y, noiseVariance: noiseOf(model) });
  });
  const effectiveDraws = Math.min(
    ...toVector(modelParameters(first)).map((_, i) => effective(found.draws.map((d) => d[i]!))),
  );
  const { stepSize, acceptance, divergences, evaluations } = found;
  const warnings = [
    ...(divergences > 0
      ? [
          `${divergences} of ${draws} trajectories diverged: the posterior has corners the sampler cuts; give priors that keep parameters from extremes`,
        ]
      : []),
    ...(effectiveDraws < 50
      ? [`the draws are worth ${digits(effectiveDraws)} independent ones: ask for more, or give priors`]
      : []),
  ];
  return {
    process: mixture(posteriors),
    draws: models.map(modelParameters),
    report: { stepSize, acceptance, divergences, effectiveDraws, evaluations, warnings },
  };
}

/** n / (1 + 2 Σ ρ_t) over Geyer's initial positive sequence (Geyer 1992, section 3.3). */
function effective(values: readonly number[]): number {
  const n = values.length;
  const mean = values.reduce((sum, v) => sum + v / n, 0);
  const lag = (t: number) => {
    let sum = 0;
    for (let i = 0; i + t < n; i++) sum += (values[i]! - mean) * (values[i + t]! - mean);
    return sum / n;
  };
  const variance = lag(0);
  if (variance === 0) return 1;
  let total = -1;
  for (let t = 0; t + 1 < n; t += 2) {
    const pair = (lag(t) + lag(t + 1)) / variance;
    if (pair <= 0) break;
    total += 2 * pair;
  }
  return Math.min(n, n / Math.max(total, 1 / n));
}
