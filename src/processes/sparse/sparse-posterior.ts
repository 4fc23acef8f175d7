import { UsageError } from "../../errors/index.ts";
import {
  type Cholesky,
  expectShape,
  type Matrix,
  stackRows,
  subtract,
  takeRows,
} from "../../linalg/index.ts";
import { key } from "../../random/index.ts";
import { expectObservations } from "../exact.ts";
import type { Gaussian } from "../gaussian.ts";
import type { GaussianProcess } from "../prior.ts";
import type { Observations, Process } from "../process.ts";
import { expectPoint, keptRows, withRow } from "../update.ts";
import { solveCollapsed } from "./collapsed.ts";
import { expectSingle, greedyInducing, inducingFactor } from "./inducing.ts";
import { inducingProcess } from "./inducing-process.ts";
import { joined, type SparseStatistics, statisticsOf } from "./statistics.ts";

export interface SparseOptions {
  /** How many inducing points, chosen greedily, or the points themselves (m × inputs). 256 unless given. */
  readonly inducing?: number | Matrix;
  /** Of the rows that inducing points are chosen among. 0 unless given. */
  readonly seed?: number;
}

/** A posterior that sees the data through inducing points (Titsias 2009), Gaussian noise: kept live in O(m²) a point. */
export interface SparsePosterior extends Process<Gaussian> {
  readonly method: "sparse";
  readonly prior: GaussianProcess;
  /** m × inputs. */
  readonly inducing: Matrix;
  /** All data, in the order they came; the noise variance of each. */
  readonly data: { readonly x: Matrix; readonly y: Matrix; readonly noise: Float64Array };
  /** Of observations to come: the last set's. */
  readonly noiseVariance: number;
  /** A lower bound on log p(y), in nats. */
  readonly logEvidence: number;
  /** Added to the diagonal of k(Z, Z). */
  readonly jitter: number;
  /** The distribution of noisy observations at x. */
  observed(x: Matrix): Gaussian;
  /** The posterior given these observations as well, through the same inducing points; their noise may differ. */
  condition(more: Observations): SparsePosterior;
  /** The posterior without the observations at these indices, from 0. */
  without(indices: readonly number[]): SparsePosterior;
  /** The posterior with the observation at this index changed to another (one row), in its place. */
  replace(index: number, observation: Observations): SparsePosterior;
}

/**
 * The sparse posterior of data under a prior of one output. Throws UsageError for a noise of 0: the bound needs some.
 */
export function conditionSparsely(
  prior: GaussianProcess,
  data: Observations,
  { inducing = 256, seed = 0 }: SparseOptions = {},
): SparsePosterior {
  const { kernel, inputs } = prior;
  expectSingle(kernel);
  expectNoisy(data, inputs);
  const points =
    typeof inducing === "number" ? greedyInducing(kernel, data.x, inducing, key(seed)) : inducing;
  expectShape(points, "the inducing points", undefined, inputs);
  return restoreSparse(prior, points, asData(data), data.noiseVariance);
}

/** The posterior of data each with its noise variance, through these inducing points. */
export function restoreSparse(
  prior: GaussianProcess,
  inducing: Matrix,
  data: SparsePosterior["data"],
  noiseVariance: number,
): SparsePosterior {
  const factor = inducingFactor(prior.kernel, inducing, 0);
  return posteriorOf(prior, { inducing, factor }, data, sumsOf(prior, inducing, factor, data), noiseVariance);
}

interface Data {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly noise: Float64Array;
}

interface Inducing {
  readonly inducing: Matrix;
  readonly factor: Cholesky;
}

function posteriorOf(
  prior: GaussianProcess,
  at: Inducing,
  data: Data,
  sums: SparseStatistics,
  noiseVariance: number,
): SparsePosterior {
  const { kernel, mean, inputs } = prior;
  const { inducing, factor } = at;
  const { factor: precision, half, bound } = solveCollapsed(sums);
  const process = inducingProcess({ kernel, mean, inducing, factor, precision, half });
  const sumsAt = (part: Data) => sumsOf(prior, inducing, factor, part);
  return {
    ...process,
    method: "sparse",
    prior,
    inducing,
    data,
    noiseVariance,
    logEvidence: bound,
    jitter: factor.report.jitter,
    observed: (x) => process.at(x).withNoise(noiseVariance),
    condition(more) {
      expectNoisy(more, inputs);
      const part = asData(more);
      const noise = new Float64Array(data.noise.length + more.x.rows);
      noise.set(data.noise);
      noise.set(part.noise, data.noise.length);
      const next = { x: stackRows([data.x, more.x]), y: stackRows([data.y, more.y]), noise };
      return posteriorOf(prior, at, next, joined(sums, sumsAt(part)), more.noiseVariance);
    },
    without(indices) {
      const { kept, removed } = keptRows(data.x.rows, indices);
      const [next, gone] = [rowsOf(data, kept), rowsOf(data, removed)];
      // What is left is a difference: where that is little of the whole, its own sums keep more digits.
      const left = kept.length < removed.length ? sumsAt(next) : joined(sums, sumsAt(gone), -1);
      return posteriorOf(prior, at, next, left, noiseVariance);
    },
    replace(index, observation) {
      expectPoint(index, data.x.rows);
      expectNoisy(observation, inputs);
      expectShape(observation.x, "the observation", 1, inputs);
      const noise = data.noise.slice();
      noise[index] = observation.noiseVariance;
      const next = {
        x: withRow(data.x, index, observation.x),
        y: withRow(data.y, index, observation.y),
        noise,
      };
      const changed = joined(joined(sums, sumsAt(rowsOf(data, [index])), -1), sumsAt(asData(observation)));
      return posteriorOf(prior, at, next, changed, noiseVariance);
    },
  };
}

function sumsOf(
  { kernel, mean }: GaussianProcess,
  inducing: Matrix,
  factor: Cholesky,
  { x, y, noise }: Data,
): SparseStatistics {
  return statisticsOf(kernel, inducing, factor, x, subtract(y, mean.at(x)).data, noise);
}

function asData({ x, y, noiseVariance }: Observations): Data {
  return { x, y, noise: new Float64Array(x.rows).fill(noiseVariance) };
}

function rowsOf({ x, y, noise }: Data, rows: readonly number[]): Data {
  return { x: takeRows(x, rows), y: takeRows(y, rows), noise: Float64Array.from(rows, (i) => noise[i]!) };
}

function expectNoisy(data: Observations, inputs: number): void {
  expectObservations(data, inputs, 1);
  if (!(data.noiseVariance > 0)) {
    throw new UsageError(
      "a sparse posterior needs a noise variance above 0: give some, or condition exactly",
    );
  }
}
