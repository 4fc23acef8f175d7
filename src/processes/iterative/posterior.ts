import {
  add,
  expectShape,
  type Matrix,
  matrix,
  multiply,
  reshape,
  stackRows,
  subtract,
  takeRows,
  transpose,
} from "../../linalg/index.ts";
import { type Key, key, normal, split } from "../../random/index.ts";
import { runSync, type Task } from "../../tasks/index.ts";
import { expectObservations } from "../exact.ts";
import { Gaussian } from "../gaussian.ts";
import { expectPoints, type GaussianProcess } from "../prior.ts";
import type { Observations, Process } from "../process.ts";
import { expectPoint, keptRows, withRow } from "../update.ts";
import { type StochasticEvidence, solveProbed, stochasticEvidence } from "./evidence.ts";
import { crossTimes } from "./product.ts";
import {
  type IterativeOptions,
  type IterativeReport,
  type KernelSystem,
  kernelSystem,
  reportOf,
  solveSystem,
} from "./system.ts";
import { type VarianceOptions, variancesOf } from "./variances.ts";

export interface IterativePosteriorOptions extends IterativeOptions, VarianceOptions {
  /** Probes that the evidence is averaged over. 10 unless given. */
  readonly probes?: number;
  /** Of the probes. 0 unless given. */
  readonly seed?: number;
}

/** A posterior whose matrix is known by its products alone: O(n) memory, and every answer with its residual. */
export interface IterativePosterior extends Process<Gaussian> {
  readonly method: "iterative";
  readonly prior: GaussianProcess;
  /** All data, in the order they came; the noise variance of each value, point-major. */
  readonly data: { readonly x: Matrix; readonly y: Matrix; readonly noise: Float64Array };
  /** Of observations to come: the last set's. */
  readonly noiseVariance: number;
  /** (K + noise)⁻¹ (y − mean), n·outputs × 1: means are mean(·) + k(·, X) alpha. */
  readonly alpha: Matrix;
  /** Of the solve for alpha. */
  readonly report: IterativeReport;
  /** log p(y) in nats by random probes, with their standard error; found when first asked for, by a solve of its own. */
  evidence(): StochasticEvidence;
  /** The distribution of noisy observations at x. */
  observed(x: Matrix): Gaussian;
  /** The posterior given these observations as well: solved again, from the solution so far. */
  condition(more: Observations): IterativePosterior;
  /** The posterior without the observations at these indices, from 0. */
  without(indices: readonly number[]): IterativePosterior;
  /** The posterior with the observation at this index changed to another (one row), in its place. */
  replace(index: number, observation: Observations): IterativePosterior;
}

/**
 * The posterior of data by conjugate gradients (Gardner et al. 2018; Wang et al. 2019). A tolerance that is missed is
 * said in `report`, with by how much. Throws ShapeError, NonFiniteError or UsageError for data that do not fit. Yields
 * one report a product.
 */
export function* conditionIteratively(
  prior: GaussianProcess,
  data: Observations,
  options: IterativePosteriorOptions = {},
): Task<IterativePosterior> {
  expectObservations(data, prior.inputs, prior.outputs);
  const noise = noiseOf(data);
  return yield* solved(prior, { x: data.x, y: data.y, noise }, data.noiseVariance, options);
}

/** The posterior of a solution found before, `alpha`: nothing is solved where that still meets the tolerance. */
export function restoreIterative(
  prior: GaussianProcess,
  data: IterativePosterior["data"],
  noiseVariance: number,
  options: IterativePosteriorOptions,
  alpha: Matrix,
): Task<IterativePosterior> {
  return solved(prior, data, noiseVariance, options, alpha);
}

/** The posterior and its evidence by one solve, of the residual and the probes together. */
export function* conditionWithEvidence(
  prior: GaussianProcess,
  observations: Observations,
  options: IterativePosteriorOptions,
): Task<IterativePosterior> {
  const { probes = 10, seed = 0 } = options;
  const { x, y, noiseVariance } = observations;
  const data = { x, y, noise: noiseOf(observations) };
  const system = kernelSystem(prior.kernel, x, data.noise, options);
  const residual = residualOf(prior, data);
  const probed = yield* solveProbed(system, residual.data, key(seed), probes, "solve");
  const evidence = stochasticEvidence(system, residual.data, probed);
  const parts = { system, residual, alpha: probed.alpha, report: probed.report, evidence };
  return posteriorOf(prior, data, noiseVariance, options, parts);
}

type Data = IterativePosterior["data"];

/** What was solved, and log p(y) where it came with that. */
interface Solved {
  readonly system: KernelSystem;
  readonly residual: Matrix;
  readonly alpha: Matrix;
  readonly report: IterativeReport;
  readonly evidence?: StochasticEvidence;
}

function residualOf({ mean }: GaussianProcess, { x, y, noise }: Data): Matrix {
  return reshape(subtract(y, mean.at(x)), noise.length, 1);
}

function* solved(
  prior: GaussianProcess,
  data: Data,
  noiseVariance: number,
  options: IterativePosteriorOptions,
  start?: Matrix,
): Task<IterativePosterior> {
  const system = kernelSystem(prior.kernel, data.x, data.noise, options);
  const residual = residualOf(prior, data);
  const solution = yield* solveSystem(system, residual, "solve", start);
  const parts = { system, residual, alpha: solution.x, report: reportOf(system, solution) };
  return posteriorOf(prior, data, noiseVariance, options, parts);
}

function posteriorOf(
  prior: GaussianProcess,
  data: Data,
  noiseVariance: number,
  options: IterativePosteriorOptions,
  { system, residual, alpha, report, evidence: known }: Solved,
): IterativePosterior {
  const { kernel, mean, inputs, outputs } = prior;
  const { x } = data;
  const { probes = 10, seed = 0 } = options;
  let evidence = known;
  let variances: ReturnType<typeof variancesOf> | undefined;
  const meanAt = (points: Matrix) =>
    add(mean.at(points), reshape(crossTimes(kernel, points, x, alpha), points.rows, outputs));
  const again = (next: Data, noise: number, start: Matrix) =>
    runSync(solved(prior, next, noise, options, start));
  const posterior: IterativePosterior = {
    method: "iterative",
    inputs,
    outputs,
    prior,
    data,
    noiseVariance,
    alpha,
    report,
    evidence() {
      evidence ??= stochasticEvidence(
        system,
        residual.data,
        runSync(solveProbed(system, residual.data, key(seed), probes, "evidence")),
      );
      return evidence;
    },
    at(points) {
      expectPoints(points, inputs);
      return new Gaussian({
        rows: points.rows,
        outputs,
        mean: () => meanAt(points),
        moments() {
          variances ??= variancesOf(system, residual.data, options);
          return { mean: meanAt(points), variance: matrix(points.rows, outputs, variances(points)) };
        },
        // Joint ones by solves, a column each: for few points.
        covariance() {
          const cross = kernel.cross({ ...points }, x);
          const { x: columns } = runSync(solveSystem(system, transpose(cross), "covariance"));
          return symmetric(subtract(kernel.gram(points), multiply(cross, columns)));
        },
      });
    },
    observed: (points) => posterior.at(points).withNoise(noiseVariance),
    sample: (drawKey, count) => drawn(prior, system, residual, drawKey, count),
    condition(more) {
      expectObservations(more, inputs, outputs);
      const noise = new Float64Array(data.noise.length + more.y.data.length).fill(more.noiseVariance);
      noise.set(data.noise);
      const next = { x: stackRows([x, more.x]), y: stackRows([data.y, more.y]), noise };
      return again(next, more.noiseVariance, stackRows([alpha, matrix(more.y.data.length, 1)]));
    },
    without(indices) {
      const { kept } = keptRows(x.rows, indices);
      const values = (a: Float64Array) => takeRows(matrix(x.rows, outputs, a), kept).data;
      const next = { x: takeRows(x, kept), y: takeRows(data.y, kept), noise: values(data.noise) };
      return again(next, noiseVariance, matrix(kept.length * outputs, 1, values(alpha.data)));
    },
    replace(index, observation) {
      expectPoint(index, x.rows);
      expectObservations(observation, inputs, outputs);
      expectShape(observation.x, "the observation", 1, inputs);
      const noise = data.noise.slice();
      noise.fill(observation.noiseVariance, index * outputs, (index + 1) * outputs);
      const next = { x: withRow(x, index, observation.x), y: withRow(data.y, index, observation.y), noise };
      return again(next, noiseVariance, alpha);
    },
  };
  return posterior;
}

/** Prior paths each with an update that makes it one of the posterior (Matheron's rule), all solved for at once. */
function drawn(
  { kernel, mean, inputs, outputs }: GaussianProcess,
  system: KernelSystem,
  residual: Matrix,
  drawKey: Key,
  count: number,
) {
  const { x, noise } = system;
  const size = noise.length;
  const paths = Array.from({ length: count }, (_, i) =>
    kernel.path(split(split(drawKey, i), "path"), inputs),
  );
  const gaps = matrix(size, count);
  paths.forEach((path, c) => {
    const seen = path.at(x).data;
    const draws = normal(split(split(drawKey, c), "noise"), size);
    for (let i = 0; i < size; i++) {
      gaps.data[i * count + c] = residual.data[i]! - seen[i]! - Math.sqrt(noise[i]!) * draws[i]!;
    }
  });
  const { x: updates } = runSync(solveSystem(system, gaps, "samples"));
  return paths.map((path, c) => {
    const update = matrix(
      size,
      1,
      Float64Array.from({ length: size }, (_, i) => updates.data[i * count + c]!),
    );
    return {
      inputs,
      outputs,
      at: (points: Matrix) =>
        add(
          add(mean.at(points), path.at(points)),
          reshape(crossTimes(kernel, points, x, update), points.rows, outputs),
        ),
    };
  });
}

function noiseOf({ y, noiseVariance }: Observations): Float64Array {
  return new Float64Array(y.data.length).fill(noiseVariance);
}

/** The average with the transpose: solves to a tolerance leave an asymmetry of its size. */
function symmetric(a: Matrix): Matrix {
  const b = transpose(a);
  for (let k = 0; k < b.data.length; k++) b.data[k] = 0.5 * (a.data[k]! + b.data[k]!);
  return b;
}
