import { UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import type { Key } from "../random/index.ts";
import { type ConstrainedGpModel, predictConstrained } from "./constrained-model.ts";
import { type DeepTableModel, deepInputs, predictDeep } from "./deep-table-model.ts";
import { type GpModel, predictGp } from "./gp-model.ts";
import { type LargeGpModel, predictLarge } from "./large-gp-model.ts";
import { type Model, modelInputs, predictModel } from "./model.ts";
import { inputsOf, type Prediction } from "./prediction.ts";
import { undo } from "./standardise.ts";
import type { Table } from "./table.ts";

/** Distributions over functions of a table. */
export type ProcessModel = GpModel | DeepTableModel | LargeGpModel | ConstrainedGpModel;

const processKinds: readonly string[] = [
  "gp",
  "deep",
  "large",
  "constrained",
] satisfies ProcessModel["kind"][];

/** Whether a model is a distribution over functions of a table without a network below. */
export function isProcess<M extends { readonly kind: string }>(
  model: M,
): model is Extract<M, { readonly kind: ProcessModel["kind"] }> {
  return processKinds.includes(model.kind);
}

/** Those that know their columns by name, in the table's own units. */
function isNamed(model: TableModel): model is Exclude<ProcessModel, DeepTableModel> {
  return model.kind !== "deep" && model.kind !== "network";
}

/** Anything that predicts one column of a table from others: a network, adapted or not, or a (deep) Gaussian process. */
export type TableModel = Model | ProcessModel;

export function targetOf(model: TableModel): string {
  return isNamed(model) ? model.target : model.target.names[0]!;
}

export function inputsOfModel(model: TableModel): readonly string[] {
  return isNamed(model) ? model.inputs : model.inputs.names;
}

/** Predicts the target for each row of a table that has the model's input columns (any order, others ignored). */
export function predictTable(model: TableModel, table: Table): Prediction {
  if (model.kind === "deep") return predictDeep(model, table);
  if (model.kind === "large") return predictLarge(model, table);
  if (model.kind === "constrained") return predictConstrained(model, table);
  return model.kind === "gp" ? predictGp(model, table) : predictModel(model, table);
}

/**
 * Functions drawn from the model's posterior, each as its values at a table's rows (rows × count, in the target's
 * units). Throws UsageError for a network that was not adapted: it is one function, not a distribution.
 */
export function sampleTable(model: TableModel, table: Table, key: Key, count: number): readonly Matrix[] {
  if (isNamed(model)) {
    const x = inputsOf(model.inputs, table);
    return model.process.sample(key, count).map((f) => f.at(x));
  }
  if (model.kind === "deep") {
    const x = deepInputs(model, table);
    return model.process.sample(key, count).map((f) => undo(model.target, f.at(x)));
  }
  const { adapted } = model;
  if (!adapted) {
    throw new UsageError(
      "a network that was not adapted is one function: adapt it to have a distribution to sample",
    );
  }
  const x = modelInputs(model, table);
  return adapted.adaptation.process.sample(key, count).map((f) => undo(model.target, f.at(x)));
}
