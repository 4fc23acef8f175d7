import { type Adaptation, type AdaptOptions, adapt, rmse, type Scores, scores } from "../adapt/index.ts";
import { DataError } from "../errors/index.ts";
import { columnVector, type Matrix, matrix } from "../linalg/index.ts";
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
import { apply, missingColumns, type Standardiser, standardiser, undo, undoScale } from "./standardise.ts";
import { select, type Table } from "./table.ts";

/** A network trained on a table, with all that predicting in the table's own units needs. */
export interface Model {
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
  // Asking for the columns first names the one that is missing.
  const y = select(table, [target]);
  expectColumns(table, ignore);
  const names = table.columns.filter((name) => name !== target && !ignore.includes(name));
  if (names.length === 0) {
    throw new DataError(
      `${table.source} has no column besides "${target}": a network needs at least one input`,
    );
  }
  const x = select(table, names);
  const [inputs, scaled] = [standardiser(names, x), standardiser([target], y)];
  const layers = [...hidden.flatMap((units) => [dense(units) as Layer, activation()]), dense(1) as Layer];
  const start = network({ inputShape: [names.length], layers, seed: options.seed ?? 0 });
  const {
    network: trained,
    history,
    keptEpoch,
  } = yield* train(start, { x: apply(inputs, x), y: apply(scaled, y) }, training);
  return { network: trained, inputs, target: scaled, history, keptEpoch };
}

/**
 * Adapts the model's network to a table with the same columns (any order). A model that was adapted before keeps
 * what it has seen: scales and noise are fitted anew to all of it.
 */
export function adaptModel(model: Model, table: Table, options: AdaptOptions = {}): Model {
  const x = below(model.adapted?.x, modelInputs(model, table));
  const y = below(model.adapted?.y, apply(model.target, select(table, model.target.names)));
  return { ...model, adapted: { adaptation: adapt(model.network, { x, y }, options), x, y } };
}

function below(first: Matrix | undefined, second: Matrix): Matrix {
  if (!first) return second;
  const joined = new Float64Array(first.data.length + second.data.length);
  joined.set(first.data);
  joined.set(second.data, first.data.length);
  return matrix(first.rows + second.rows, second.cols, joined);
}

/** Predictions of the target, a row a point, in its own units. */
export interface Prediction {
  readonly mean: Float64Array;
  /** Of a new observation, noise included; only from an adapted model. */
  readonly spread?: {
    readonly sd: Float64Array;
    /** The central 95 % interval. */
    readonly lower: Float64Array;
    readonly upper: Float64Array;
  };
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

/** Scores of predictions against the true targets, in the target's units; without a spread only `rmse`. */
export function scorePrediction(
  { mean, spread }: Prediction,
  truth: Float64Array,
): Partial<Scores> & Pick<Scores, "rmse"> {
  const [means, y] = [columnVector(mean), columnVector(truth)];
  if (!spread) return { rmse: rmse(means, y) };
  return scores({ mean: means, variance: columnVector(spread.sd.map((sd) => sd * sd)) }, y);
}

function modelInputs(model: Model, table: Table): Matrix {
  const missing = missingColumns(model.inputs.names, table);
  if (missing.length > 0) {
    const list = missing.map((name) => `"${name}"`).join(", ");
    throw new DataError(
      `${table.source} lacks the model's input ${missing.length === 1 ? "column" : "columns"} ${list}; it has ${table.columns.join(", ")}`,
    );
  }
  return apply(model.inputs, select(table, model.inputs.names));
}

function expectColumns(table: Table, names: readonly string[]): void {
  const missing = missingColumns(names, table);
  if (missing.length > 0) {
    throw new DataError(
      `${table.source} has no column "${missing[0]}" to ignore; it has ${table.columns.join(", ")}`,
    );
  }
}
