import { formatKernel, type Kernel, parseKernel } from "../kernels/index.ts";
import {
  constantMean,
  type ExactPosterior,
  type FitOptions,
  type FitReport,
  fit,
  linearMean,
  type Mean,
  zeroMean,
} from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { inputNames, inputsOf, type Prediction } from "./prediction.ts";
import { select, type Table } from "./table.ts";

export type MeanName = "zero" | "constant" | "linear";

/** A Gaussian process fitted to a table, in the table's own units. */
export interface GpModel {
  readonly kind: "gp";
  /** The input columns, in the kernel's order. */
  readonly inputs: readonly string[];
  readonly target: string;
  readonly meanName: MeanName;
  readonly kernel: Kernel;
  readonly mean: Mean;
  /** Given all rows the model has seen. */
  readonly process: ExactPosterior;
}

export interface FitModelOptions extends Omit<FitOptions, "mean"> {
  readonly target: string;
  readonly ignore?: readonly string[];
  /** As text: "rbf(ard) + linear"; columns may be named, as in "rbf[age]". */
  readonly kernel: string;
  readonly mean: MeanName;
}

/**
 * Fits a Gaussian process to a table: every column but the target (and those ignored) is an input. Throws FormatError
 * for a kernel text that is none, DataError for missing or non-numeric columns.
 */
export function* fitModel(
  table: Table,
  options: FitModelOptions,
): Task<{ readonly model: GpModel; readonly report: FitReport }> {
  const { target, ignore = [], kernel: text, mean: meanName, ...fitting } = options;
  const inputs = inputNames(table, target, ignore);
  const kernel = parseKernel(text, { columns: inputs });
  const [x, y] = [select(table, inputs), select(table, [target])];
  const fitted = yield* fit(
    kernel,
    { x, y },
    {
      ...fitting,
      mean: meanNamed(meanName, inputs.length),
      columns: inputs,
    },
  );
  const { mean, process, report } = fitted;
  return { model: { kind: "gp", inputs, target, meanName, kernel: fitted.kernel, mean, process }, report };
}

/** The mean of this name, its parameters unset. */
export function meanNamed(name: MeanName, inputs: number): Mean {
  return means[name](inputs);
}

const means: Readonly<Record<MeanName, (inputs: number) => Mean>> = {
  zero: zeroMean,
  constant: (inputs) => constantMean(inputs),
  linear: linearMean,
};

/** Adds the rows of a table to what the model has seen; its parameters stay. */
export function extendGp(model: GpModel, table: Table): GpModel {
  const x = inputsOf(model.inputs, table);
  const y = select(table, [model.target]);
  const { noiseVariance } = model.process;
  return { ...model, process: model.process.condition({ x, y, noiseVariance }) };
}

/** Predicts the target for each row of a table that has the model's input columns. */
export function predictGp(model: GpModel, table: Table): Prediction {
  const observed = model.process.observed(inputsOf(model.inputs, table));
  const { lower, upper } = observed.interval(0.95);
  return {
    mean: observed.mean.data,
    spread: { sd: observed.standardDeviation.data, lower: lower.data, upper: upper.data },
  };
}

/** The fitted kernel as text, four digits a number, columns by name. */
export function kernelText(model: GpModel): string {
  return formatKernel(model.kernel, 4, model.inputs);
}
