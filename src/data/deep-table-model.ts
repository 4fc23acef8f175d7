import {
  type DeepPosterior,
  type DeepReport,
  deepStack,
  type FitDeepOptions,
  fitDeep,
} from "../deep/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { likelihoods } from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { standardUnits } from "./model-inputs.ts";
import { inputNames, inputsOf, type Prediction } from "./prediction.ts";
import { apply, type Standardiser, standardiser, undo, undoScale } from "./standardise.ts";
import { select, type Table } from "./table.ts";

/** A deep Gaussian process fitted to a table, with all that predicting in the table's own units needs. */
export interface DeepTableModel {
  readonly kind: "deep";
  /** The input columns, in the process's order, with their change of units. */
  readonly inputs: Standardiser;
  readonly target: Standardiser;
  /** In standard units. */
  readonly process: DeepPosterior;
}

export interface FitDeepModelOptions extends Omit<FitDeepOptions, "likelihood"> {
  readonly target: string;
  readonly ignore?: readonly string[];
  /** Gaussian processes one upon the other. */
  readonly layers: number;
  /** Of hidden layers: as many as inputs, 30 at most, unless given. */
  readonly width?: number;
}

/**
 * Fits a deep Gaussian process to a table: every column but the target (and those ignored) is an input; all are
 * standardised. Throws DataError for missing, constant or non-numeric columns and for too few rows.
 */
export function* fitDeepModel(
  table: Table,
  options: FitDeepModelOptions,
): Task<{ readonly model: DeepTableModel; readonly report: DeepReport }> {
  const { target, ignore = [], layers, width, ...fitting } = options;
  const names = inputNames(table, target, ignore);
  const [x, y] = [select(table, names), select(table, [target])];
  const [inputs, scaled] = [standardiser(names, x), standardiser([target], y)];
  const process = deepStack(names.length, { layers, ...(width !== undefined && { width }) });
  const fitted = yield* fitDeep(process, { x: apply(inputs, x), y: apply(scaled, y) }, fitting);
  return {
    model: { kind: "deep", inputs, target: scaled, process: fitted.process },
    report: fitted.report,
  };
}

/** The inputs of each row, in standard units. Throws DataError for missing columns and values too far away. */
export function deepInputs({ inputs }: DeepTableModel, table: Table): Matrix {
  return standardUnits(inputs, inputsOf(inputs.names, table), table);
}

/** Standard deviations of the noise over a table's rows, in the target's units: least, middle and greatest. */
export function noiseSds(model: DeepTableModel, table: Table): readonly [number, number, number] {
  const { target, process } = model;
  const { layers, likelihood } = process.model;
  const scale = target.scale[0]!;
  if (likelihood.name !== "varying noise") {
    const sd = scale * Math.sqrt(likelihood.parameters.noiseVariance!.value[0]!);
    return [sd, sd, sd];
  }
  const { mean } = process.layersAt(deepInputs(model, table))[layers.length - 1]!;
  const sds = Float64Array.from(
    { length: mean.rows },
    (_, i) => scale * Math.sqrt(likelihoods.noiseAt(likelihood.parameters, mean.data[2 * i + 1]!)),
  ).sort();
  return [sds[0]!, sds[sds.length >> 1]!, sds.at(-1)!];
}

/** Predicts the target for each row of a table that has the model's input columns. */
export function predictDeep(model: DeepTableModel, table: Table): Prediction {
  const { target, process } = model;
  const observed = process.observed(deepInputs(model, table));
  const { lower, upper } = observed.interval(0.95);
  return {
    mean: undo(target, observed.mean).data,
    spread: {
      sd: undoScale(target, observed.standardDeviation).data,
      lower: undo(target, lower).data,
      upper: undo(target, upper).data,
    },
  };
}
