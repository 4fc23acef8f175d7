import { UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { type Fn, lbfgsSteps, type Matrix, takeRows } from "../../linalg/index.ts";
import { key, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { fit } from "../fit/fit.ts";
import type { LikelihoodModel } from "../latent/approximation.ts";
import { evidenceSearch, latentReach } from "../latent/evidence-search.ts";
import { fitLikelihood } from "../latent/fit-likelihood.ts";
import type { LatentData } from "../latent/likelihood-posterior.ts";
import { gaussian } from "../likelihoods/gaussian.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import { targetVariance } from "../target-variance.ts";
import { boundsOf, type Constraint, expectConstraints, isMonotone, sideOf } from "./constraints.ts";
import { givenConstraints } from "./given-constraints.ts";
import { type ConstrainedPosterior, conditionConstrained, liftedData, liftedModel } from "./posterior.ts";
import { candidates, spreadOver, together, type VirtualPoints, virtualAt } from "./virtual-points.ts";

export interface FitConstrainedOptions {
  /** Gaussian noise, fitted, unless given; of the others bernoulli("probit"), for a monotone probability. */
  readonly likelihood?: Likelihood;
  /** Of Gaussian noise, where it is known. */
  readonly noiseVariance?: number;
  /** A constant, fitted, unless given. */
  readonly mean?: Fn;
  /** Virtual points of each constraint at first; more come where the mean breaks it. 10 unless given. */
  readonly virtualPoints?: number;
  /** Virtual points in all, at most. 150 unless given. */
  readonly mostVirtualPoints?: number;
  /**
   * Width of the soft step, in standard deviations of the targets (over the range of the column for a derivative): the
   * larger, the weaker the constraint. 1e-6 unless given, which is as good as hard.
   */
  readonly width?: number;
  /** Searches of the fit without constraints, where the one with them starts. 3 unless given. */
  readonly starts?: number;
  /** 0 unless given. */
  readonly seed?: number;
  /** Of each search. 50 unless given. */
  readonly maxIterations?: number;
}

export interface ConstrainedFit extends LikelihoodModel {
  readonly process: ConstrainedPosterior;
  /** See `ConstrainedPosterior.logEvidence`. */
  readonly logEvidence: number;
  readonly report: {
    /** Evidence of the same data without constraints, in nats. */
    readonly unconstrained: number;
    readonly virtualPoints: number;
    /** Of the places looked at, those where the posterior mean still breaks a constraint. */
    readonly broken: number;
    readonly looked: number;
    readonly evaluations: number;
  };
}

// Of a constraint, added at a time.
const added = 6;
const mostRounds = 12;

/**
 * Fits kernel, mean and likelihood to data of a function that is known to be monotone or bounded: first without the
 * constraints, then by the evidence of data and constraints together; then virtual points are added where the posterior
 * mean breaks a constraint, until it does so nowhere that was looked (at the rows, between them and a tenth beyond).
 * Throws as `fit` and `conditionConstrained` do.
 */
export function* fitConstrained(
  kernel: Kernel,
  data: LatentData,
  constraints: readonly Constraint[],
  options: FitConstrainedOptions = {},
): Task<ConstrainedFit> {
  const { virtualPoints = 10, mostVirtualPoints = 150, width = 1e-6, seed = 0, maxIterations = 50 } = options;
  const { x } = data;
  expectConstraints(constraints, x.cols);
  if (!(Number.isInteger(virtualPoints) && virtualPoints >= 1)) {
    throw new UsageError(`virtualPoints should be a whole number from 1, got ${virtualPoints}`);
  }
  if (!(width > 0 && width < Infinity)) throw new UsageError(`width should be above 0, got ${width}`);
  const free = yield* withoutConstraints(kernel, data, options);
  const { lower, upper } = boundsOf(constraints);
  if (free.model.likelihood.name !== "gaussian" && (lower > -Infinity || upper < Infinity)) {
    throw new UsageError(`bounds are on numbers; ${free.model.likelihood.name} observations are classes`);
  }
  const scale = Math.sqrt(targetVariance(free.model.likelihood.guess(data.y)));
  const widths = constraints.map((c) => width * (isMonotone(c) ? scale / rangeOf(x, c.column) : scale));
  const places = constraints.map((c) => candidates(x, c, seed));
  let virtual = together(
    constraints.map((c, k) => virtualAt(c, spreadOver(places[k]!, virtualPoints), widths[k]!)),
  );
  let model = free.model;
  let evaluations = 0;
  const search = function* (): Task<void> {
    const lifted = liftedModel(model);
    const seen = liftedData(model, data, virtual);
    const steps = latentReach(lifted, seen.x, scale, split(key(seed), "reach"));
    const on = evidenceSearch(lifted, seen, givenConstraints, steps);
    const start = new Float64Array(on.length);
    if (on.length === 0 || !Number.isFinite(on.negative(start).value)) return;
    const climb = lbfgsSteps(on.negative, start, {
      maxIterations,
      gradientTolerance: 1e-4,
      valueTolerance: 1e-9,
    });
    let step = climb.next();
    while (!step.done) {
      const { iterations, value } = step.value;
      yield {
        stage: "fit under constraints",
        done: iterations,
        total: maxIterations,
        metrics: { logEvidence: -value },
      };
      step = climb.next();
    }
    evaluations += on.evaluations();
    const found = on.model(step.value.x);
    model = {
      kernel: model.kernel.with(found.kernel.parameters),
      mean: model.mean.with(found.mean.parameters),
      likelihood: model.likelihood.with(found.likelihood.parameters),
    };
  };
  const place = (): ConstrainedPosterior => conditionConstrained(model, data, constraints, virtual);
  /** Adds points where the mean breaks a constraint, and says at how many places it still does. */
  const mend = function* (): Task<{ process: ConstrainedPosterior; broken: number; grown: boolean }> {
    const before = virtual.x.rows;
    for (let round = 0; ; round++) {
      const process = place();
      const worst = constraints.map((c, k) => breaches(process, c, places[k]!));
      const broken = worst.reduce((sum, rows) => sum + rows.length, 0);
      const room = mostVirtualPoints - virtual.x.rows;
      if (broken === 0 || room <= 0 || round === mostRounds) {
        return { process, broken, grown: virtual.x.rows > before };
      }
      const more: VirtualPoints[] = [];
      let left = room;
      worst.forEach((rows, k) => {
        const few = rows.slice(0, Math.min(added, left));
        left -= few.length;
        if (few.length > 0) more.push(virtualAt(constraints[k]!, takeRows(places[k]!, few), widths[k]!));
      });
      virtual = together([virtual, ...more]);
      yield { stage: "fit: constraints", done: round, total: mostRounds, metrics: { broken } };
    }
  };
  yield* search();
  let state = yield* mend();
  if (state.grown) {
    yield* search();
    state = yield* mend();
  }
  const { process, broken } = state;
  return {
    ...model,
    process,
    logEvidence: process.logEvidence,
    report: {
      unconstrained: free.logEvidence,
      virtualPoints: virtual.x.rows,
      broken,
      looked: places.reduce((sum, p) => sum + p.rows, 0),
      evaluations,
    },
  };
}

/** The same data with nothing known beforehand. */
function* withoutConstraints(
  kernel: Kernel,
  data: LatentData,
  { likelihood, noiseVariance, mean, starts = 3, seed = 0 }: FitConstrainedOptions,
): Task<{ readonly model: LikelihoodModel; readonly logEvidence: number }> {
  if (likelihood && likelihood.name !== "gaussian") {
    if (noiseVariance !== undefined) {
      throw new UsageError(`noiseVariance is of Gaussian noise, the likelihood is ${likelihood.name}`);
    }
    const found = yield* fitLikelihood(kernel, data, likelihood, {
      method: "expectation-propagation",
      starts,
      seed,
      ...(mean && { mean }),
    });
    return { model: found, logEvidence: found.logEvidence };
  }
  const found = yield* fit(kernel, data, {
    starts,
    seed,
    ...(mean && { mean }),
    ...(noiseVariance !== undefined && { noiseVariance }),
  });
  // Expectation propagation divides by the noise: a fit's own floor, where none was found or wanted.
  const floor = 1e-8 * targetVariance(data.y);
  const own = gaussian(Math.max(found.noiseVariance, floor));
  const { noiseVariance: parameter } = own.parameters;
  const fixed = noiseVariance !== undefined;
  return {
    model: {
      kernel: found.kernel,
      mean: found.mean,
      likelihood: fixed ? own.with({ noiseVariance: { ...parameter!, fixed } }) : own,
    },
    logEvidence: found.logEvidence,
  };
}

/** Rows of the places where the posterior mean breaks the constraint, the worst first. */
function breaches(process: ConstrainedPosterior, constraint: Constraint, places: Matrix): number[] {
  const value = isMonotone(constraint) ? 0 : constraint.value;
  const mean = isMonotone(constraint)
    ? process.slopes(places, constraint.column).mean
    : process.at(places).mean;
  const by = mean.data.map((m) => sideOf(constraint) * (m - value));
  return Array.from(by.keys())
    .filter((i) => by[i]! < 0)
    .sort((a, b) => by[a]! - by[b]!);
}

function rangeOf(x: Matrix, column: number): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = column; i < x.data.length; i += x.cols) {
    [low, high] = [Math.min(low, x.data[i]!), Math.max(high, x.data[i]!)];
  }
  return high > low ? high - low : 1;
}
