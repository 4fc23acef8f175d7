import { NotPositiveDefiniteError } from "../../errors/index.ts";
import {
  freeParameters,
  joinParts,
  type Kernel,
  type Parameter,
  type Parameters,
} from "../../kernels/index.ts";
import { type Fn, lbfgsSteps, type Matrix, matrix, takeRows } from "../../linalg/index.ts";
import { type Key, key, permutation, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { expectFitData, type FitData } from "../fit/data.ts";
import { fit } from "../fit/fit.ts";
import { type Model, modelParameters, modelWith, noiseOf, reach } from "../fit/model.ts";
import { type NoiseOptions, startModel, targetVariance } from "../fit/starts.ts";
import { searchOf } from "../fit/target.ts";
import { columnMeans, constantMean, type Mean, meanOf } from "../means.ts";
import { type GaussianProcess, gp } from "../prior.ts";
import { collapsedSlopes } from "./collapsed.ts";
import { expectSingle, greedyInducing } from "./inducing.ts";
import { conditionSparsely, type SparsePosterior } from "./sparse-posterior.ts";

export interface FitSparseOptions {
  /** Any function; a constant, fitted, unless given. */
  readonly mean?: Fn;
  /** A number fixes the noise variance (in squared units of y); fitted unless given. */
  readonly noiseVariance?: number | NoiseOptions;
  /** How many inducing points, or where they start (m × inputs). 256 unless given. */
  readonly inducing?: number | Matrix;
  /** Whether the bound moves the inducing points too. true unless given, where the kernel can be differentiated in them. */
  readonly moveInducing?: boolean;
  /** Rows of the exact fit that the search starts from; 0 starts from the parameters as given. 1,000 unless given. */
  readonly startRows?: number;
  /** Searches of that exact fit. 3 unless given. */
  readonly starts?: number;
  /** Of the search over all data. 100 unless given. */
  readonly maxIterations?: number;
  /** 0 unless given. */
  readonly seed?: number;
}

/** A Gaussian process fitted through inducing points. */
export interface SparseFit {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly noiseVariance: number;
  readonly prior: GaussianProcess;
  readonly process: SparsePosterior;
  /** A lower bound on log p(y), in nats. */
  readonly logEvidence: number;
  readonly report: LargeFitReport;
}

/** How a fit to many points went. */
export interface LargeFitReport {
  /** log p(y), or what bounds or estimates it, at the end, in nats. */
  readonly value: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly warnings: readonly string[];
}

/**
 * Fits kernel, mean, noise and inducing points by the collapsed bound (Titsias 2009), by L-BFGS: from the parameters of
 * an exact fit to some rows, and the greedy inducing points of those. Throws like `fit`, and UsageError for kernels of
 * several outputs.
 */
export function* fitSparse(kernel: Kernel, data: FitData, options: FitSparseOptions = {}): Task<SparseFit> {
  const { inducing = 256, maxIterations = 100, seed = 0, moveInducing = true } = options;
  const { x, y } = data;
  expectFitData("fitSparse", kernel, data, options);
  expectSingle(kernel);
  const root = key(seed);
  const begun = yield* beginWithRows(kernel, data, options, root);
  const points =
    typeof inducing === "number"
      ? greedyInducing(begun.kernel, x, inducing, split(root, "inducing"))
      : inducing;
  const moved = moveInducing && begun.kernel.pullbackInputs !== undefined;
  const place: Parameter = { value: points.data.slice(), support: "real", fixed: !moved };
  const origin: Parameters = { ...modelParameters(begun), inducing: place };
  const pointsOf = (parameters: Parameters) => matrix(points.rows, points.cols, parameters.inducing!.value);
  const spread = Math.sqrt(targetVariance(y));
  const scales = reachWithInducing(begun, x, spread, points, moved, split(root, "reach"));
  const on = searchOf(
    origin,
    (parameters) => {
      const model = modelWith(begun, parameters);
      const expected = model.mean.at(x).data;
      const residual = y.data.map((v, i) => v - expected[i]!);
      const found = collapsedSlopes(model.kernel, pointsOf(parameters), noiseOf(model), x, residual, moved);
      const bar = { ...y, data: found.residual.map((v) => -v) };
      const hasMean = freeParameters(model.mean.parameters).length > 0;
      return {
        value: found.value,
        gradient: {
          ...joinParts({ kernel: found.kernel, mean: hasMean ? model.mean.pullback(x, bar).parameters : {} }),
          noiseVariance: Float64Array.of(found.noiseVariance),
          ...(found.inducing && { inducing: found.inducing.data }),
        },
      };
    },
    { reach: scales },
  );
  const start = on.coordinates(origin);
  if (!Number.isFinite(on.at(start).value)) {
    throw new NotPositiveDefiniteError(
      "the starting parameters give no bound: look for a noise variance fixed near zero or parameters far from the data's scale",
      { pivot: 0, jitterTried: 0 },
    );
  }
  const search = lbfgsSteps(
    (w) => {
      const { value, gradient } = on.at(w);
      return { value: -value, gradient: gradient.map((g) => -g) };
    },
    start,
    // Tens of inducing points move at once: more remembered pairs than for a handful of lengthscales.
    { maxIterations, gradientTolerance: 1e-3, valueTolerance: 1e-7, memory: 20 },
  );
  let step = search.next();
  while (!step.done) {
    const { iterations, value } = step.value;
    yield {
      stage: "fit: inducing points",
      done: iterations,
      total: maxIterations,
      metrics: { bound: -value },
    };
    step = search.next();
  }
  const { x: best, iterations, converged } = step.value;
  const parameters = on.parameters(best);
  const model = modelWith(begun, parameters);
  const prior = gp(model.kernel, { mean: model.mean, inputs: x.cols });
  const noiseVariance = noiseOf(model);
  const process = conditionSparsely(prior, { x, y, noiseVariance }, { inducing: pointsOf(parameters) });
  return {
    kernel: model.kernel,
    mean: model.mean,
    noiseVariance,
    prior,
    process,
    logEvidence: process.logEvidence,
    report: {
      value: process.logEvidence,
      iterations,
      converged,
      warnings: converged
        ? []
        : [`the search stopped after ${iterations} iterations, before the bound was at its top: allow more`],
    },
  };
}

export interface StartRowsOptions {
  readonly mean?: Fn;
  readonly noiseVariance?: number | NoiseOptions;
  readonly startRows?: number;
  readonly starts?: number;
  readonly seed?: number;
}

/** Parameters to start a fit to many rows from: those of an exact fit to some rows drawn by the key. */
export function* beginWithRows(
  kernel: Kernel,
  { x, y }: FitData,
  options: StartRowsOptions,
  root: Key,
): Task<Model> {
  const { startRows = 1000, starts = 3, seed = 0, noiseVariance = {} } = options;
  const mean = options.mean ? meanOf(options.mean) : constantMean(x.cols, columnMeans(y));
  const first = startModel(kernel, mean, x, y, noiseVariance);
  if (startRows === 0) return first;
  const rows = permutation(split(root, "rows"), x.rows).subarray(0, Math.min(startRows, x.rows));
  const some = { x: takeRows(x, rows), y: takeRows(y, rows) };
  const found = yield* fit(kernel, some, {
    mean,
    noiseVariance,
    starts,
    seed,
    // The search over all rows goes on from here.
    maxIterations: 50,
  });
  // The noise's floor is that of all the rows.
  const least = typeof first.noise.support === "object" ? 1.001 * first.noise.support.lower : 0;
  const noise = { ...first.noise, value: Float64Array.of(Math.max(found.noiseVariance, least)) };
  return { kernel: found.kernel, mean: found.mean, noise };
}

/** As `reach`, and for the inducing points' columns a tenth of their spread. */
function reachWithInducing(
  model: Model,
  x: Matrix,
  spread: number,
  points: Matrix,
  moved: boolean,
  key: Key,
): Float64Array {
  const own = reach(model, x, spread, key);
  if (!moved) return own;
  const centre = columnMeans(points);
  const squares = new Float64Array(points.cols);
  points.data.forEach((v, k) => {
    squares[k % points.cols]! += (v - centre[k % points.cols]!) ** 2 / points.rows;
  });
  return Float64Array.of(
    ...own,
    ...points.data.map((_, k) => 0.3 * (Math.sqrt(squares[k % points.cols]!) || 1)),
  );
}
