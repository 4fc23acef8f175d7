import { UsageError } from "../errors/index.ts";
import { matrix, rowRange } from "../linalg/index.ts";
import { keptRows } from "../processes/update.ts";
import type { AdaptedClassifier, PoolPart } from "./classify.ts";
import { type LabelledExamples, labelledAt, labelledWith, labelledWithMore } from "./labelled-examples.ts";
import { poolExponents, pooled } from "./pool-exponents.ts";

// A part of a smaller power is not asked.
const negligible = 0.01;
// Numbers of a cross-covariance at a time, which the parts may share.
const chunkNumbers = 8_000_000;

/**
 * Several adapted classifiers of the same examples as one: the normalised product of powers of their probabilities, with
 * the powers under which left-out labels are likeliest (`poolExponents`). All else (kernel, mean, process, shift, evidence)
 * is that of the part with the largest. Throws UsageError for parts that cannot leave an example out.
 */
export function poolClassifiers(
  classifiers: readonly AdaptedClassifier[],
  data: LabelledExamples,
): AdaptedClassifier {
  const leftOut = classifiers.map((c) => {
    if (!c.leaveOneOut) throw new UsageError("poolClassifiers: a part has no leave-one-out predictions");
    return c.leaveOneOut();
  });
  const exponents = poolExponents(leftOut, data.labels, expectedExponents(classifiers));
  const parts: readonly PoolPart[] = classifiers
    .map((classifier, k) => ({ classifier, exponent: exponents[k]! }))
    .sort((a, b) => b.exponent - a.exponent);
  const asked = parts.filter(({ exponent }, i) => i === 0 || exponent >= negligible);
  const total = asked.reduce((sum, { exponent }) => sum + exponent, 0) || 1;
  const again = (next: LabelledExamples, change: (c: AdaptedClassifier) => AdaptedClassifier) =>
    poolClassifiers(
      parts.map(({ classifier }) => change(classifier)),
      next,
    );
  const { classifier: first } = parts[0]!;
  return {
    ...first,
    method: "pool",
    parts,
    probabilities(x, options = {}) {
      const out = matrix(x.rows, first.classes);
      const perPoint = Object.keys(first.kernel.parameters).length * data.x.rows * first.network.outputs ** 2;
      const chunk = Math.min(256, Math.max(16, Math.floor(chunkNumbers / perPoint)));
      const powers = asked.map(({ exponent }) => (options.tempered === false ? exponent / total : exponent));
      for (let from = 0; from < x.rows; from += chunk) {
        // The same matrix for each part, by which they know what they share.
        const some = rowRange(x, from, Math.min(x.rows, from + chunk));
        const said = asked.map(({ classifier }) => classifier.probabilities(some, options));
        out.data.set(pooled(said, powers).data, from * first.classes);
      }
      return out;
    },
    leaveOneOut: () => pooled(leftOut, exponents),
    add: (more) => again(labelledWithMore(data, more), (c) => c.add(more)),
    remove: (indices) =>
      again(labelledAt(data, keptRows(data.x.rows, indices).kept), (c) => c.remove(indices)),
    replace: (index, example) => again(labelledWith(data, index, example), (c) => c.replace(index, example)),
  };
}

/**
 * Exponents before any label is seen: even, and in all the more the more ways there are, by a quarter each. Ways are
 * wrong in different places: with exponents that add to 1 their pool is flatter than it should be. A way about a
 * fine-tuned network counts twice: its left-out labels, those of networks with a fifth fewer examples, say too little
 * for it.
 */
function expectedExponents(classifiers: readonly AdaptedClassifier[]): Float64Array {
  const counts = Float64Array.from(classifiers, ({ mean }) => (mean === "fine-tuned" ? 2 : 1));
  const total = 0.75 + 0.25 * classifiers.length;
  const all = counts.reduce((sum, v) => sum + v, 0);
  return counts.map((v) => (total * v) / all);
}

/** The part of a pool with the largest exponent; a classifier of one way is its own. */
export function leading(classifier: AdaptedClassifier): AdaptedClassifier {
  return classifier.parts?.[0]?.classifier ?? classifier;
}
