import { type Adaptation, type AdaptOptions, adapt } from "../adapt/index.ts";
import { DataError, ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, stackRows } from "../linalg/index.ts";
import {
  dense,
  type Epoch,
  type Examples,
  type Layer,
  type Network,
  network,
  type TrainOptions,
  train,
} from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import { type ArrayInputs, inputMatrix, type ModelInputs, type Rows, standardUnits } from "./model-inputs.ts";
import { inputNames, type Prediction } from "./prediction.ts";
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

/** A network of arrays, images say, that gives numbers. */
export interface ArrayModel extends Omit<Model, "kind" | "inputs"> {
  readonly kind: "array";
  readonly inputs: ArrayInputs;
}

/** Anything with a network that gives numbers. */
export type RegressionModel = Model | ArrayModel;

/** An adaptation with the data it was made from, in standard units: enough to make it again. */
export interface Adapted {
  readonly adaptation: Adaptation;
  readonly x: Matrix;
  readonly y: Matrix;
  /** The noise variance of each example, where it was given. */
  readonly noise?: Float64Array;
}

export interface TrainModelOptions extends TrainOptions {
  /** The column to predict, or several. */
  readonly target: string | readonly string[];
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
  const targets = [target].flat();
  const names = inputNames(table, targets, ignore);
  const y = select(table, targets);
  const x = select(table, names);
  const [inputs, scaled] = [standardiser(names, x), standardiser(targets, y)];
  const layers = [
    ...hidden.flatMap((units) => [dense(units) as Layer, activation()]),
    dense(targets.length) as Layer,
  ];
  const start = network({ inputShape: [names.length], layers, seed: options.seed ?? 0 });
  const {
    network: trained,
    history,
    keptEpoch,
  } = yield* train(start, { x: apply(inputs, x), y: apply(scaled, y) }, training);
  return { kind: "network", network: trained, inputs, target: scaled, history, keptEpoch };
}

export interface AdaptModelOptions extends Omit<AdaptOptions, "noiseVariance"> {
  /** Known standard deviation of the noise in the target's units: one, or one for each row; fitted unless given. */
  readonly noiseSd?: number | Float64Array;
}

/**
 * Adapts the model's network to a table with the same columns (any order). A model that was adapted before keeps
 * what it has seen: scales and noise are fitted anew to all of it. Throws DataError for missing or non-numeric
 * columns and for values too far from the training rows to compute with.
 */
export function adaptModel(model: Model, table: Table, options: AdaptModelOptions = {}): Model {
  const y = standardUnits(model.target, select(table, model.target.names), table);
  return adaptToExamples(model, { x: modelInputs(model, table), y }, options);
}

/** The same for examples x and y in the network's own units; `noiseSd` is in the target's units still. */
export function adaptToExamples<M extends RegressionModel>(
  model: M,
  fresh: Examples,
  { noiseSd, ...options }: AdaptModelOptions = {},
): M {
  const { adapted, target } = model;
  const noise = noiseSd === undefined ? undefined : standardNoise(noiseSd, fresh, target);
  if (adapted && (adapted.noise === undefined) !== (typeof noise !== "object")) {
    throw new UsageError(
      "the rows seen before and the new ones should both have a noise of their own, or neither: give --noise-sd for both",
    );
  }
  const x = adapted ? stackRows([adapted.x, fresh.x]) : fresh.x;
  const y = adapted ? stackRows([adapted.y, fresh.y]) : fresh.y;
  const each = typeof noise === "object" ? Float64Array.of(...(adapted?.noise ?? []), ...noise) : undefined;
  const known = each ?? noise;
  const adaptation = adapt(
    model.network,
    { x, y },
    { ...options, ...(known !== undefined && { noiseVariance: known }) },
  );
  return { ...model, adapted: { adaptation, x, y, ...(each && { noise: each }) } };
}

/**
 * Gives an adapted model more examples, in the network's own units; its scales and noise stay. Throws UsageError for one
 * that was not adapted, or whose examples have a noise of their own.
 */
export function extendAdapted<M extends RegressionModel>(model: M, more: Examples): M {
  const { adapted } = model;
  if (!adapted) throw new UsageError("a network that was not adapted has no examples to add to: adapt it");
  if (adapted.noise) throw new UsageError("examples with a noise of their own are joined by adapting again");
  const x = stackRows([adapted.x, more.x]);
  const y = stackRows([adapted.y, more.y]);
  return { ...model, adapted: { adaptation: adapted.adaptation.add(more), x, y } };
}

/** Noise variances in squared standard units. Throws UsageError where the targets are several in different units. */
export function standardNoise(
  sd: number | Float64Array,
  { y }: Examples,
  target: Standardiser,
): number | Float64Array {
  const [scale] = target.scale;
  if (target.scale.some((s) => s !== scale)) {
    throw new UsageError("a known noise is of one target: with several it is fitted");
  }
  const variance = (v: number, row: number) => {
    if (v > 0 && v < Infinity) return (v / scale!) ** 2;
    throw new DataError(`the noise sd should be above 0, got ${v} in row ${row + 2}`, { row: row + 2 });
  };
  if (typeof sd === "number") return variance(sd, 0);
  if (sd.length !== y.rows) throw new ShapeError(`${y.rows} rows need as many noise sds, got ${sd.length}`);
  return sd.map(variance);
}

/** Predictions of each target in turn, a row a point. */
export function predictTargets(model: RegressionModel, rows: Rows): readonly Prediction[] {
  const x = inputMatrix(inputsOfNetwork(model), rows);
  const { target, adapted, network } = model;
  const pick = (values: Matrix) => target.names.map((_, t) => columnOf(values, t));
  if (!adapted) return pick(undo(target, network.at(x))).map((mean) => ({ mean }));
  const observed = adapted.adaptation.process.observed(x);
  const { lower, upper } = observed.interval(0.95);
  const means = pick(undo(target, observed.mean));
  const sds = pick(undoScale(target, observed.standardDeviation));
  const [lows, highs] = [pick(undo(target, lower)), pick(undo(target, upper))];
  return means.map((mean, t) => ({
    mean,
    spread: { sd: sds[t]!, lower: lows[t]!, upper: highs[t]! },
  }));
}

function columnOf({ rows, cols, data }: Matrix, c: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => data[i * cols + c]!);
}

/** Predicts the only target for each row of a table. Throws UsageError for a model of several. */
export function predictModel(model: Model, table: Table): Prediction {
  const predictions = predictTargets(model, table);
  if (predictions.length > 1) {
    throw new UsageError(
      `the model predicts ${model.target.names.join(" and ")}: ask for each, by predictTargets`,
    );
  }
  return predictions[0]!;
}

/** The model's inputs of each row, in standard units. Throws DataError like `adaptModel`. */
export function modelInputs(model: Model, table: Table): Matrix {
  return inputMatrix(inputsOfNetwork(model), table);
}

/** What the model's network takes. */
export function inputsOfNetwork(model: RegressionModel): ModelInputs {
  return model.kind === "array" ? model.inputs : { kind: "columns", units: model.inputs };
}
