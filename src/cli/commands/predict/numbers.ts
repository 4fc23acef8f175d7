import {
  formatTable,
  inputsOfModel,
  isProcess,
  isTable,
  type Prediction,
  type ProcessModel,
  predictTable,
  predictTargets,
  type RegressionModel,
  type Rows,
  scorePrediction,
} from "../../../data/index.ts";
import { column } from "../../../data/table.ts";
import { DataError, UsageError } from "../../../errors/index.ts";
import { type Figure, stacked } from "../../../plot/index.ts";
import { trueValues } from "../../answers.ts";
import { bandFigure, predictionFigure } from "../../figures.ts";
import { nameList } from "../../options.ts";
import { beside, percent, short } from "../../report.ts";
import type { Options } from "./predict.ts";
import type { Predicted } from "./predicted.ts";

/** Predictions of each target of a model of numbers; `plain` are a network's outputs, called what they are. */
export async function predictedNumbers(
  model: RegressionModel | ProcessModel,
  rows: Rows,
  { target, figure }: Options,
  path: string,
  plain: boolean,
): Promise<Predicted> {
  const names = targetsOf(model);
  const truths = await truthsOf(model, rows, target, path);
  const predictions = predictionsOf(model, rows);
  const scores = truths?.map((truth, t) => scorePrediction(predictions[t]!, truth));
  const columns = predictions.flatMap((prediction, t) =>
    namedColumns(prediction, plain ? names[t]! : undefined, names.length > 1 ? `_${names[t]}` : ""),
  );
  const [only] = scores ?? [];
  const told = ({ rmse, nlpd, coverage95 }: NonNullable<typeof scores>[number]) =>
    nlpd === undefined || coverage95 === undefined
      ? `RMSE ${short(rmse)}`
      : `RMSE ${short(rmse)}, NLPD ${short(nlpd)}, 95 % intervals cover ${percent(coverage95)}`;
  return {
    csv: formatTable(
      columns.map(([name]) => name),
      beside(columns.map(([, values]) => values)),
    ),
    scores:
      names.length === 1
        ? { ...only }
        : scores
          ? { targets: Object.fromEntries(names.map((name, t) => [name, scores[t]!])) }
          : {},
    lines: scores?.map((s, t) => (names.length === 1 ? told(s) : `${names[t]}: ${told(s)}`)) ?? [],
    figure() {
      const drawn = drawnOf(model, rows, names, predictions, truths);
      if (drawn) return drawn;
      throw new UsageError(
        `--figure ${figure} needs --target to compare with (only an adapted network or a Gaussian process of one input does without)`,
      );
    },
  };
}

function namedColumns(
  { mean, spread }: Prediction,
  plain: string | undefined,
  suffix: string,
): [string, Float64Array][] {
  if (plain !== undefined) return [[plain, mean]];
  if (!spread) return [[`mean${suffix}`, mean]];
  const { sd, lower, upper } = spread;
  return [
    [`mean${suffix}`, mean],
    [`sd${suffix}`, sd],
    [`lower95${suffix}`, lower],
    [`upper95${suffix}`, upper],
  ];
}

function targetsOf({ target }: RegressionModel | ProcessModel): readonly string[] {
  return typeof target === "string" ? [target] : target.names;
}

function predictionsOf(model: RegressionModel | ProcessModel, rows: Rows): readonly Prediction[] {
  if (!isProcess(model)) return predictTargets(model, rows);
  if (isTable(rows)) return [predictTable(model, rows)];
  throw new DataError(`${rows.source} is an array, and the Gaussian process takes columns: give a CSV file`);
}

/** The true values of each target: a column that is no input, or a file's. */
async function truthsOf(
  model: RegressionModel | ProcessModel,
  rows: Rows,
  target: string | undefined,
  path: string,
): Promise<readonly Float64Array[] | undefined> {
  if (target === undefined) return undefined;
  if (isTable(rows)) {
    const inputs = model.kind === "array" ? [] : inputsOfModel(model);
    const own = targetsOf(model);
    const names = nameList(target);
    const input = names.find((name) => inputs.includes(name));
    if (input !== undefined) {
      throw new DataError(
        `"${input}" is an input of ${path}, which predicts "${own.join(", ")}": score against a column of that`,
      );
    }
    if (names.length !== own.length) {
      throw new DataError(
        `${path} predicts ${own.join(", ")}: name as many columns with --target, in that order`,
      );
    }
    return names.map((name) => column(rows, name));
  }
  if (isProcess(model)) return undefined;
  const y = await trueValues(model, rows, target);
  return model.target.names.map((_, t) => y.data.filter((_v, k) => k % y.cols === t));
}

function drawnOf(
  model: RegressionModel | ProcessModel,
  rows: Rows,
  names: readonly string[],
  predictions: readonly Prediction[],
  truths: readonly Float64Array[] | undefined,
): Figure | undefined {
  if (truths) {
    const figures = names.map((name, t) => predictionFigure(name, predictions[t]!, truths[t]!));
    return figures.length === 1 ? figures[0] : stacked(figures, "Predictions against the truth");
  }
  return model.kind !== "array" && names.length === 1 && isTable(rows)
    ? bandFigure(model, { beyond: rows })
    : undefined;
}
