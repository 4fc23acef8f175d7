import { DataError, UsageError } from "../errors/index.ts";
import { formatKernel, isIndependent, parseKernel } from "../kernels/index.ts";
import { columnVector, type Matrix } from "../linalg/index.ts";
import {
  fitLikelihood,
  type LatentMethodName,
  type LikelihoodFit,
  type LikelihoodPosterior,
  likelihoods,
  type Predictive,
} from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { classesOf, classNumbers } from "./labels.ts";
import { columnsBut, inputsOf } from "./prediction.ts";
import { select, type Table } from "./table.ts";

/** Latent functions fitted to a column of a table that is no plain number: classes, counts, outliers, uneven noise. */
export interface LikelihoodTableModel {
  readonly kind: "likelihood";
  readonly inputs: readonly string[];
  readonly target: string;
  /** Of `likelihoods.likelihoodNamed`. */
  readonly likelihoodName: string;
  /** In the order of their numbers, where the likelihood is of classes. */
  readonly classes?: readonly string[];
  readonly process: LikelihoodPosterior;
}

export interface FitLikelihoodModelOptions {
  readonly target: string;
  readonly ignore?: readonly string[];
  /** As text; every latent function gets it. */
  readonly kernel: string;
  readonly likelihood: string;
  /** "laplace" unless given. */
  readonly method?: LatentMethodName;
  readonly starts?: number;
  readonly seed?: number;
}

/**
 * Fits a likelihood to a table: every column but the target (and those ignored) is an input; classes may be any text.
 * Throws UsageError for an unknown likelihood, FormatError for a kernel text that is none, DataError for columns that are
 * missing or do not hold what the likelihood gives.
 */
export function* fitLikelihoodModel(
  table: Table,
  {
    target,
    ignore = [],
    kernel,
    likelihood: name,
    method = "laplace",
    starts = 2,
    seed = 0,
  }: FitLikelihoodModelOptions,
): Task<{ readonly model: LikelihoodTableModel; readonly report: LikelihoodFit["report"] }> {
  if (ignore.includes(target))
    throw new UsageError(`"${target}" is the target and is to be ignored too: name it once`);
  expectColumn(table, target);
  const inputs = columnsBut(table, [target], ignore);
  const source = { rows: table, column: target };
  const classes = isClassLikelihood(name) ? classesOf(source) : undefined;
  const likelihood = likelihoods.likelihoodNamed(name, classes?.length);
  const fitted = yield* fitLikelihood(
    parseKernel(kernel, { columns: inputs }),
    { x: select(table, inputs), y: targetsOf(table, target, classes) },
    likelihood,
    { method, starts, seed },
  );
  return {
    model: {
      kind: "likelihood",
      inputs,
      target,
      likelihoodName: name,
      ...(classes && { classes }),
      process: fitted.process,
    },
    report: fitted.report,
  };
}

export function isClassLikelihood(name: string): boolean {
  return likelihoods.classLikelihoodNames.includes(name);
}

/** What is predicted for each row of a table that has the model's input columns. */
export function predictLikelihood(model: LikelihoodTableModel, table: Table): Predictive {
  return model.process.predictive(inputsOf(model.inputs, table));
}

/** log p of each row's own target, in nats: what predictions are scored by. `column` is the model's unless given. */
export function scoreLikelihood(
  model: LikelihoodTableModel,
  table: Table,
  column = model.target,
): Float64Array {
  const y = targetsOf(table, column, model.classes);
  return model.process.logPredictive(inputsOf(model.inputs, table), y);
}

/** Adds the rows of a table to what the model has seen; its parameters stay. */
export function extendLikelihood(model: LikelihoodTableModel, table: Table): LikelihoodTableModel {
  const x = inputsOf(model.inputs, table);
  const y = targetsOf(table, model.target, model.classes);
  return { ...model, process: model.process.condition({ x, y }) };
}

function expectColumn(table: Table, name: string): void {
  if (table.columns.includes(name)) return;
  throw new DataError(`${table.source} has no column "${name}"; it has ${table.columns.join(", ")}`);
}

function targetsOf(table: Table, column: string, classes: readonly string[] | undefined): Matrix {
  expectColumn(table, column);
  return classes ? columnVector(classNumbers({ rows: table, column }, classes)) : select(table, [column]);
}

/** The fitted kernel as text: one, or one for each latent function where those differ. */
export function likelihoodKernelText({ inputs, process }: LikelihoodTableModel): readonly string[] {
  const { kernel, likelihood } = process.model;
  const each = isIndependent(kernel) ? kernel.each : [kernel];
  return (likelihood.latentsDiffer ? each : each.slice(0, 1)).map((k) => formatKernel(k, 4, inputs));
}
