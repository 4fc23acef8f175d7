import { NonFiniteError, NotPositiveDefiniteError, UsageError } from "../errors/index.ts";
import { expectFinite, expectShape, type Matrix, takeRows } from "../linalg/index.ts";
import { adam, cosineSchedule, type Schedule } from "../networks/index.ts";
import { type Likelihood, likelihoods, targetVariance } from "../processes/index.ts";
import { type Key, key, permutation, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { deepBound, type LayerSlopes } from "./bound.ts";
import {
  type DeepCheckpoint,
  type FinishedStart,
  type ModelNumbers,
  posteriorsOf,
  withPosteriors,
} from "./checkpoint.ts";
import type { DeepProcess } from "./compose.ts";
import { coordinates } from "./coordinates.ts";
import type { DeepModel } from "./deep-model.ts";
import { type DeepPosterior, deepPosterior } from "./deep-posterior.ts";
import { type DeepReport, deepReport, type StartRecord } from "./deep-report.ts";
import { estimateBound } from "./estimate.ts";
import { movement } from "./monitor.ts";
import { naturalStep } from "./natural-gradient.ts";
import type { SparseLayer } from "./sparse-layer.ts";
import { startDeep, startTargets } from "./start.ts";
import { withNoiseFunction } from "./varying-noise.ts";

export interface FitDeepOptions {
  /** Gaussian noise, fitted, unless given. */
  readonly likelihood?: Likelihood;
  /**
   * Without a likelihood and for one output: noise of one variance, of a variance that is a function of the last layer's
   * features too, or a search with such noise besides those with constant noise, kept where its bound is higher by three
   * nats, strong evidence (Kass & Raftery 1995). "chosen" unless given.
   */
  readonly noise?: "constant" | "varying" | "chosen";
  /**
   * Inducing points of each layer. As many as a third of the rows unless given, 20 at least and 100 at most: a search
   * among many that say the same gets nowhere. All rows where there are no more.
   */
  readonly inducing?: number;
  /** Steps of each start. 1,000 unless given. */
  readonly steps?: number;
  /** Rows a step. 256 unless given; all where there are no more. */
  readonly batchSize?: number;
  /** Draws of the hidden values a row and step: by default so many that a step sees about 256, 10 at most. */
  readonly samples?: number;
  /** Of Adam. 0.03 unless given. */
  readonly learningRate?: number;
  /** Factor on both rates over the steps. Half a cosine down to a tenth unless given. */
  readonly schedule?: Schedule;
  /** Whose posteriors move by natural gradients, the rest by Adam. "last" unless given. */
  readonly natural?: "last" | "all" | "none";
  /**
   * γ of the last layer, a tenth of it for hidden ones. 0.1 unless given; 0.5 where a step sees all rows: the slopes are
   * the data's own then, and a posterior that lags behind its kernel holds the kernel back (not of Student's t, which is not
   * log-concave).
   */
  readonly naturalRate?: number;
  /** Fits from starts of their own, of which the one with the highest bound is kept. 1 unless given. */
  readonly starts?: number;
  /** Whether a start ends early once its bound has stopped moving. true unless given. */
  readonly stopWhenStalled?: boolean;
  /** 0 unless given. */
  readonly seed?: number;
  /** Steps between checkpoints. */
  readonly checkpointEvery?: number;
  /** Given each checkpoint. */
  readonly onCheckpoint?: (checkpoint: DeepCheckpoint) => void;
  /** Goes on from here; process, data and all other options as they were. */
  readonly resume?: DeepCheckpoint;
}

/** A deep process fitted to data. */
export interface DeepFit {
  readonly process: DeepPosterior;
  readonly model: DeepModel;
  readonly report: DeepReport;
}

/** Values seen at points: x is n × inputs, y n × outputs (or what the likelihood asks for). */
export interface DeepData {
  readonly x: Matrix;
  readonly y: Matrix;
}

// The noise that is fitted starts at this share of the targets' variance.
const startNoise = 0.05;
// Natural steps before Adam's first: what a posterior equal to its prior would have everything else do is a hundred times
// the slopes to come, and Adam, which divides by their root mean square over a thousand steps, would creep ever after.
const longestWarmUp = 20;
// A step that leaves no factorisation or no number is taken back and both rates are halved, so often.
const retreats = 10;

/**
 * Conditions a deep process on data by doubly stochastic variational inference (Salimbeni & Deisenroth 2017): natural
 * gradients for the last layer's posterior, Adam for everything else, on one evaluation of the bound a step. Yields one
 * report a step. Throws ShapeError, NonFiniteError or UsageError for data that do not fit, NonFiniteError when a search
 * diverges whatever its rates.
 */
export function* fitDeep(process: DeepProcess, data: DeepData, options: FitDeepOptions = {}): Task<DeepFit> {
  const { x, y } = data;
  const {
    inducing = Math.min(100, Math.max(20, Math.ceil(x.rows / 3))),
    steps = 1000,
    starts = 1,
    natural = "last",
  } = options;
  const { learningRate = 0.03, seed = 0, stopWhenStalled = true } = options;
  const { checkpointEvery, onCheckpoint, resume, schedule = cosineSchedule(0.1) } = options;
  check(process, data, { inducing, steps, starts });
  const searches = searchesOf(process, data, starts, options);
  const batchSize = Math.min(x.rows, options.batchSize ?? 256);
  // Where log p(y | f) is not concave, long steps end in a posterior that gives the rows up.
  const bold = batchSize === x.rows && options.likelihood?.name !== "student-t";
  const { naturalRate = bold ? 0.5 : 0.1 } = options;
  const samples = options.samples ?? Math.min(10, Math.max(1, Math.round(256 / batchSize)));
  const root = split(key(seed), "deep");
  const last = process.layers.length - 1;
  const isNatural = (l: number) =>
    process.layers[l]!.kind === "gp" && (natural === "all" || (natural === "last" && l === last));
  const finished: FinishedStart[] = [...(resume?.finished ?? [])];
  const began = (search: number) => {
    const { process, likelihood, index } = searches[search]!;
    return startDeep(process, x, {
      inducing: Math.min(inducing, x.rows),
      likelihood,
      targets: startTargets(likelihood, y),
      index,
      key: split(split(root, "start"), index),
    });
  };
  const restored = (kept: ModelNumbers, index: number) => {
    const like = withPosteriors(began(index), kept.posteriors, isNatural);
    return coordinates(like, isNatural).at(kept.arrays, like);
  };

  for (let start = finished.length; start < searches.length; start++) {
    const own = split(split(root, "run"), start);
    const from = resume && resume.start === start ? resume : undefined;
    const first = began(start);
    const space = coordinates(first, isNatural);
    let model = from ? restored(from, start) : first;
    const arrays = from ? from.arrays.map((a) => a.slice()) : space.of(model);
    const optimizer = adam({ learningRate });
    const warmUp = isNatural(last) ? Math.min(longestWarmUp, Math.floor(steps / 10)) : 0;
    let state = optimizer.start(
      arrays.map((a) => a.length),
      undefined,
      from?.optimizer,
    );
    const trace: number[] = [...(from?.trace ?? [])];
    let slower = from?.slower ?? 1;
    let kept = model;
    let stalled = false;
    let step = from?.step ?? 0;
    for (let trials = 0; step < steps; ) {
      const rate = schedule(step / steps) * slower;
      const batch = takeBatch(data, batchSize, step, split(own, "batches"));
      try {
        const found = deepBound(
          model,
          { ...batch, total: x.rows },
          { samples, key: split(split(own, "draws"), step), natural: isNatural },
        );
        if (!Number.isFinite(found.value)) throw new NonFiniteError(`the bound is ${found.value}`);
        const slopes = space.gradient(model, found).map((g) => g.map((v) => -v));
        if (!slopes.every((g) => g.every(Number.isFinite)))
          throw new NonFiniteError("a slope of the bound is NaN");
        trace.push(found.value);
        kept = model;
        if (step >= warmUp) state.step(arrays, slopes, learningRate * rate);
        model = moved(
          space.at(arrays, model),
          found.layers,
          process.layers.map((_, l) => (isNatural(l) ? (l === last ? 1 : 0.1) * naturalRate * rate : 0)),
        );
      } catch (error) {
        const trouble = error instanceof NonFiniteError || error instanceof NotPositiveDefiniteError;
        if (!trouble || ++trials > retreats) throw diverged(error, step, learningRate * rate);
        slower /= 2;
        model = kept;
        space.of(kept).forEach((a, i) => {
          arrays[i]!.set(a);
        });
        state = optimizer.start(arrays.map((a) => a.length));
        continue;
      }
      step++;
      const moving = step % 20 === 0 || step === steps ? movement(trace) : undefined;
      yield {
        stage: searches.length > 1 ? `fit: start ${start + 1} of ${searches.length}` : "fit",
        done: start * steps + step,
        total: searches.length * steps,
        metrics: { bound: trace.at(-1)! },
      };
      if (checkpointEvery && onCheckpoint && step % checkpointEvery === 0) {
        onCheckpoint({
          start,
          step,
          arrays: arrays.map((a) => a.slice()),
          posteriors: posteriorsOf(model, isNatural),
          optimizer: state.snapshot(),
          slower,
          trace: trace.slice(),
          finished: finished.slice(),
        });
      }
      // A falling schedule makes its gains at its end: only a stop before its half is known to be one.
      if (moving?.stalled) {
        stalled = true;
        if (stopWhenStalled && step >= steps / 2) break;
      } else if (moving) stalled = false;
    }
    const numbers = { arrays: space.of(model), posteriors: posteriorsOf(model, isNatural) };
    const { value, error } = estimateBound(model, data, { key: split(own, "final") });
    const { noise } = searches[start]!;
    finished.push({
      ...numbers,
      record: { noise, bound: value, error, steps: step, stalled, slower, trace },
    });
  }
  const best = bestOf(finished.map(({ record }) => record));
  const model = restored(finished[best]!, best);
  return {
    model,
    process: deepPosterior(model),
    report: deepReport(
      model,
      x,
      finished.map(({ record }) => record),
      best,
    ),
  };
}

/** One search: the process as it is fitted, how it is seen, and which start it has. */
interface Search {
  readonly process: DeepProcess;
  readonly likelihood: Likelihood;
  readonly noise: "constant" | "varying";
  readonly index: number;
}

function searchesOf(
  process: DeepProcess,
  { y }: DeepData,
  starts: number,
  { likelihood, noise }: FitDeepOptions,
): readonly Search[] {
  if (likelihood && noise) {
    throw new UsageError("noise is chosen where no likelihood is given: give one of the two");
  }
  const startVariance = startNoise * targetVariance(y);
  const constant = likelihood ?? likelihoods.gaussian(startVariance, process.outputs);
  expectTargets(process, y, constant);
  const wanted = noise ?? (likelihood || process.outputs > 1 ? "constant" : "chosen");
  const search = (of: Search["noise"], index: number): Search =>
    of === "constant"
      ? { process, likelihood: constant, noise: of, index }
      : {
          process: withNoiseFunction(process),
          likelihood: likelihoods.varyingNoiseFor(y, startVariance),
          noise: of,
          index,
        };
  const own = wanted === "varying" ? "varying" : "constant";
  return [
    ...Array.from({ length: starts }, (_, index) => search(own, index)),
    ...(wanted === "chosen" ? [search("varying", 0)] : []),
  ];
}

// What the bound must gain, in nats, for the larger of two models: bounds are searched for and loose by some nats.
const strongEvidence = 3;

/** The search with the highest bound; one with varying noise beside others has to be clearly better. */
function bestOf(records: readonly StartRecord[]): number {
  const mixed = records.some(({ noise }) => noise === "constant");
  const worth = ({ noise, bound }: StartRecord) =>
    bound - (mixed && noise === "varying" ? strongEvidence : 0);
  return records.reduce((best, record, i) => (worth(record) > worth(records[best]!) ? i : best), 0);
}

/** Natural steps of the layers that take them; hidden ones a tenth as long, their gradients being noisier. */
function moved(model: DeepModel, slopes: readonly LayerSlopes[], rates: readonly number[]): DeepModel {
  return {
    ...model,
    layers: model.layers.map((layer, l) =>
      rates[l]! > 0 ? naturalStep(layer as SparseLayer, slopes[l]!, rates[l]!) : layer,
    ),
  };
}

/** The rows of a step: all of them, or the next of an order drawn anew for every pass over the data. */
function takeBatch({ x, y }: DeepData, size: number, step: number, k: Key): DeepData {
  if (size === x.rows) return { x, y };
  const passes = Math.floor(x.rows / size);
  const order = permutation(split(k, Math.floor(step / passes)), x.rows);
  const from = (step % passes) * size;
  const rows = order.subarray(from, from + size);
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
}

function check(process: DeepProcess, { x, y }: DeepData, counts: Readonly<Record<string, number>>): void {
  expectShape(x, "x", undefined, process.inputs);
  expectShape(y, "y", x.rows, undefined);
  if (x.rows === 0) throw new UsageError("fitDeep: there are no observations");
  expectFinite(x, "x");
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isInteger(count) || count < 1) {
      throw new UsageError(`${name} is a whole number of at least 1, got ${count}`);
    }
  }
}

function expectTargets(process: DeepProcess, y: Matrix, likelihood: Likelihood): void {
  likelihood.check(y);
  if (likelihood.latents !== process.outputs) {
    throw new UsageError(
      `the likelihood ${likelihood.name} looks at ${likelihood.latents} latent function(s), the process has ${process.outputs} output(s): give its last layer that width`,
    );
  }
}

function diverged(cause: unknown, step: number, rate: number): unknown {
  if (!(cause instanceof NonFiniteError || cause instanceof NotPositiveDefiniteError)) return cause;
  return new NonFiniteError(
    `the fit broke down at step ${step} (${cause.message}), at a learning rate of ${rate.toExponential(1)} too: look for targets far from the likelihood's, or start from larger noise`,
    { cause },
  );
}
