import { type Adaptation, type AdaptOptions, adapt } from "../adapt/index.ts";
import { DataError } from "../errors/index.ts";
import { type Matrix, stackRows } from "../linalg/index.ts";
import {
  dense,
  type Epoch,
  type Layer,
  type Network,
  network,
  type TrainOptions,
  train,
} from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import { inputNames, inputsOf, type Prediction } from "./prediction.ts";
import { apply, type Standardiser, standardiser, undo, undoScale } from "./standardise.ts";
import { select, type Table } from "./table.ts";

/** A network trained on a table, with all that predicting in the table's own units needs. */
export interface Model {
  readonly kind: "network";
  readonly network: Network;
  /** The input columns, in the network's order, with their change of units. */
  readonly inputs: Standardiser;
  readonly target: Standardiser;
  readonly history: readonly Epoch[];
  /** The epoch whose weights were kept, from 1. */
  readonly keptEpoch: number;
  /** The new data the network was adapted to, when it was. */
  readonly adapted?: Adapted;
}

/** An adaptation with the data it was made from, in standard units: enough to make it again. */
export interface Adapted {
  readonly adaptation: Adaptation;
  readonly x: Matrix;
  readonly y: Matrix;
}

export interface TrainModelOptions extends TrainOptions {
  /** The column to predict. */
  readonly target: string;
  /** Columns that are neither target nor input. */
  readonly ignore?: readonly string[];
  /** Units of the hidden layers. */
  readonly hidden: readonly number[];
  readonly activation: () => Layer;
}

/**
 * Trains a dense network on a table: every column but the target (and those ignored) is an input; all are
 * standardised. Throws DataError for missing, constant or non-numeric columns and for too few rows.
 */
export function* trainModel(table: Table, options: TrainModelOptions): Task<Model> {
  const { target, ignore = [], hidden, activation, ...training } = options;
  const names = inputNames(table, target, ignore);
  const y = select(table, [target]);
  const x = select(table, names);
  const [inputs, scaled] = [standardiser(names, x), standardiser([target], y)];
  const layers = [...hidden.flatMap((units) => [dense(units) as Layer, activation()]), dense(1) as Layer];
  const start = network({ inputShape: [names.length], layers, seed: options.seed ?? 0 });
  const {
    network: trained,
    history,
    keptEpoch,
  } = yield* train(start, { x: apply(inputs, x), y: apply(scaled, y) }, training);
  return { kind: "network", network: trained, inputs, target: scaled, history, keptEpoch };
}

/**
 * Adapts the model's network to a table with the same columns (any order). A model that was adapted before keeps
 * what it has seen: scales and noise are fitted anew to all of it. Throws DataError for missing or non-numeric
 * columns and for values too far from the training rows to compute with.
 */
export function adaptModel(model: Model, table: Table, options: AdaptOptions = {}): Model {
  const fresh = {
    x: modelInputs(model, table),
    y: standardUnits(model.target, select(table, model.target.names), table),
  };
  const { adapted } = model;
  const x = adapted ? stackRows([adapted.x, fresh.x]) : fresh.x;
  const y = adapted ? stackRows([adapted.y, fresh.y]) : fresh.y;
  return { ...model, adapted: { adaptation: adapt(model.network, { x, y }, options), x, y } };
}

/** Predicts the target for each row of a table that has the model's input columns (any order, others ignored). */
export function predictModel(model: Model, table: Table): Prediction {
  const x = modelInputs(model, table);
  const { target, adapted } = model;
  if (!adapted) return { mean: undo(target, model.network.at(x)).data };
  const observed = adapted.adaptation.process.observed(x);
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

/** The model's inputs of each row, in standard units. Throws DataError like `adaptModel`. */
export function modelInputs(model: Model, table: Table): Matrix {
  return standardUnits(model.inputs, inputsOf(model.inputs.names, table), table);
}

// In standard deviations of the training rows: beyond, squares overflow the network's single precision.
const farthest = 1e18;

function standardUnits(units: Standardiser, values: Matrix, table: Table): Matrix {
  const standard = apply(units, values);
  const bad = standard.data.findIndex((v) => Math.abs(v) > farthest);
  if (bad < 0) return standard;
  const row = Math.floor(bad / standard.cols) + 2;
  const column = units.names[bad % standard.cols]!;
  throw new DataError(
    `${table.source}: row ${row}, column "${column}": ${values.data[bad]} is more than ${farthest.toExponential()} standard deviations away from the rows trained on; mend or drop the row`,
    { row, column },
  );
}
