import { UsageError } from "../../errors/index.ts";
import {
  expectFinite,
  expectShape,
  type Matrix,
  matrix,
  reshape,
  stackRows,
  takeRows,
} from "../../linalg/index.ts";
import type { Gaussian } from "../gaussian.ts";
import type { Predictive } from "../likelihoods/likelihood.ts";
import type { Process } from "../process.ts";
import { expectPoint, keptRows, withRow } from "../update.ts";
import type { LatentMethod, LikelihoodModel } from "./approximation.ts";
import { expectationPropagation } from "./expectation-propagation.ts";
import { laplace } from "./laplace.ts";
import { variational } from "./variational.ts";

export type LatentMethodName = "laplace" | "variational" | "expectation-propagation";

const methods: Readonly<Record<LatentMethodName, LatentMethod>> = {
  laplace,
  variational,
  "expectation-propagation": expectationPropagation,
};

/** The method of this name. Throws UsageError where there is none. */
export function latentMethod(name: LatentMethodName): LatentMethod {
  const found = methods[name];
  if (!found) throw new UsageError(`a method is one of ${Object.keys(methods).join(", ")}, got "${name}"`);
  return found;
}

/** What was seen of latent functions: x is n × inputs, y n × the likelihood's columns. */
export interface LatentData {
  readonly x: Matrix;
  readonly y: Matrix;
}

/** p(f | y) under any likelihood, approximated by a Gaussian process: a process over the latent functions. */
export interface LikelihoodPosterior extends Process<Gaussian> {
  readonly model: LikelihoodModel;
  readonly method: LatentMethodName;
  readonly data: LatentData;
  /** log p(y) in nats: the method's approximation of it, for "variational" a lower bound. */
  readonly logEvidence: number;
  /** K⁻¹ (E f − mean) at the data, n·L × 1. */
  readonly alpha: Matrix;
  /** What will be seen at x: means and variances of y, or class probabilities. */
  predictive(x: Matrix): Predictive;
  /** log p(y_i | data) at each x_i, in nats. */
  logPredictive(x: Matrix, y: Matrix): Float64Array;
  /** The posterior given these observations as well, found from the present one. */
  condition(more: LatentData): LikelihoodPosterior;
  /** The posterior without the observations at these rows of `data` (from 0), found from the present one. */
  without(indices: readonly number[]): LikelihoodPosterior;
  /** The posterior with the observation at this row changed to another (one row), in its place. */
  replace(index: number, observation: LatentData): LikelihoodPosterior;
}

/**
 * The posterior of a model whose parameters are known. "laplace" unless given. Throws ShapeError, NonFiniteError or
 * UsageError for data that do not fit, NotConvergedError.
 */
export function conditionLatent(
  model: LikelihoodModel,
  data: LatentData,
  method: LatentMethodName = "laplace",
  start?: Matrix,
): LikelihoodPosterior {
  expectLatentData(model, data);
  const { likelihood, mean } = model;
  const { latents } = likelihood;
  const found = latentMethod(method)(model, data.x, data.y, start);
  const process = found.process();
  const moments = (x: Matrix) => {
    expectShape(x, "x", undefined, mean.inputs);
    expectFinite(x, "x");
    if (latents === 1) return process.at(x);
    const { mean: centre, covariance } = process.blocks(x);
    return { mean: centre, variance: reshape(covariance, x.rows, latents * latents) };
  };
  return {
    inputs: mean.inputs,
    outputs: latents,
    model,
    method,
    data,
    logEvidence: found.logEvidence,
    alpha: found.alpha,
    at: process.at,
    sample: process.sample,
    predictive(x) {
      const at = moments(x);
      return likelihood.predictive(at.mean, at.variance);
    },
    logPredictive(x, y) {
      expectShape(y, "y", x.rows, likelihood.outputs);
      likelihood.check(y);
      const at = moments(x);
      return likelihood.logPredictive(at.mean, at.variance, y);
    },
    condition(more) {
      expectLatentData(model, more);
      const x = stackRows([data.x, more.x]);
      const longer = new Float64Array(x.rows * latents);
      longer.set(found.alpha.data);
      const begin = matrix(longer.length, 1, longer);
      return conditionLatent(model, { x, y: stackRows([data.y, more.y]) }, method, begin);
    },
    without(indices) {
      const { kept } = keptRows(data.x.rows, indices);
      const alpha = takeRows(reshape(found.alpha, data.x.rows, latents), kept);
      return conditionLatent(
        model,
        { x: takeRows(data.x, kept), y: takeRows(data.y, kept) },
        method,
        reshape(alpha, kept.length * latents, 1),
      );
    },
    replace(index, observation) {
      expectPoint(index, data.x.rows);
      expectLatentData(model, observation);
      expectShape(observation.x, "the observation", 1, mean.inputs);
      const changed = {
        x: withRow(data.x, index, observation.x),
        y: withRow(data.y, index, observation.y),
      };
      return conditionLatent(model, changed, method, found.alpha);
    },
  };
}

/** Throws ShapeError, NonFiniteError or UsageError for data that the model cannot have given. */
export function expectLatentData({ kernel, mean, likelihood }: LikelihoodModel, { x, y }: LatentData): void {
  for (const [name, outputs] of Object.entries({ kernel: kernel.outputs, mean: mean.outputs })) {
    if (outputs !== likelihood.latents) {
      throw new UsageError(
        `the likelihood ${likelihood.name} has ${likelihood.latents} latent function(s), the ${name} ${outputs} output(s)`,
      );
    }
  }
  expectShape(x, "x", undefined, kernel.inputs ?? mean.inputs);
  expectFinite(x, "x");
  expectShape(y, "y", x.rows, likelihood.outputs);
  if (x.rows === 0) throw new UsageError("there are no observations");
  likelihood.check(y);
}
