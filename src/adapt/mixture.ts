import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix, rowRange } from "../linalg/index.ts";
import { keptRows } from "../processes/update.ts";
import { key, uniform } from "../random/index.ts";
import { lazy } from "./base.ts";
import type { AdaptedClassifier, MixturePart } from "./classify.ts";
import { type LabelledExamples, labelledAt, labelledWith, labelledWithMore } from "./labelled-examples.ts";
import { inverseTemperatureOf, tempered } from "./temperature.ts";

// A part that weighs less is not asked.
const negligible = 0.01;
// Numbers of a cross-covariance at a time, which the parts may share.
const chunkNumbers = 8_000_000;

/**
 * Several adapted classifiers of the same examples as one: its probabilities are theirs, weighed by how well each predicts
 * left-out labels (`mixtureWeights`), and tempered as one. All else (kernel, mean, process, shift, evidence) is that of the
 * part that weighs most. Throws UsageError for parts that cannot leave an example out.
 */
export function mixClassifiers(
  classifiers: readonly AdaptedClassifier[],
  data: LabelledExamples,
): AdaptedClassifier {
  const leftOut = classifiers.map((c) => {
    if (!c.leaveOneOut) throw new UsageError("mixClassifiers: a part has no leave-one-out predictions");
    return c.leaveOneOut();
  });
  const weights = mixtureWeights(leftOut, data.labels);
  const parts: readonly MixturePart[] = classifiers
    .map((classifier, k) => ({ classifier, weight: weights[k]! }))
    .sort((a, b) => b.weight - a.weight);
  const asked = parts.filter(({ weight }) => weight >= negligible);
  const total = asked.reduce((sum, { weight }) => sum + weight, 0);
  const mixed = mixture(leftOut, weights);
  const sharpness = lazy(() => inverseTemperatureOf(mixed, data.labels));
  const again = (next: LabelledExamples, change: (c: AdaptedClassifier) => AdaptedClassifier) =>
    mixClassifiers(
      parts.map(({ classifier }) => change(classifier)),
      next,
    );
  const { classifier: first } = parts[0]!;
  return {
    ...first,
    method: "mixture",
    parts,
    probabilities(x, options = {}) {
      const out = matrix(x.rows, first.classes);
      const perPoint = data.x.rows * first.network.outputs ** 2;
      const chunk = Math.min(256, Math.max(16, Math.floor(chunkNumbers / perPoint)));
      for (let from = 0; from < x.rows; from += chunk) {
        // The same matrix for each part, by which they know what they share.
        const some = rowRange(x, from, Math.min(x.rows, from + chunk));
        const said = asked.map(({ classifier }) => classifier.probabilities(some, options));
        const mean = mixture(
          said,
          asked.map(({ weight }) => weight / total),
        );
        out.data.set(mean.data, from * first.classes);
      }
      return options.tempered === false ? out : tempered(out, sharpness());
    },
    leaveOneOut: () => tempered(mixed, sharpness()),
    add: (more) => again(labelledWithMore(data, more), (c) => c.add(more)),
    remove: (indices) =>
      again(labelledAt(data, keptRows(data.x.rows, indices).kept), (c) => c.remove(indices)),
    replace: (index, example) => again(labelledWith(data, index, example), (c) => c.replace(index, example)),
  };
}

/** The part of a mixture that weighs most; a classifier of one way is its own. */
export function leading(classifier: AdaptedClassifier): AdaptedClassifier {
  return classifier.parts?.[0]?.classifier ?? classifier;
}

// Draws of the Bayesian bootstrap.
const draws = 1000;

/**
 * How much each of several predictions of the same left-out labels weighs: the share in which it has the highest
 * Σ_i u_i log p_i(label), softly, over draws of the examples' weights u (Yao, Vehtari, Simpson & Gelman 2018, "pseudo-BMA+").
 * Few labels cannot tell ways apart that many can, and so the weights of few are more even.
 */
export function mixtureWeights(leftOut: readonly Matrix[], labels: ArrayLike<number>): Float64Array {
  const n = labels.length;
  const logs = leftOut.map((p) =>
    Float64Array.from({ length: n }, (_, i) => Math.log(Math.max(p.data[i * p.cols + labels[i]!]!, 1e-300))),
  );
  const exponential = uniform(key(0), draws * n).map((u) => -Math.log1p(-u));
  const out = new Float64Array(leftOut.length);
  for (let s = 0; s < draws; s++) {
    const u = exponential.subarray(s * n, (s + 1) * n);
    const scale = n / u.reduce((sum, v) => sum + v, 0);
    const values = logs.map((own) => scale * own.reduce((sum, v, i) => sum + u[i]! * v, 0));
    const top = Math.max(...values);
    const shares = values.map((v) => Math.exp(v - top));
    const whole = shares.reduce((sum, v) => sum + v, 0);
    shares.forEach((v, k) => {
      out[k]! += v / whole / draws;
    });
  }
  return out;
}

function mixture(predictions: readonly Matrix[], weights: ArrayLike<number>): Matrix {
  const out = matrix(predictions[0]!.rows, predictions[0]!.cols);
  predictions.forEach(({ data }, k) => {
    for (let i = 0; i < data.length; i++) out.data[i]! += weights[k]! * data[i]!;
  });
  return out;
}
