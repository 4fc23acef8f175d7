import type { Matrix } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import { baseOf } from "./base.ts";
import { type ClassScores, classScores } from "./class-scores.ts";
import { adaptClassifierBase, type ClassifierOptions, networkProbabilities } from "./classify.ts";
import { timed } from "./compare.ts";
import { fineTuneToLabels } from "./fine-tune.ts";
import { classifyFromScratch } from "./from-scratch.ts";
import { expectExamples, type LabelledExamples } from "./labelled-examples.ts";

/** What one way of meeting new labels achieves on held-out examples. */
export interface ClassContender extends ClassScores {
  readonly name: ClassContenderName;
  readonly milliseconds: number;
  /** Of the held-out examples, n × classes. */
  readonly probabilities: Matrix;
}

export type ClassContenderName =
  | "network as it is"
  | "last layer only"
  | "fine-tuned"
  | "GP from scratch"
  | "adapted, labels regressed"
  | "adapted";

/**
 * The ways of meeting new labels side by side, for a network that gives logits: as it is; adapted in the
 * last layer's weights alone; all weights fine-tuned by gradient (300 full-batch steps of Adam at 1e-3); RBF Gaussian
 * processes of the labels from scratch; adapted by regressing the labels; and by the way that predicts left-out labels
 * best (see ClassifierOptions), all with the options given.
 */
export function* compareClassifiers(
  net: Network,
  fresh: LabelledExamples,
  test: LabelledExamples,
  options: Omit<ClassifierOptions, "method"> = {},
): Task<readonly ClassContender[]> {
  for (const examples of [fresh, test]) expectExamples(examples, net);
  const { x, labels } = fresh;
  const base = baseOf(net, x, options);
  const ways: Readonly<Record<ClassContenderName, () => Matrix>> = {
    "network as it is": () => networkProbabilities(net, test.x),
    "last layer only": () =>
      adaptClassifierBase(
        baseOf(net, x, { ...options, approximation: "last-layer" }),
        labels,
        options,
      ).probabilities(test.x),
    "fine-tuned": () => networkProbabilities(fineTuneToLabels(net, x, labels), test.x),
    "GP from scratch": () => classifyFromScratch(fresh, test.x, net.outputs),
    "adapted, labels regressed": () =>
      adaptClassifierBase(base, labels, { ...options, method: "regression" }).probabilities(test.x),
    adapted: () => adaptClassifierBase(base, labels, options).probabilities(test.x),
  };
  return yield* timed(ways, (probabilities) => ({
    ...classScores(probabilities, test.labels),
    probabilities,
  }));
}
