import { NotConvergedError, UsageError } from "../../errors/index.ts";
import { defaultsFromData, independent, isIndependent, type Kernel, repeated } from "../../kernels/index.ts";
import { type Fn, lbfgsSteps, type Matrix, matrix, subtract } from "../../linalg/index.ts";
import { key, normal, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import { columnMeans, constantMean, type Mean, meanOf, zeroMean } from "../means.ts";
import { targetVariance } from "../target-variance.ts";
import { type AmplitudePrior, expectAmplitude } from "./amplitude-prior.ts";
import type { LikelihoodModel } from "./approximation.ts";
import { evidenceSearch, latentReach } from "./evidence-search.ts";
import {
  conditionLatent,
  expectLatentData,
  type LatentData,
  type LatentMethodName,
  type LikelihoodPosterior,
  latentMethod,
} from "./likelihood-posterior.ts";

export interface LikelihoodFitOptions {
  /** "laplace" unless given. */
  readonly method?: LatentMethodName;
  /**
   * Of the latents. Unless given 0 for classes (their logits have no scale to be away from), a fitted constant for
   * numbers.
   */
  readonly mean?: Fn;
  /**
   * What is expected of the latents' variance, or "flat". Unless given, of classes a variance of 4 within a factor of e
   * or so: labels that the inputs tell apart do not say how sure to be, and the evidence of a wrong approximation does.
   */
  readonly amplitude?: AmplitudePrior | "flat";
  /** Searches: the first from the data's scales, the others around it. 2 unless given. */
  readonly starts?: number;
  /** Of the starts. 0 unless given. */
  readonly seed?: number;
  /** Of each search. 100 unless given. */
  readonly maxIterations?: number;
}

const ofClasses: AmplitudePrior = { variance: 4, logDeviation: 1 };

/** Latent functions fitted to observations of any likelihood, and their posterior. */
export interface LikelihoodFit extends LikelihoodModel {
  readonly process: LikelihoodPosterior;
  /** See `LikelihoodPosterior.logEvidence`. */
  readonly logEvidence: number;
  readonly report: {
    /** What each search reached, in nats, and how. */
    readonly starts: readonly {
      readonly value: number;
      readonly iterations: number;
      readonly converged: boolean;
    }[];
    /** Searches that ended within 0.01 nats of the best. */
    readonly agreeing: number;
    readonly evaluations: number;
  };
}

/**
 * Fits kernel, mean and likelihood to observations by the (approximate) evidence, by L-BFGS with analytic gradients. A
 * kernel of one output serves every latent of a likelihood with several; latents that mean different things get copies
 * with parameters of their own. Yields one progress report an iteration. Throws ShapeError, NonFiniteError or UsageError
 * for data that do not fit, NotConvergedError when no start can be evaluated.
 */
export function* fitLikelihood(
  kernel: Kernel,
  data: LatentData,
  likelihood: Likelihood,
  options: LikelihoodFitOptions = {},
): Task<LikelihoodFit> {
  const { method = "laplace", starts = 2, seed = 0, maxIterations = 100 } = options;
  if (!(Number.isInteger(starts) && starts >= 1)) {
    throw new UsageError(`starts should be a whole number from 1, got ${starts}`);
  }
  const { x, y } = data;
  const first = startingModel(kernel, data, likelihood, options.mean);
  const root = key(seed);
  const spread = Math.sqrt(targetVariance(first.likelihood.guess(y)));
  const prior = amplitudeFor(first.likelihood, options.amplitude);
  const steps = latentReach(first, x, spread, split(root, "reach"));
  const on = evidenceSearch(first, data, latentMethod(method), steps, prior);
  const found: { at: Float64Array; value: number; iterations: number; converged: boolean }[] = [];
  for (let start = 0; start < starts; start++) {
    const from =
      start === 0
        ? new Float64Array(on.length)
        : normal(split(split(root, "starts"), start), on.length).map((z) => 0.8 * z);
    if (!Number.isFinite(on.negative(from).value)) {
      found.push({ at: from, value: -Infinity, iterations: 0, converged: false });
      continue;
    }
    const search = lbfgsSteps(on.negative, from, {
      maxIterations,
      gradientTolerance: 1e-4,
      valueTolerance: 1e-9,
    });
    let step = search.next();
    while (!step.done) {
      const { iterations, value } = step.value;
      yield {
        stage: starts > 1 ? `fit: start ${start + 1} of ${starts}` : "fit",
        done: start * maxIterations + iterations,
        total: starts * maxIterations,
        metrics: { logEvidence: -value },
      };
      step = search.next();
    }
    const { x: at, value, iterations, converged } = step.value;
    found.push({ at, value: -value, iterations, converged });
  }
  const best = found.reduce((a, b) => (b.value > a.value ? b : a));
  if (!Number.isFinite(best.value)) {
    throw new NotConvergedError(
      `none of ${starts} start(s) could be evaluated with the ${likelihood.name} likelihood: look for targets or inputs far from the parameters' scale`,
    );
  }
  const model = on.model(best.at);
  const process = conditionLatent(model, data, method);
  return {
    ...model,
    process,
    logEvidence: process.logEvidence,
    report: {
      starts: found.map(({ value, iterations, converged }) => ({ value, iterations, converged })),
      agreeing: found.filter(({ value }) => value > best.value - 0.01).length,
      evaluations: on.evaluations(),
    },
  };
}

function amplitudeFor(
  likelihood: Likelihood,
  given: LikelihoodFitOptions["amplitude"],
): AmplitudePrior | undefined {
  if (given === "flat" || (given === undefined && !isOfClasses(likelihood))) return undefined;
  const amplitude = given ?? ofClasses;
  expectAmplitude(amplitude);
  return amplitude;
}

/** Kernel, mean and likelihood scaled to the data where nobody chose. */
function startingModel(
  kernel: Kernel,
  data: LatentData,
  likelihood: Likelihood,
  mean: Fn | undefined,
): LikelihoodModel {
  const { x, y } = data;
  const { latents } = likelihood;
  const own = forLatents(kernel, likelihood);
  const blank = { kernel: own, likelihood, mean: mean ? meanOf(mean) : zeroMean(x.cols, latents) };
  expectLatentData(blank, data);
  const placed = likelihood.startAt?.(y) ?? likelihood;
  const guess = placed.guess(y);
  const centre = columnMeans(guess);
  const start: Mean = mean
    ? (meanOf(mean).startAt?.(x, guess) ?? meanOf(mean))
    : isOfClasses(placed)
      ? zeroMean(x.cols, latents)
      : constantMean(x.cols, centre);
  return {
    kernel: startOf(own, likelihood, x, subtract(guess, start.at(x))),
    mean: start,
    likelihood: placed,
  };
}

/** A likelihood says by its predictions what it gives. */
function isOfClasses(likelihood: Likelihood): boolean {
  const one = (v: number) => matrix(1, likelihood.latents, new Float64Array(likelihood.latents).fill(v));
  return likelihood.predictive(one(0), one(1)).kind === "classes";
}

/** Each latent's own kernel scaled to its own guesses. */
function startOf(kernel: Kernel, likelihood: Likelihood, x: Matrix, residual: Matrix): Kernel {
  if (!isIndependent(kernel) || !likelihood.latentsDiffer) return defaultsFromData(kernel, x, residual);
  return independent(
    kernel.each.map((k, p) => {
      const column = residual.data.filter((_, i) => i % residual.cols === p);
      return defaultsFromData(k, x, { rows: column.length, cols: 1, data: column });
    }),
  );
}

/** A kernel with an output for each latent. */
export function forLatents(kernel: Kernel, { latents, latentsDiffer }: Likelihood): Kernel {
  if (latents === 1 || kernel.outputs !== 1) return kernel;
  return latentsDiffer
    ? independent(Array.from({ length: latents }, () => kernel))
    : repeated(kernel, latents);
}
