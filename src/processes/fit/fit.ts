import { NotPositiveDefiniteError, UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { type Fn, lbfgsSteps, type Matrix } from "../../linalg/index.ts";
import { key, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { ExactPosterior } from "../exact.ts";
import { columnMeans, constantMean, type Mean, meanOf } from "../means.ts";
import { type GaussianProcess, gp } from "../prior.ts";
import { expectFitData, type FitData } from "./data.ts";
import { type Model, modelParameters, noiseOf, reach } from "./model.ts";
import { type ObjectiveName, objectiveNamed } from "./objectives.ts";
import { type FitReport, fitReport, type StartReport } from "./report.ts";
import { type NoiseOptions, otherStart, startModel, targetVariance, typical } from "./starts.ts";
import { target } from "./target.ts";

export interface FitOptions {
  /** Any function; a constant, fitted, unless given. Parameters of a learnable one are fitted with the kernel's. */
  readonly mean?: Fn;
  /** A number fixes the noise variance (in squared units of y); fitted unless given. */
  readonly noiseVariance?: number | NoiseOptions;
  /** What is made largest, plus the log density of the parameters' priors where they have any. "evidence" unless given. */
  readonly objective?: ObjectiveName;
  /**
   * Searches, each from its own start: the first from the parameters as given, unset ones scaled to the data, the
   * others around the data's scales. 3 unless given.
   */
  readonly starts?: number;
  /**
   * Which of the starts' ends is kept: the one with the best objective, or the one that predicts each point from all
   * others best. They part ways where no setting of the kernel describes the data well. "objective" unless given.
   */
  readonly pick?: "objective" | "leave-one-out";
  /** Of the starts. 0 unless given. */
  readonly seed?: number;
  /** Of each search. 200 unless given. */
  readonly maxIterations?: number;
  /** Names of the input columns, for the warnings of the report. */
  readonly columns?: readonly string[];
}

/** A Gaussian process whose parameters were fitted to data, and its posterior given them. */
export interface Fit {
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** In squared units of y. */
  readonly noiseVariance: number;
  readonly prior: GaussianProcess;
  readonly process: ExactPosterior;
  /** log p(y), in nats, whatever the objective was. */
  readonly logEvidence: number;
  readonly report: FitReport;
}

/**
 * Fits kernel, mean and noise to data by L-BFGS with analytic gradients from several starts. With priors on parameters
 * this is MAP, over the parameters' own values. Yields one progress report an iteration. Throws ShapeError,
 * NonFiniteError or UsageError for data that do not fit, NotPositiveDefiniteError when no start can be evaluated.
 */
export function* fit(kernel: Kernel, data: FitData, options: FitOptions = {}): Task<Fit> {
  const { starts = 3, seed = 0, maxIterations = 200, objective = "evidence", noiseVariance = {} } = options;
  const { pick = "objective" } = options;
  const { x, y } = data;
  expectFitData("fit", kernel, data, options);
  if (!(Number.isInteger(starts) && starts >= 1)) {
    throw new UsageError(`starts should be a whole number from 1, got ${starts}`);
  }
  if (pick !== "objective" && pick !== "leave-one-out") {
    throw new UsageError(`pick is "objective" or "leave-one-out", got "${pick}"`);
  }
  const compute = objectiveNamed(objective);
  const mean = options.mean ? meanOf(options.mean) : constantMean(x.cols, columnMeans(y));
  const first = startModel(kernel, mean, x, y, noiseVariance);
  const root = key(seed);
  const spread = Math.sqrt(targetVariance(y));
  const scales = reach(first, x, spread, split(root, "reach"));
  const on = target(first, compute, data, { reach: scales });
  const around = typical(first, x, y);
  const models: Model[] = [];
  const found: StartReport[] = [];
  let evaluations = 0;
  const objectiveOf = (w: Float64Array) => {
    evaluations++;
    const { value, gradient } = on.at(w);
    return { value: -value, gradient: gradient.map((g) => -g) };
  };
  // Targets that the mean explains to the last digit leave nothing to choose a kernel by.
  const nothing = isExplained(first, x, y);
  const count = nothing ? 1 : starts;
  for (let start = 0; start < count; start++) {
    const from = start === 0 ? first : otherStart(around, scales, start, split(root, "starts"));
    const at = on.coordinates(from);
    if (nothing || at.length === 0 || !Number.isFinite(on.at(at).value)) {
      const { value } = on.at(at);
      models.push(from);
      const parameters = modelParameters(from);
      found.push({ value, iterations: 0, converged: nothing || at.length === 0, slope: 0, parameters });
      continue;
    }
    const search = lbfgsSteps(objectiveOf, at, {
      maxIterations,
      gradientTolerance: 1e-4,
      valueTolerance: 1e-9,
    });
    let step = search.next();
    while (!step.done) {
      const { iterations, value } = step.value;
      yield {
        stage: count > 1 ? `fit: start ${start + 1} of ${count}` : "fit",
        done: start * maxIterations + iterations,
        total: count * maxIterations,
        metrics: { [objective === "evidence" ? "logEvidence" : "leaveOneOut"]: -value },
      };
      step = search.next();
    }
    const reached = on.model(step.value.x);
    models.push(reached);
    found.push({
      value: -step.value.value,
      iterations: step.value.iterations,
      converged: step.value.converged,
      slope: step.value.gradient.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
      parameters: modelParameters(reached),
    });
  }
  const values = found.map((f) => f.value);
  const best = values.indexOf(Math.max(...values));
  if (!Number.isFinite(values[best]!)) {
    throw new NotPositiveDefiniteError(
      `none of ${starts} starts gives a covariance that can be factored: look for a noise variance fixed near zero or parameters far from the data's scale`,
      { pivot: 0, jitterTried: 0 },
    );
  }
  const posterior = (model: Model) => {
    const prior = gp(model.kernel, { mean: model.mean, inputs: x.cols });
    return { prior, process: prior.condition({ x, y, noiseVariance: noiseOf(model) }) };
  };
  const scores = values.map((value, i) =>
    pick === "objective" || value === -Infinity
      ? value
      : posterior(models[i]!).process.leaveOneOut().logDensity,
  );
  const chosen = scores.indexOf(Math.max(...scores));
  const model = models[chosen]!;
  const { prior, process } = posterior(model);
  return {
    kernel: model.kernel,
    mean: model.mean,
    noiseVariance: noiseOf(model),
    prior,
    process,
    logEvidence: process.logEvidence,
    report: fitReport({
      objective,
      model,
      around,
      x,
      y,
      starts: found,
      chosen,
      models,
      evaluations,
      nothing,
      jitter: process.report.jitter,
      columns: options.columns,
    }),
  };
}

function isExplained({ mean }: Model, x: Matrix, y: Matrix): boolean {
  const expected = mean.at(x).data;
  const scale = Math.sqrt(targetVariance(y));
  return y.data.every((v, i) => Math.abs(v - expected[i]!) <= 1e-10 * scale);
}
