import { classScores, reliability } from "../../../adapt/index.ts";
import {
  classNumbers,
  formatTable,
  isTable,
  type LikelihoodTableModel,
  likeliest,
  predictLikelihood,
  type Rows,
  scoreLikelihood,
} from "../../../data/index.ts";
import { column, formatNamedRows } from "../../../data/table.ts";
import { DataError, UsageError } from "../../../errors/index.ts";
import { predictionTruth, reliabilityDiagram } from "../../../plot/index.ts";
import { beside, percent, short } from "../../report.ts";
import { finite } from "../adapt/classes.ts";
import type { Options } from "./predict.ts";
import type { Predicted } from "./predicted.ts";

/** Class probabilities, or mean and sd of what will be seen, under the model's own likelihood. */
export function predictedByLikelihood(
  model: LikelihoodTableModel,
  rows: Rows,
  { target, labels, figure }: Options,
  path: string,
): Predicted {
  if (!isTable(rows))
    throw new DataError(`${rows.source} is an array, and ${path} takes columns: give a CSV file`);
  const name = labels ?? target;
  const found = predictLikelihood(model, rows);
  const nlpd = name === undefined ? undefined : -average(scoreLikelihood(model, rows, name));
  if (found.kind === "classes") {
    const { probabilities } = found;
    const classes = model.classes!;
    const truth = name === undefined ? undefined : classNumbers({ rows, column: name }, classes);
    const scores = truth && classScores(probabilities, truth);
    return {
      csv: formatNamedRows(
        "class",
        likeliest(probabilities).map((c) => classes[c]!),
        classes.map((c) => `p_${c}`),
        probabilities,
      ),
      scores: { classes, ...(scores && { ...scores, nll: finite(scores.nll) }) },
      lines: scores
        ? [
            `Accuracy ${percent(scores.accuracy)}, NLL ${short(scores.nll)}, Brier ${short(scores.brier)}, ECE ${percent(scores.ece)}`,
          ]
        : [],
      figure() {
        if (!truth || !scores) throw new UsageError(`--figure ${figure} needs --labels to compare with`);
        return reliabilityDiagram({
          title: "How reliable the class probabilities are",
          subtitle: `${rows.rows} rows: accuracy ${percent(scores.accuracy)}, expected calibration error ${percent(scores.ece)}`,
          bins: reliability(probabilities, truth),
        });
      },
    };
  }
  const mean = found.mean.data;
  const sd = found.variance.data.map(Math.sqrt);
  const truth = name === undefined ? undefined : column(rows, name);
  const rmse = truth && Math.sqrt(average(truth.map((v, i) => (v - mean[i]!) ** 2)));
  return {
    csv: formatTable(["mean", "sd"], beside([mean, sd])),
    scores: { ...(rmse !== undefined && { rmse, nlpd }) },
    lines: rmse === undefined ? [] : [`RMSE ${short(rmse)}, NLPD ${short(nlpd!)}`],
    figure() {
      if (!truth) throw new UsageError(`--figure ${figure} needs --target to compare with`);
      return predictionTruth({
        title: `Predictions of ${model.target}`,
        target: model.target,
        truth,
        mean,
        interval: { lower: mean.map((m, i) => m - 2 * sd[i]!), upper: mean.map((m, i) => m + 2 * sd[i]!) },
      });
    },
  };
}

function average(values: Float64Array): number {
  return values.reduce((sum, v) => sum + v / values.length, 0);
}
