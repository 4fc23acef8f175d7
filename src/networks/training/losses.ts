import { DataError, ShapeError } from "../../errors/index.ts";
import { floatsLike, type Matrix, type Tensor } from "../../linalg/index.ts";

/** What training makes small: the mean over the examples of a cost of outputs and targets. */
export interface Loss {
  readonly name: "mse" | "crossEntropy" | "binaryCrossEntropy" | "gaussian";
  /** Throws ShapeError or DataError unless a network of this many outputs can be trained on these targets. */
  check(outputs: number, targets: Matrix): void;
  /** The mean cost of a batch (targets: one row an example), and its cotangent with respect to the outputs. */
  evaluate(y: Tensor, targets: Matrix): { readonly value: number; readonly dy: Tensor };
}

/** Mean squared error, over all entries of the targets (n × outputs). */
export function mse(): Loss {
  return {
    name: "mse",
    check(outputs, targets) {
      if (targets.cols !== outputs) {
        throw new ShapeError(`mse: ${outputs} outputs need ${outputs} target columns, got ${targets.cols}`);
      }
    },
    evaluate(y, targets) {
      const dy = floatsLike(y.data, y.data.length);
      let sum = 0;
      for (let i = 0; i < dy.length; i++) {
        const residual = y.data[i]! - targets.data[i]!;
        sum += residual * residual;
        dy[i] = (2 * residual) / dy.length;
      }
      return { value: sum / dy.length, dy: { shape: y.shape, data: dy } };
    },
  };
}

/** Cross-entropy of softmax(outputs) in nats; targets are one column of class numbers 0 … outputs − 1. */
export function crossEntropy(): Loss {
  return {
    name: "crossEntropy",
    check(outputs, targets) {
      if (targets.cols !== 1)
        throw new ShapeError(`crossEntropy: one column of classes, got ${targets.cols}`);
      targets.data.forEach((c, row) => {
        if (!Number.isInteger(c) || c < 0 || c >= outputs) {
          throw new DataError(`crossEntropy: classes are whole numbers 0 to ${outputs - 1}, got ${c}`, {
            row,
          });
        }
      });
    },
    evaluate(y, targets) {
      const [n, classes] = [y.shape[0]!, y.shape[1]!];
      const dy = floatsLike(y.data, y.data.length);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const from = i * classes;
        let top = -Infinity;
        for (let c = 0; c < classes; c++) top = Math.max(top, y.data[from + c]!);
        let total = 0;
        for (let c = 0; c < classes; c++) total += Math.exp(y.data[from + c]! - top);
        const label = targets.data[i]!;
        sum += Math.log(total) + top - y.data[from + label]!;
        for (let c = 0; c < classes; c++) {
          const probability = Math.exp(y.data[from + c]! - top) / total;
          dy[from + c] = (probability - (c === label ? 1 : 0)) / n;
        }
      }
      return { value: sum / n, dy: { shape: y.shape, data: dy } };
    },
  };
}

/** Cross-entropy of the sigmoid of one output in nats; targets are one column of classes 0 and 1. */
export function binaryCrossEntropy(): Loss {
  return {
    name: "binaryCrossEntropy",
    check(outputs, targets) {
      if (outputs !== 1 || targets.cols !== 1) {
        throw new ShapeError(
          `binaryCrossEntropy: one output and one column of classes, got ${outputs} and ${targets.cols}`,
        );
      }
      targets.data.forEach((c, row) => {
        if (c !== 0 && c !== 1) {
          throw new DataError(`binaryCrossEntropy: classes are 0 or 1, got ${c}`, { row });
        }
      });
    },
    evaluate(y, targets) {
      const n = y.data.length;
      const dy = floatsLike(y.data, n);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const f = y.data[i]!;
        const towards = targets.data[i] === 1 ? f : -f;
        sum += Math.max(0, -towards) + Math.log1p(Math.exp(-Math.abs(towards)));
        dy[i] = (1 / (1 + Math.exp(-f)) - targets.data[i]!) / n;
      }
      return { value: sum / n, dy: { shape: y.shape, data: dy } };
    },
  };
}

/**
 * Heteroscedastic Gaussian negative log likelihood in nats (Nix & Weigend 1994): the network gives the mean and the
 * log variance of each of t targets, 2t outputs in the order mean₁ … mean_t, logVariance₁ … logVariance_t.
 */
export function gaussian(): Loss {
  return {
    name: "gaussian",
    check(outputs, targets) {
      if (outputs !== 2 * targets.cols) {
        throw new ShapeError(
          `gaussian: ${targets.cols} target columns need ${2 * targets.cols} outputs (means, then log variances), got ${outputs}`,
        );
      }
    },
    evaluate(y, targets) {
      const [n, t] = [targets.rows, targets.cols];
      const dy = floatsLike(y.data, y.data.length);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < t; j++) {
          const mean = 2 * t * i + j;
          const logVariance = y.data[mean + t]!;
          const residual = y.data[mean]! - targets.data[i * t + j]!;
          const precision = Math.exp(-logVariance);
          sum += 0.5 * (logVariance + residual * residual * precision + Math.log(2 * Math.PI));
          dy[mean] = (residual * precision) / n;
          dy[mean + t] = (0.5 * (1 - residual * residual * precision)) / n;
        }
      }
      return { value: sum / n, dy: { shape: y.shape, data: dy } };
    },
  };
}
