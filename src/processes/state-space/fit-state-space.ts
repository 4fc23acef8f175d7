import { FunspaceError, NotConvergedError } from "../../errors/index.ts";
import {
  fromVector,
  type Gradient,
  gradientVector,
  joinParts,
  type Kernel,
  logPrior,
  toVector,
} from "../../kernels/index.ts";
import { type Fn, lbfgsSteps, type Matrix, matrix, subtract, takeRows } from "../../linalg/index.ts";
import { key, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { expectFitData, type FitData } from "../fit/data.ts";
import { type Model, modelParameters, modelWith, noiseOf, reach } from "../fit/model.ts";
import { type NoiseOptions, otherStart, startModel, typical } from "../fit/starts.ts";
import { columnMeans, constantMean, type Mean, meanOf } from "../means.ts";
import { gp } from "../prior.ts";
import { targetVariance } from "../target-variance.ts";
import { evidenceSlopes, filter } from "./filter.ts";
import { conditionByStateSpace, expectSeries, ordered, type StateSpacePosterior } from "./posterior.ts";
import { stateSpace } from "./state-space.ts";

export interface StateSpaceFitOptions {
  /** A constant, fitted, unless given. */
  readonly mean?: Fn;
  /** A number fixes the noise variance; fitted unless given. */
  readonly noiseVariance?: number | NoiseOptions;
  /** Searches from different starts: over all rows, or where these are many over parts of them. 3 unless given. */
  readonly starts?: number;
  /** Of the starts. 0 unless given. */
  readonly seed?: number;
  /** Of each search. 100 unless given, of one over more than 20,000 rows 10. */
  readonly maxIterations?: number;
}

export interface StateSpaceFit {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly noiseVariance: number;
  readonly process: StateSpacePosterior;
  readonly logEvidence: number;
  readonly report: {
    /** What each search reached, in nats. */
    readonly starts: readonly {
      readonly value: number;
      readonly iterations: number;
      readonly converged: boolean;
    }[];
    readonly agreeing: number;
    readonly evaluations: number;
  };
}

const mostFromAnywhere = 20_000;
const partRows = 5_000;

/**
 * Fits kernel, mean and noise to a series of one input by the exact evidence, an evaluation and its gradient in O(n). More
 * than 1,000 rows are also searched from a fit to 500 neighbours: of a long series the scales of all of it, where other
 * starts are, may lie far from those that its values move on. More than 20,000 are first fitted by parts alone, 5,000 rows
 * spread over all, 5,000 neighbours and 500; one search over all starts at the best of them.
 * Yields one progress report an iteration. Throws UsageError for kernels without a state space, ShapeError and
 * NonFiniteError for data that do not fit.
 */
export function* fitStateSpace(
  kernel: Kernel,
  data: FitData,
  options: StateSpaceFitOptions = {},
): Task<StateSpaceFit> {
  const { starts = 3, seed = 0, noiseVariance = {} } = options;
  expectFitData("fitStateSpace", kernel, data, options);
  expectSeries(data.x, data.y, data.x.cols);
  const { x, y } = inOrder(data);
  const many = x.rows > mostFromAnywhere;
  const { maxIterations = many ? 10 : 100 } = options;
  const mean = options.mean ? meanOf(options.mean) : constantMean(1, columnMeans(y));
  const first = startModel(kernel, mean, x, y, noiseVariance);
  const root = key(seed);
  const steps = reach(first, x, Math.sqrt(targetVariance(y)), split(root, "reach"));
  const around = typical(first, x, y);
  const like = modelParameters(first);
  const zero = toVector(like);
  const place = (w: Float64Array) =>
    fromVector(
      w.map((v, i) => zero[i]! + steps[i]! * v),
      like,
    );
  let evaluations = 0;
  const negative = (w: Float64Array) => {
    evaluations++;
    const outside = { value: Infinity, gradient: new Float64Array(w.length) };
    if (!w.every((v) => Math.abs(v) < 40)) return outside;
    try {
      const parameters = place(w);
      const found = seriesEvidence(modelWith(first, parameters), x, y);
      const prior = logPrior(parameters);
      const slopes = gradientVector(parameters, found.gradient);
      const ofPrior = gradientVector(parameters, prior.gradient);
      const value = -found.value - prior.value;
      const gradient = slopes.map((g, i) => -steps[i]! * (g + ofPrior[i]!));
      return Number.isFinite(value) && gradient.every(Number.isFinite) ? { value, gradient } : outside;
    } catch (error) {
      if (error instanceof FunspaceError && error.code === "not-positive-definite") return outside;
      throw error;
    }
  };
  const beginnings: Model[] = many ? [] : [first];
  for (let start = 1; start < starts && !many; start++) {
    beginnings.push(otherStart(around, steps, start, split(root, "starts")));
  }
  for (const part of many ? parts({ x, y }) : x.rows > 1_000 ? [neighbours({ x, y }, 500)] : []) {
    const fitted = yield* fitStateSpace(kernel, part, {
      ...{ starts, seed, noiseVariance },
      ...(options.mean && { mean: options.mean }),
    });
    const value = Float64Array.of(fitted.noiseVariance);
    beginnings.push({ kernel: fitted.kernel, mean: fitted.mean, noise: { ...first.noise, value } });
  }
  if (many) {
    const values = beginnings.map((model) => seriesEvidence(model, x, y).value);
    const best = beginnings[values.indexOf(Math.max(...values))]!;
    beginnings.splice(0, beginnings.length, best);
  }
  const found: { model: Model; value: number; iterations: number; converged: boolean }[] = [];
  for (const [start, from] of beginnings.entries()) {
    const at = toVector(modelParameters(from)).map((u, i) => (u - zero[i]!) / steps[i]!);
    if (!Number.isFinite(negative(at).value)) {
      found.push({ model: from, value: -Infinity, iterations: 0, converged: false });
      continue;
    }
    const search = lbfgsSteps(negative, at, { maxIterations, gradientTolerance: 1e-4, valueTolerance: 1e-9 });
    let step = search.next();
    while (!step.done) {
      const { iterations, value } = step.value;
      yield {
        stage: beginnings.length > 1 ? `fit: start ${start + 1} of ${beginnings.length}` : "fit",
        done: start * maxIterations + iterations,
        total: beginnings.length * maxIterations,
        metrics: { logEvidence: -value },
      };
      step = search.next();
    }
    const { x: end, value, iterations, converged } = step.value;
    found.push({ model: modelWith(first, place(end)), value: -value, iterations, converged });
  }
  const best = found.reduce((a, b) => (b.value > a.value ? b : a));
  if (!Number.isFinite(best.value)) {
    throw new NotConvergedError(`none of ${starts} start(s) gives an evidence: give the data noise`);
  }
  const { model } = best;
  const prior = gp(model.kernel, { mean: model.mean, inputs: 1 });
  const process = conditionByStateSpace(prior, { ...data, noiseVariance: noiseOf(model) });
  return {
    kernel: model.kernel,
    mean: model.mean,
    noiseVariance: noiseOf(model),
    process,
    logEvidence: process.logEvidence,
    report: {
      starts: found.map(({ value, iterations, converged }) => ({ value, iterations, converged })),
      agreeing: found.filter(({ value }) => value > best.value - 0.01).length,
      evaluations,
    },
  };
}

/** log p(y) of a series in the order of its input, with the derivatives in all parameters. */
export function seriesEvidence(
  { kernel, mean, noise }: Model,
  x: Matrix,
  y: Matrix,
): { readonly value: number; readonly gradient: Gradient } {
  const model = stateSpace(kernel);
  const filtered = filter(model, {
    times: x.data,
    values: subtract(y, mean.at(x)).data,
    noise: new Float64Array(x.rows).fill(noise.value[0]!),
  });
  const slopes = evidenceSlopes(model, filtered, x.rows);
  return {
    value: filtered.logEvidence,
    gradient: {
      ...joinParts({
        kernel: model.pullback(slopes.generator, slopes.stationary),
        mean: mean.pullback(x, matrix(x.rows, 1, slopes.mean)).parameters,
      }),
      noiseVariance: Float64Array.of(slopes.noise),
    },
  };
}

/** Of a series in order: every so many-th row, and neighbours. */
function parts(data: FitData): readonly FitData[] {
  const stride = Math.floor(data.x.rows / partRows);
  return [rowsOf(data, partRows, (k) => k * stride), neighbours(data, partRows), neighbours(data, 500)];
}

/** Neighbours in the middle. */
function neighbours(data: FitData, count: number): FitData {
  const from = Math.floor((data.x.rows - count) / 2);
  return rowsOf(data, count, (k) => from + k);
}

function rowsOf({ x, y }: FitData, count: number, row: (k: number) => number): FitData {
  const rows = Array.from({ length: count }, (_, k) => row(k));
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
}

function inOrder({ x, y }: FitData): FitData {
  const order = ordered(x.data);
  const by = (a: Matrix) =>
    matrix(
      a.rows,
      1,
      Float64Array.from(order, (i) => a.data[i]!),
    );
  return { x: by(x), y: by(y) };
}
