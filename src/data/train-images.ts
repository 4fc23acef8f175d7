import { DataError, UsageError } from "../errors/index.ts";
import { columnVector, type Matrix } from "../linalg/index.ts";
import {
  conv2d,
  crossEntropy,
  dense,
  flattenLayer,
  type Layer,
  maxPool2d,
  network,
  type Shape,
  type TrainOptions,
  train,
} from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import type { ClassifierModel } from "./classifier-model.ts";
import { classesOf, classNumbers, type LabelSource } from "./labels.ts";
import type { ArrayModel } from "./model.ts";
import {
  type ArrayInputs,
  arrayInputs,
  inputMatrix,
  isTable,
  type ModelInputs,
  type Rows,
} from "./model-inputs.ts";
import type { NumberArray } from "./number-array.ts";
import { columnsBut } from "./prediction.ts";
import { apply, standardiser } from "./standardise.ts";
import { select } from "./table.ts";

/** A network's hidden layers as they are said in few words. */
export interface HiddenLayers {
  /** Filters of 3 × 3 convolutions over images, each followed by the activation and a maximum over 2 × 2 pixels. */
  readonly convolutions?: readonly number[];
  /** Units of dense layers. */
  readonly hidden: readonly number[];
  readonly activation: () => Layer;
}

export interface TrainClassifierOptions extends HiddenLayers, Omit<TrainOptions, "loss"> {
  readonly labels: LabelSource;
  /** In the order of the outputs; those that the labels name unless given. */
  readonly classes?: readonly string[];
  /** Columns of a table that are neither labels nor inputs. */
  readonly ignore?: readonly string[];
}

/**
 * Trains a network to tell classes apart by cross-entropy, from a table (its columns standardised) or an array of images
 * (channels standardised). Throws DataError for labels or inputs that do not fit.
 */
export function* trainClassifier(rows: Rows, options: TrainClassifierOptions): Task<ClassifierModel> {
  const { labels, ignore = [], hidden, convolutions, activation, ...training } = options;
  const classes = options.classes ?? classesOf(labels);
  if (classes.length < 2)
    throw new UsageError(`a classifier tells two classes or more apart, got ${classes.length}`);
  const own = isTable(rows) && labels.rows === rows ? (labels.column ?? rows.columns[0]!) : undefined;
  const numbers = classNumbers(labels, classes);
  const { inputs, x, shape } = learnedInputs(rows, own, ignore);
  const layers = layersFor(
    shape,
    { hidden, activation, ...(convolutions && { convolutions }) },
    classes.length,
  );
  const start = network({ inputShape: shape, layers, seed: options.seed ?? 0 });
  const examples = { x, y: columnVector(numbers) };
  const trained = yield* train(start, examples, { ...training, loss: crossEntropy() });
  return {
    kind: "classifier",
    network: trained.network,
    inputs,
    ...(own !== undefined && { label: own }),
    classes,
    history: trained.history,
    keptEpoch: trained.keptEpoch,
  };
}

/** Trains a network to give numbers for arrays: y is n × names, in its own units. Throws like `trainClassifier`. */
export function* trainArrayModel(
  array: NumberArray,
  y: Matrix,
  options: HiddenLayers & Omit<TrainOptions, "loss"> & { readonly targets: readonly string[] },
): Task<ArrayModel> {
  const { hidden, convolutions, activation, targets, ...training } = options;
  const { inputs, x, shape } = imageInputs(array);
  const target = standardiser(targets, y);
  const layers = layersFor(
    shape,
    { hidden, activation, ...(convolutions && { convolutions }) },
    targets.length,
  );
  const start = network({ inputShape: shape, layers, seed: options.seed ?? 0 });
  const trained = yield* train(start, { x, y: apply(target, y) }, training);
  return {
    kind: "array",
    network: trained.network,
    inputs,
    target,
    history: trained.history,
    keptEpoch: trained.keptEpoch,
  };
}

interface Learned<I extends ModelInputs> {
  readonly inputs: I;
  /** In the network's units. */
  readonly x: Matrix;
  readonly shape: Shape;
}

function learnedInputs(
  rows: Rows,
  label: string | undefined,
  ignore: readonly string[],
): Learned<ModelInputs> {
  if (!isTable(rows)) return imageInputs(rows);
  const names = columnsBut(rows, label === undefined ? [] : [label], ignore);
  const values = select(rows, names);
  const units = standardiser(names, values);
  return { inputs: { kind: "columns", units }, x: apply(units, values), shape: [names.length] };
}

/** Images as [channels, height, width], a single channel where there is none, each channel standardised. */
function imageInputs(array: NumberArray): Learned<ArrayInputs> {
  const own = array.shape.slice(1);
  if (own.length === 0)
    throw new DataError(`${array.source} holds one number an example: expected images or rows`);
  const shape = own.length === 2 ? [1, ...own] : own;
  const channels = shape.length > 1 ? shape[0]! : 1;
  const plain = inputMatrix(arrayInputs(shape), array);
  const length = plain.cols / channels;
  const sums = Array.from({ length: channels }, () => ({ sum: 0, squares: 0 }));
  plain.data.forEach((v, k) => {
    const channel = sums[Math.floor((k % plain.cols) / length)]!;
    channel.sum += v;
    channel.squares += v * v;
  });
  const count = plain.rows * length;
  const mean = sums.map(({ sum }) => sum / count);
  const scale = sums.map(({ squares }, c) => Math.sqrt(Math.max(0, squares / count - mean[c]! ** 2)));
  const flat = scale.findIndex((s) => !(s > 1e-12));
  if (flat >= 0)
    throw new DataError(`${array.source}: channel ${flat + 1} is ${mean[flat]} everywhere and tells nothing`);
  const inputs = arrayInputs(shape, { mean, scale });
  return { inputs, x: inputMatrix(inputs, array), shape };
}

function layersFor(
  shape: Shape,
  { convolutions = [], hidden, activation }: HiddenLayers,
  outputs: number,
): readonly Layer[] {
  if (convolutions.length > 0 && shape.length !== 3) {
    throw new UsageError(
      `convolutions are over images (height × width, perhaps with channels before), and the examples are ${shape.join(" × ")}`,
    );
  }
  const smallest = Math.min(...shape.slice(1));
  if (convolutions.length > 0 && smallest < 2 ** convolutions.length) {
    throw new UsageError(
      `${convolutions.length} convolutions halve the image as often, and it is ${shape.slice(1).join(" × ")}: use fewer`,
    );
  }
  return [
    ...convolutions.flatMap((filters) => [conv2d(filters, 3, { padding: 1 }), activation(), maxPool2d(2)]),
    ...(shape.length > 1 ? [flattenLayer()] : []),
    ...hidden.flatMap((units) => [dense(units), activation()]),
    dense(outputs),
  ];
}
