import { UsageError } from "../../errors/index.ts";
import {
  defaultsFromData,
  joinParts,
  type Kernel,
  type Parameter,
  type Parameters,
  partOf,
  toVector,
} from "../../kernels/index.ts";
import { expectFinite, expectShape, type Matrix, matrix, takeRows } from "../../linalg/index.ts";
import { adam } from "../../linalg/optimizers.ts";
import { type Key, key, permutation, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { beginWithRows, type LargeFitReport, type StartRowsOptions } from "../fit/begin-with-rows.ts";
import { noiseOf, reach } from "../fit/model.ts";
import { targetVariance } from "../fit/starts.ts";
import { searchOf } from "../fit/target.ts";
import { gaussian } from "../likelihoods/gaussian.ts";
import type { Likelihood } from "../likelihoods/likelihood.ts";
import { columnMeans, constantMean, type Mean, meanOf } from "../means.ts";
import { columnSpreads, expectSingle, greedyInducing, inducingFactor, searchJitter } from "./inducing.ts";
import {
  naturalStep,
  type VariationalModel,
  type VariationalSlopes,
  variationalBound,
  variationalSlopes,
  type WhiteGaussian,
  whitePrior,
} from "./variational-bound.ts";
import { type VariationalPosterior, variationalPosterior } from "./variational-posterior.ts";

export interface FitVariationalOptions extends StartRowsOptions {
  /** What is seen of the latent functions; Gaussian noise, fitted, unless given. */
  readonly likelihood?: Likelihood;
  /** How many inducing points, or where they start (m × inputs). 256 unless given. */
  readonly inducing?: number | Matrix;
  /** Whether the bound moves the inducing points too, where the kernel can be differentiated in them. true unless given. */
  readonly moveInducing?: boolean;
  /** Whether kernel, mean and likelihood are fitted; else only q is. true unless given. */
  readonly fitParameters?: boolean;
  /** Rows a step looks at. 1,024 unless given. */
  readonly batchSize?: number;
  /** 500 unless given. */
  readonly steps?: number;
  /** Of q's natural gradient, in (0, 1]. 0.1 unless given. */
  readonly naturalRate?: number;
  /** Of Adam, in logarithms of positive parameters; it falls to a tenth by the last step. 0.02 unless given. */
  readonly learningRate?: number;
}

/** Latent functions fitted through inducing points and batches. */
export interface VariationalFit {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly likelihood: Likelihood;
  readonly process: VariationalPosterior;
  /** A lower bound on log p(y) over all rows, in nats. */
  readonly logEvidence: number;
  readonly report: LargeFitReport;
}

/**
 * Fits q by natural gradients and all else by Adam, on batches of rows (Hensman et al. 2013; Salimbeni et al. 2018), with
 * white inducing values: memory and the time of a step do not grow with the data. Latents of a likelihood with several
 * share one kernel. Throws ShapeError, NonFiniteError or UsageError for data that do not fit. Yields one report a step.
 */
export function* fitVariational(
  kernel: Kernel,
  { x, y }: { readonly x: Matrix; readonly y: Matrix },
  options: FitVariationalOptions = {},
): Task<VariationalFit> {
  const { inducing = 256, batchSize = 1024, steps = 500, seed = 0 } = options;
  const { naturalRate = 0.1, learningRate = 0.02, moveInducing = true, fitParameters = true } = options;
  expectSingle(kernel);
  expectShape(x, "x", undefined, kernel.inputs);
  expectFinite(x, "x");
  for (const [name, value] of Object.entries({ batchSize, steps })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new UsageError(`${name} should be a whole number from 1, got ${value}`);
    }
  }
  if (!(naturalRate > 0 && naturalRate <= 1)) {
    throw new UsageError(`naturalRate lies above 0 and up to 1, got ${naturalRate}`);
  }
  const root = key(seed);
  const begun = yield* begin(kernel, x, y, options, root);
  expectShape(y, "y", x.rows, begun.likelihood.outputs);
  begun.likelihood.check(y);
  const points =
    typeof inducing === "number"
      ? greedyInducing(begun.kernel, x, inducing, split(root, "inducing"))
      : inducing;
  expectShape(points, "the inducing points", undefined, x.cols);
  const moved = moveInducing && fitParameters && begun.kernel.pullbackInputs !== undefined;
  const place: Parameter = { value: points.data.slice(), support: "real", fixed: !moved };
  const origin: Parameters = {
    ...joinParts({
      kernel: begun.kernel.parameters,
      mean: begun.mean.parameters,
      likelihood: begun.likelihood.parameters,
    }),
    inducing: place,
  };
  let latents: readonly WhiteGaussian[] = Array.from({ length: begun.likelihood.latents }, () =>
    whitePrior(points.rows),
  );
  const modelAt = (parameters: Parameters): VariationalModel => {
    const at = begun.kernel.with(partOf(parameters, "kernel"));
    const z = matrix(points.rows, points.cols, parameters.inducing!.value);
    return {
      kernel: at,
      mean: begun.mean.with(partOf(parameters, "mean")),
      likelihood: begun.likelihood.with(partOf(parameters, "likelihood")),
      inducing: z,
      factor: inducingFactor(at, z, searchJitter),
      latents,
    };
  };
  const batches = batchesOf(x.rows, Math.min(batchSize, x.rows), split(root, "batches"));
  let batch = { x, y };
  let slopes: VariationalSlopes | undefined;
  const on = searchOf(
    origin,
    (parameters) => {
      slopes = variationalSlopes(modelAt(parameters), batch.x, batch.y, x.rows / batch.x.rows, moved);
      return {
        value: slopes.value,
        gradient: {
          ...joinParts({ kernel: slopes.kernel, mean: slopes.mean, likelihood: slopes.likelihood }),
          ...(slopes.inducing && { inducing: slopes.inducing.data }),
        },
      };
    },
    { reach: reachOf(begun, x, points, moved, split(root, "reach")) },
  );
  const w = on.coordinates(origin);
  const state = adam({ learningRate }).start([w.length]);
  let recent = 0;
  for (let step = 0; step < steps; step++) {
    const rows = batches.next().value;
    if (rows.length < x.rows) batch = { x: takeRows(x, rows), y: takeRows(y, rows) };
    const { value, gradient } = on.at(w);
    if (!Number.isFinite(value) || !slopes) {
      throw new UsageError(
        `the bound has no value after ${step} steps: lower learningRate or naturalRate, or scale the data`,
      );
    }
    const found = slopes;
    latents = latents.map((q, l) => naturalStep(q, found.latents[l]!, naturalRate));
    if (fitParameters && w.length > 0) {
      const rate = learningRate * 0.1 ** (step / Math.max(1, steps - 1));
      state.step([w], [gradient.map((g) => -g)], rate);
    }
    recent = step === 0 ? value : 0.9 * recent + 0.1 * value;
    yield { stage: "fit: batches", done: step + 1, total: steps, metrics: { bound: recent } };
  }
  const model = modelAt(on.parameters(w));
  const bound = variationalBound(model, x, y);
  const process = variationalPosterior(model, bound);
  return {
    kernel: model.kernel,
    mean: model.mean,
    likelihood: model.likelihood,
    process,
    logEvidence: bound,
    report: {
      value: bound,
      iterations: steps,
      // Batches have no last digit to wait for: the steps asked for were made.
      converged: true,
      warnings:
        steps * batchSize < 2 * x.rows
          ? [`${steps} steps of ${batchSize} rows look at the data less than twice: allow more steps`]
          : [],
    },
  };
}

interface Begun {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly likelihood: Likelihood;
  /** Of the latents, about. */
  readonly spread: number;
}

/** Gaussian noise from an exact fit to some rows; other likelihoods with latents of variance 1 at the data's scales. */
function* begin(
  kernel: Kernel,
  x: Matrix,
  y: Matrix,
  options: FitVariationalOptions,
  root: Key,
): Task<Begun> {
  const { likelihood, mean } = options;
  if (!likelihood) {
    expectShape(y, "y", x.rows, 1);
    expectFinite(y, "y");
    const model = yield* beginWithRows(kernel, { x, y }, options, root);
    const own = gaussian(noiseOf(model));
    const { noiseVariance } = own.parameters;
    const fixed = { noiseVariance: { ...noiseVariance!, fixed: model.noise.fixed === true } };
    return {
      kernel: model.kernel,
      mean: model.mean,
      likelihood: own.with(fixed),
      spread: Math.sqrt(targetVariance(y)),
    };
  }
  const { latents } = likelihood;
  const plain = mean ? meanOf(mean) : constantMean(x.cols, new Float64Array(latents));
  if (plain.outputs !== latents || plain.inputs !== x.cols) {
    throw new UsageError(
      `the mean maps ${plain.inputs} inputs to ${plain.outputs} outputs; ${x.cols} columns and ${latents} latent functions were expected`,
    );
  }
  // A latent that is seen directly has the targets' own scale and place; behind a link, variance 1.
  if (likelihood.name === "gaussian" || likelihood.name === "student-t") {
    const centred = constantMean(x.cols, columnMeans(y));
    const averages = centred.at(x).data;
    const residual = matrix(
      y.rows,
      y.cols,
      y.data.map((v, k) => v - averages[k]!),
    );
    return {
      kernel: defaultsFromData(kernel, x, residual),
      mean: mean ? plain : centred,
      likelihood,
      spread: Math.sqrt(targetVariance(y)),
    };
  }
  const unit = matrix(
    x.rows,
    1,
    Float64Array.from({ length: x.rows }, (_, i) => (i % 2 ? 1 : -1)),
  );
  return { kernel: defaultsFromData(kernel, x, unit), mean: plain, likelihood, spread: 1 };
}

/** As the exact fit's `reach`; parameters of likelihoods as they are, inducing points by their columns' spread. */
function reachOf(
  { kernel, mean, likelihood, spread }: Begun,
  x: Matrix,
  points: Matrix,
  moved: boolean,
  root: Key,
) {
  const noise = { value: Float64Array.of(1), support: "positive", fixed: true } as const;
  const ofLikelihood = toVector(likelihood.parameters).length;
  return Float64Array.of(
    ...reach({ kernel, mean, noise }, x, spread, root),
    ...new Float64Array(ofLikelihood).fill(1),
    ...(moved ? columnSpreads(points) : []),
  );
}

/** Rows of batches without end: every row once an epoch, in an order of its own. */
function* batchesOf(rows: number, size: number, root: Key): Generator<Int32Array, never, void> {
  for (let epoch = 0; ; epoch++) {
    const order = permutation(split(root, epoch), rows);
    for (let from = 0; from + size <= rows; from += size) yield order.slice(from, from + size);
  }
}
