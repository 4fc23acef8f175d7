import { DataError, UsageError } from "../errors/index.ts";
import { type Network, networkOf } from "../networks/index.ts";
import type { ClassifierModel } from "./classifier-model.ts";
import type { RegressionModel } from "./model.ts";
import {
  type ArrayInputs,
  arrayInputs,
  isTable,
  type ModelInputs,
  plainUnits,
  type Rows,
} from "./model-inputs.ts";
import { columnsBut } from "./prediction.ts";

/** What a network from elsewhere takes, where its file does not say. */
export interface BareInputs {
  /** The columns of a table, in the network's order; all but the answers unless given. */
  readonly columns?: readonly string[];
  readonly ignore?: readonly string[];
  /** Of arrays; see ArrayInputs. */
  readonly arrays?: Partial<Pick<ArrayInputs, "bytes" | "mean" | "scale">>;
}

/** A network that came alone, from ONNX say, as a model of numbers in their own units. Throws DataError where rows do not fit. */
export function regressionModelOf(
  network: Network,
  rows: Rows,
  targets: readonly string[],
  given: BareInputs = {},
): RegressionModel {
  if (targets.length !== network.outputs) {
    throw new DataError(
      `the network has ${network.outputs} ${network.outputs === 1 ? "output" : "outputs"}, and the targets are ${targets.join(", ") || "none"}: name one for each (for a network of classes give labels)`,
    );
  }
  const inputs = inputsFor(network, rows, targets, given);
  const rest = { network, target: plainUnits(targets), history: [], keptEpoch: 0 };
  return inputs.kind === "array"
    ? { kind: "array", inputs, ...rest }
    : { kind: "network", inputs: inputs.units, ...rest };
}

/**
 * A network that came alone as a classifier. `label` is the column of labels, where rows and labels are of one table. A
 * softmax or sigmoid at its end is taken off: what is adapted are the logits. Throws UsageError for a number of classes
 * that is not the network's.
 */
export function classifierModelOf(
  given: Network,
  rows: Rows,
  classes: readonly string[],
  label: string | undefined,
  options: BareInputs = {},
): ClassifierModel {
  const network = logitsOf(given);
  const count = network.outputs === 1 ? 2 : network.outputs;
  if (classes.length !== count) {
    throw new UsageError(
      `the network has ${network.outputs} ${network.outputs === 1 ? "output, which tells 2 classes apart" : "outputs"}, and the classes are ${classes.length}: ${classes.join(", ")}`,
    );
  }
  return {
    kind: "classifier",
    network,
    inputs: inputsFor(network, rows, label === undefined ? [] : [label], options),
    ...(label !== undefined && { label }),
    classes,
    history: [],
    keptEpoch: 0,
  };
}

/** The network before a last softmax, or sigmoid of one output; the network itself where it has none. */
export function logitsOf(network: Network): Network {
  const last = network.layers.length - 1;
  const kind = network.layers[last]?.definition.kind;
  const ends = kind === "softmax" || (kind === "sigmoid" && network.outputs === 1);
  const [source] = network.sources[last] ?? [];
  if (!ends || source !== last - 1 || source < 0) return network;
  return networkOf(
    {
      ...network,
      layers: network.layers.slice(0, -1),
      sources: network.sources.slice(0, -1),
      buffers: network.buffers.slice(0, -1),
    },
    network.weights.slice(0, -1),
  );
}

/** What a network that came alone takes of these rows. Throws DataError for a table of other columns. */
export function inputsFor(
  network: Network,
  rows: Rows,
  answers: readonly string[],
  { columns, ignore = [], arrays = {} }: BareInputs,
): ModelInputs {
  if (!isTable(rows)) return arrayInputs(network.inputShape, arrays);
  // What a table lacks is said when its columns are read.
  const names = columns ?? columnsBut(rows, answers, ignore);
  if (names.length !== network.inputs) {
    throw new DataError(
      `the network takes ${network.inputs} inputs, and ${columns ? "the inputs named" : `${rows.source}${answers.length > 0 ? `, without ${answers.join(", ")},` : ""}`} are ${names.length} columns: ${names.slice(0, 20).join(", ")}; name them in the network's order with --inputs`,
    );
  }
  return { kind: "columns", units: plainUnits(names) };
}
