import { ShapeError, UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";

/** How good class probabilities are, against the true classes. */
export interface ClassScores {
  /** Share of the examples whose likeliest class is the true one. */
  readonly accuracy: number;
  /** Mean negative log probability of the true class, in nats; infinite where that was said to be impossible. */
  readonly nll: number;
  /** Mean over the examples of Σ_k (p_k − [k is true])², from 0 to 2 (Brier 1950). */
  readonly brier: number;
  /** Expected calibration error: see `reliability`. */
  readonly ece: number;
}

/** The predictions whose confidence falls into one bin. */
export interface ReliabilityBin {
  /** The bin's confidences lie above `from` and up to `to`. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean probability of the likeliest class. */
  readonly confidence: number;
  /** Share of the examples where that class is the true one. */
  readonly accuracy: number;
}

/** Scores of class probabilities (n × classes). Throws ShapeError or UsageError for labels that do not fit. */
export function classScores(probabilities: Matrix, labels: ArrayLike<number>): ClassScores {
  const { rows: n, cols: classes, data } = probabilities;
  const bins = reliability(probabilities, labels);
  let right = 0;
  let [nll, brier, ece] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    nll -= Math.log(data[i * classes + labels[i]!]!) / n;
    for (let k = 0; k < classes; k++) {
      brier += (data[i * classes + k]! - (k === labels[i] ? 1 : 0)) ** 2 / n;
    }
  }
  for (const { count, confidence, accuracy } of bins) {
    right += count * accuracy;
    ece += (count / n) * Math.abs(accuracy - confidence);
  }
  return { accuracy: right / n, nll, brier, ece };
}

/**
 * Confidence beside accuracy in bins of equal width, empty bins left out. The expected calibration error is their mean
 * distance, weighted by the counts (Guo, Pleiss, Sun & Weinberger 2017).
 */
export function reliability(
  { rows, cols, data }: Matrix,
  labels: ArrayLike<number>,
  bins = 15,
): readonly ReliabilityBin[] {
  if (labels.length !== rows) {
    throw new ShapeError(`probabilities of ${rows} examples need as many labels, got ${labels.length}`);
  }
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < cols)) {
      throw new UsageError(`labels are class numbers from 0 to ${cols - 1}, got ${label} at row ${i}`);
    }
    const row = data.subarray(i * cols, (i + 1) * cols);
    let likeliest = 0;
    row.forEach((p, k) => {
      if (p > row[likeliest]!) likeliest = k;
    });
    const confidence = row[likeliest]!;
    const bin = sums[Math.min(bins, Math.max(1, Math.ceil(confidence * bins))) - 1]!;
    bin.count++;
    bin.confidence += confidence;
    if (likeliest === label) bin.right++;
  }
  return sums.flatMap(({ count, confidence, right }, b) =>
    count === 0
      ? []
      : [
          {
            ...{ from: b / bins, to: (b + 1) / bins, count },
            ...{ confidence: confidence / count, accuracy: right / count },
          },
        ],
  );
}
