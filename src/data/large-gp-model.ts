import { UsageError } from "../errors/index.ts";
import { type Kernel, parseKernel } from "../kernels/index.ts";
import {
  type FitByOptions,
  fitBy,
  type IterativePosterior,
  type Mean,
  type MethodFit,
  type SparsePosterior,
  type StateSpacePosterior,
  type VariationalPosterior,
} from "../processes/index.ts";
import { normalQuantile } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { type MeanName, meanNamed } from "./gp-model.ts";
import { inputNames, inputsOf, type Prediction } from "./prediction.ts";
import { select, type Table } from "./table.ts";

/** A Gaussian process fitted to many rows of a table without factoring their matrix, in the table's own units. */
export interface LargeGpModel {
  readonly kind: "large";
  /** The input columns, in the kernel's order. */
  readonly inputs: readonly string[];
  readonly target: string;
  readonly meanName: MeanName;
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** In squared units of the target. */
  readonly noiseVariance: number;
  readonly process: IterativePosterior | SparsePosterior | VariationalPosterior | StateSpacePosterior;
}

export interface FitLargeModelOptions extends Omit<FitByOptions, "mean"> {
  readonly target: string;
  readonly ignore?: readonly string[];
  /** As text: "rbf(ard) + linear"; columns may be named, as in "rbf[age]". */
  readonly kernel: string;
  readonly mean: MeanName;
}

/** A fit's model with how it went: log p(y), or what bounds or estimates it. */
export interface LargeFit {
  readonly model: LargeGpModel;
  readonly fitted: Exclude<MethodFit, { readonly method: "exact" }>;
}

/** Fits by a method for many rows. Throws like `fitModel`, and UsageError where the method is exact: that is `fitModel`. */
export function* fitLargeModel(table: Table, options: FitLargeModelOptions): Task<LargeFit> {
  const { target, ignore = [], kernel: text, mean: meanName, ...fitting } = options;
  const inputs = inputNames(table, target, ignore);
  const data = { x: select(table, inputs), y: select(table, [target]) };
  const kernel = parseKernel(text, { columns: inputs });
  const fitted = yield* fitBy(kernel, data, { ...fitting, mean: meanNamed(meanName, inputs.length) });
  if (fitted.method === "exact") throw new UsageError("an exact fit is made by fitModel");
  const { fit } = fitted;
  const noiseVariance =
    "noiseVariance" in fit ? fit.noiseVariance : fit.likelihood.parameters.noiseVariance!.value[0]!;
  const { kernel: own, mean, process } = fit;
  return {
    model: { kind: "large", inputs, target, meanName, kernel: own, mean, noiseVariance, process },
    fitted,
  };
}

/** Predicts the target for each row of a table that has the model's input columns. */
export function predictLarge({ inputs, process, noiseVariance }: LargeGpModel, table: Table): Prediction {
  const { mean, variance } = process.at(inputsOf(inputs, table));
  const sd = variance.data.map((v) => Math.sqrt(v + noiseVariance));
  const width = normalQuantile(0.975);
  const end = (sign: number) => mean.data.map((m, i) => m + sign * width * sd[i]!);
  return { mean: mean.data, spread: { sd, lower: end(-1), upper: end(1) } };
}

/** Adds the rows of a table; parameters stay. Throws UsageError for variational models, which keep no data. */
export function extendLarge(model: LargeGpModel, table: Table): LargeGpModel {
  const { process, noiseVariance } = model;
  if (process.method === "variational") {
    throw new UsageError("a variational model keeps no rows to add to: fit it again, to all of them");
  }
  const more = { x: inputsOf(model.inputs, table), y: select(table, [model.target]), noiseVariance };
  return { ...model, process: process.condition(more) };
}
