import type { LabelledExamples } from "../adapt/index.ts";
import { readRows } from "../data/files.ts";
import type { AnyModel } from "../data/index.ts";
import {
  type ClassifierModel,
  classesOf,
  classifierModelOf,
  classNumbers,
  firstRows,
  inputMatrix,
  inputsOfNetwork,
  isProcess,
  isTable,
  type LabelSource,
  type RegressionModel,
  type Rows,
  regressionModelOf,
  rowCount,
  standardise,
  standardUnits,
} from "../data/index.ts";
import { head, select } from "../data/table.ts";
import { DataError, NonFiniteError, ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, toMatrix } from "../linalg/index.ts";
import type { Examples } from "../networks/index.ts";
import { type BareOptions, bareInputs } from "./bare-options.ts";
import type { BareNetwork } from "./model-file.ts";
import { nameList, wholeNumber } from "./options.ts";

/** How answers to the rows are named on the command line. */
export interface AnswerOptions extends BareOptions {
  target?: string;
  labels?: string;
  classes?: string;
}

/** A network with a task: numbers or classes. */
export type Tasked = RegressionModel | ClassifierModel;

/**
 * What the model and the options together ask for. Throws UsageError where they contradict each other or a network of
 * an .onnx file is given neither targets nor labels, DataError where rows do not fit.
 */
export async function taskOf(
  model: AnyModel | BareNetwork,
  rows: Rows,
  options: AnswerOptions,
  path: string,
): Promise<Tasked> {
  const inputs = bareInputs(options, model.kind === "bare");
  const { target, labels, classes } = options;
  if (isProcess(model) && model.kind !== "deep") {
    throw new DataError(
      `${path} is a Gaussian process, not a network: give it more rows with \`funspace add\``,
    );
  }
  if (model.kind === "deep") {
    throw new DataError(`${path} is a deep Gaussian process, which is fitted whole: \`funspace deep\` again`);
  }
  if (model.kind === "likelihood") {
    throw new DataError(
      `${path} is a Gaussian process with a ${model.likelihoodName} likelihood, not a network: give it more rows with \`funspace add\``,
    );
  }
  if (model.kind === "classifier") {
    if (classes !== undefined)
      throw new UsageError(`--classes is for .onnx files: ${path} knows its classes`);
    return model;
  }
  const wantsClasses = labels !== undefined || classes !== undefined;
  if (model.kind !== "bare") {
    if (wantsClasses) {
      throw new UsageError(
        `${path} was trained to predict ${model.target.names.join(", ")}, numbers: --labels and --classes are for classifiers`,
      );
    }
    return model;
  }
  if (target !== undefined && wantsClasses) {
    throw new UsageError("--target is for numbers, --labels and --classes for classes: give one of them");
  }
  const { network } = model;
  if (wantsClasses) {
    const source = labels === undefined ? undefined : await labelSource(rows, labels);
    const count = network.outputs === 1 ? 2 : network.outputs;
    const names = classNames(classes, source, count);
    return classifierModelOf(
      network,
      rows,
      names,
      isTable(rows) && source?.rows === rows ? source.column : undefined,
      inputs,
    );
  }
  if (target === undefined) {
    throw new UsageError(
      `${path} does not say what its outputs are: give --target for numbers, or --labels (and --classes) for classes`,
    );
  }
  const names = isTable(rows) ? nameList(target) : outputNames(network.outputs, "target");
  return regressionModelOf(network, rows, names, inputs);
}

/** "target", or "target1", "target2", … */
export function outputNames(count: number, name: string): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}${i + 1}`);
}

/** The names that --classes gives, or as many numbers as it says, or those of the labels. */
function classNames(
  given: string | undefined,
  labels: LabelSource | undefined,
  count: number,
): readonly string[] {
  const numbers = Array.from({ length: count }, (_, c) => String(c));
  if (given !== undefined) {
    const alone = /^\d+$/.test(given.trim());
    if (!alone) return nameList(given);
    const stated = wholeNumber(2)(given);
    return Array.from({ length: stated }, (_, c) => String(c));
  }
  const found = labels && classesOf(labels);
  const text = found?.find((name) => !numbers.includes(name));
  if (text !== undefined && Number.isNaN(Number(text))) {
    throw new UsageError(
      `the labels are names such as "${text}": say with --classes which output is which, as in --classes ${found!.join(",")}`,
    );
  }
  return numbers;
}

/** Labels of a table's column, or of a file of their own. */
export async function labelSource(rows: Rows, text: string): Promise<LabelSource> {
  if (isTable(rows) && (rows.columns.includes(text) || !looksLikeFile(text))) return { rows, column: text };
  const file = await readRows(text);
  expectAsMany(rows, rowCount(file), file.source);
  return { rows: file };
}

function looksLikeFile(text: string): boolean {
  return /\.(csv|npy|npz|gz|idx|ubyte)(:[^/\\]+)?$|ubyte/i.test(text);
}

/** The labelled examples of the first `count` rows. `text` names the labels; the model's own column unless given. */
export async function labelled(
  model: ClassifierModel,
  rows: Rows,
  text: string | undefined,
  count: number = rowCount(rows),
): Promise<LabelledExamples> {
  const name = text ?? (isTable(rows) ? model.label : undefined);
  if (name === undefined) {
    throw new UsageError(
      `${rows.source} needs labels: name their ${isTable(rows) ? "column" : "file"} with --labels`,
    );
  }
  const source = await labelSource(rows, name);
  const labels = classNumbers({ ...source, rows: firstRows(source.rows, count) }, model.classes);
  return { x: inputMatrix(model.inputs, firstRows(rows, count)), labels };
}

/** The first `count` rows with their targets, in the network's units. `text` names a file where the rows are an array. */
export async function targeted(
  model: RegressionModel,
  rows: Rows,
  text: string | undefined,
  count: number = rowCount(rows),
): Promise<Examples> {
  const used = firstRows(rows, count);
  const y = await trueValues(model, rows, text, count);
  const standard = isTable(used) ? standardUnits(model.target, y, used) : standardise.apply(model.target, y);
  return { x: inputMatrix(inputsOfNetwork(model), used), y: standard };
}

/** The true targets in their own units, n × targets. */
export async function trueValues(
  model: RegressionModel,
  rows: Rows,
  text: string | undefined,
  count: number = rowCount(rows),
): Promise<Matrix> {
  const { names } = model.target;
  if (isTable(rows)) return select(head(rows, count), names);
  if (text === undefined) throw new UsageError(`${rows.source} needs targets: name their file with --target`);
  const y = await targetArray(rows, text, count);
  if (y.cols !== names.length) {
    throw new ShapeError(
      `${text} has ${y.cols} numbers for each example, and the network gives ${names.length}`,
    );
  }
  return y;
}

/** Numbers for each of the first `count` examples of an array, from a file of as many. */
export async function targetArray(rows: Rows, text: string, count: number = rowCount(rows)): Promise<Matrix> {
  const file = await readRows(text);
  expectAsMany(rows, rowCount(file), file.source);
  const used = firstRows(file, count);
  const y = isTable(used) ? select(used, used.columns) : toMatrix(used);
  const bad = y.data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new NonFiniteError(
      `${file.source}: example ${Math.floor(bad / y.cols) + 1} holds ${y.data[bad]}, expected finite numbers`,
    );
  }
  return y;
}

function expectAsMany(rows: Rows, count: number, source: string): void {
  if (count !== rowCount(rows)) {
    throw new DataError(
      `${rows.source} has ${rowCount(rows)} examples, and ${source} has ${count}: they should be as many`,
    );
  }
}
