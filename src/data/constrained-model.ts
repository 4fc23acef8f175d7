import { DataError } from "../errors/index.ts";
import { formatKernel, parseKernel } from "../kernels/index.ts";
import {
  type ConstrainedFit,
  type ConstrainedPosterior,
  type Constraint,
  type FitConstrainedOptions,
  fitConstrained,
} from "../processes/index.ts";
import { normalQuantile } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { type MeanName, meanNamed } from "./gp-model.ts";
import { inputNames, inputsOf, type Prediction } from "./prediction.ts";
import { select, type Table } from "./table.ts";

/** A Gaussian process fitted to a table, known to be monotone in some columns or bounded, in the table's own units. */
export interface ConstrainedGpModel {
  readonly kind: "constrained";
  readonly inputs: readonly string[];
  readonly target: string;
  readonly meanName: MeanName;
  /** Its likelihood is Gaussian. */
  readonly process: ConstrainedPosterior;
}

export interface FitConstrainedModelOptions
  extends Pick<FitConstrainedOptions, "noiseVariance" | "starts" | "seed"> {
  readonly target: string;
  readonly ignore?: readonly string[];
  readonly kernel: string;
  readonly mean: MeanName;
  /** The direction of the target in columns by name. */
  readonly monotone?: Readonly<Record<string, "up" | "down">>;
  /** Bounds of the function, in the target's units. */
  readonly lower?: number;
  readonly upper?: number;
}

/** Fits to a table under constraints. Throws DataError for columns that are no inputs, and as `fitConstrained` does. */
export function* fitConstrainedModel(
  table: Table,
  options: FitConstrainedModelOptions,
): Task<{ readonly model: ConstrainedGpModel; readonly fitted: ConstrainedFit }> {
  const { target, ignore = [], kernel, mean: meanName, monotone = {}, lower, upper, ...fitting } = options;
  const inputs = inputNames(table, target, ignore);
  const constraints: Constraint[] = Object.entries(monotone).map(([name, direction]) => {
    const column = inputs.indexOf(name);
    if (column < 0) {
      throw new DataError(`"${name}" is to be monotone and is no input; inputs are ${inputs.join(", ")}`);
    }
    return { kind: direction === "up" ? "increasing" : "decreasing", column };
  });
  if (lower !== undefined) constraints.push({ kind: "above", value: lower });
  if (upper !== undefined) constraints.push({ kind: "below", value: upper });
  const fitted = yield* fitConstrained(
    parseKernel(kernel, { columns: inputs }),
    { x: select(table, inputs), y: select(table, [target]) },
    constraints,
    { ...fitting, mean: meanNamed(meanName, inputs.length) },
  );
  return { model: { kind: "constrained", inputs, target, meanName, process: fitted.process }, fitted };
}

/** Predicts what will be seen for each row: the mean within the bounds, the interval of it with its noise. */
export function predictConstrained({ inputs, process }: ConstrainedGpModel, table: Table): Prediction {
  const found = process.predictive(inputsOf(inputs, table));
  if (found.kind !== "number") throw new DataError("a constrained model of a table predicts numbers");
  const sd = found.variance.data.map(Math.sqrt);
  const width = normalQuantile(0.975);
  const end = (sign: number) => found.mean.data.map((m, i) => m + sign * width * sd[i]!);
  return { mean: found.mean.data, spread: { sd, lower: end(-1), upper: end(1) } };
}

/** Adds the rows of a table to what the model has seen; parameters and virtual points stay. */
export function extendConstrained(model: ConstrainedGpModel, table: Table): ConstrainedGpModel {
  const more = { x: inputsOf(model.inputs, table), y: select(table, [model.target]) };
  return { ...model, process: model.process.condition(more) };
}

/** The fitted kernel as text, columns by name. */
export function constrainedKernelText({ inputs, process }: ConstrainedGpModel): string {
  return formatKernel(process.model.kernel, 4, inputs);
}

/** "rising in age, falling in price, from 0 to 1". */
export function constraintsText({ inputs, process }: ConstrainedGpModel): string {
  return process.constraints
    .map((c) => {
      if ("column" in c) return `${c.kind === "increasing" ? "rising" : "falling"} in ${inputs[c.column]}`;
      return `${c.kind === "above" ? "at least" : "at most"} ${c.value}`;
    })
    .join(", ");
}
