import { classScores, reliability } from "../../../adapt/index.ts";
import { type ClassifierModel, likeliest, predictClasses, type Rows } from "../../../data/index.ts";
import { formatNamedRows } from "../../../data/table.ts";
import { NonFiniteError, UsageError } from "../../../errors/index.ts";
import { reliabilityDiagram } from "../../../plot/index.ts";
import { labelled } from "../../answers.ts";
import { percent, short } from "../../report.ts";
import { finite } from "../adapt/classes.ts";
import type { Options } from "./predict.ts";
import type { Predicted } from "./predicted.ts";

/** The likeliest class and the probability of every class of each row. */
export async function predictedClasses(
  model: ClassifierModel,
  rows: Rows,
  { target, labels: named, predictive, draws, figure }: Options,
): Promise<Predicted> {
  if (predictive !== undefined && !model.adapted) {
    throw new UsageError("--predictive is for adapted classifiers: a network that was not has one answer");
  }
  const text = named ?? target;
  const truth = text === undefined ? undefined : (await labelled(model, rows, text)).labels;
  const probabilities = predictClasses(model, rows, {
    ...(predictive && { predictive }),
    ...(draws !== undefined && { draws }),
  });
  if (!probabilities.data.every(Number.isFinite)) {
    throw new NonFiniteError(
      "the class probabilities are no numbers: an input is too far from those trained on",
    );
  }
  const scores = truth && classScores(probabilities, truth);
  const { classes } = model;
  return {
    csv: formatNamedRows(
      "class",
      likeliest(probabilities).map((c) => classes[c]!),
      classes.map((name) => `p_${name}`),
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
        subtitle: `${probabilities.rows} examples: accuracy ${percent(scores.accuracy)}, expected calibration error ${percent(scores.ece)}`,
        bins: reliability(probabilities, truth),
      });
    },
  };
}
