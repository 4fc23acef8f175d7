import type { LabelledExamples, PredictiveOptions } from "../adapt/index.ts";
import {
  type AdaptedClassifier,
  adaptClassifier,
  type ClassifierOptions,
  networkProbabilities,
} from "../adapt/index.ts";
import { UsageError } from "../errors/index.ts";
import { type Matrix, stackRows } from "../linalg/index.ts";
import type { Epoch, Network } from "../networks/index.ts";
import { inputMatrix, type ModelInputs, type Rows } from "./model-inputs.ts";

/** A network whose outputs are the logits of classes (or, with one output, of the second of two). */
export interface ClassifierModel {
  readonly kind: "classifier";
  readonly network: Network;
  readonly inputs: ModelInputs;
  /** The column of labels, where they came from a table. */
  readonly label?: string;
  /** In the order of the network's outputs. */
  readonly classes: readonly string[];
  readonly history: readonly Epoch[];
  /** The epoch whose weights were kept, from 1. */
  readonly keptEpoch: number;
  /** The new data the network was adapted to, when it was. */
  readonly adapted?: LabelledExamples & { readonly classifier: AdaptedClassifier };
}

/** Adapts the classifier's network to labelled examples, x in its own units. What it was adapted to before is kept. */
export function adaptClassifierModel(
  model: ClassifierModel,
  fresh: LabelledExamples,
  options: ClassifierOptions = {},
): ClassifierModel {
  const { adapted } = model;
  const x = adapted ? stackRows([adapted.x, fresh.x]) : fresh.x;
  const labels = Float64Array.of(...(adapted ? Array.from(adapted.labels) : []), ...Array.from(fresh.labels));
  const classifier = adaptClassifier(model.network, { x, labels }, options);
  return { ...model, adapted: { classifier, x, labels } };
}

/** Gives an adapted classifier more labelled examples; its scales stay. Throws UsageError for one not adapted. */
export function extendClassifier(model: ClassifierModel, more: LabelledExamples): ClassifierModel {
  const { adapted } = model;
  if (!adapted) throw new UsageError("a network that was not adapted has no examples to add to: adapt it");
  const x = stackRows([adapted.x, more.x]);
  const labels = Float64Array.of(...Array.from(adapted.labels), ...Array.from(more.labels));
  return { ...model, adapted: { classifier: adapted.classifier.add(more), x, labels } };
}

/** Class probabilities of each row, n × classes. */
export function predictClasses(model: ClassifierModel, rows: Rows, options: PredictiveOptions = {}): Matrix {
  const x = inputMatrix(model.inputs, rows);
  return model.adapted
    ? model.adapted.classifier.probabilities(x, options)
    : networkProbabilities(model.network, x);
}

/** The place of the likeliest class in each row of probabilities. */
export function likeliest({ rows, cols, data }: Matrix): readonly number[] {
  return Array.from({ length: rows }, (_, i) => {
    let best = 0;
    for (let c = 1; c < cols; c++) if (data[i * cols + c]! > data[i * cols + best]!) best = c;
    return best;
  });
}
