import { ShapeError, UsageError } from "../errors/index.ts";
import { expectFinite, expectShape, type Matrix, stackRows, takeRows } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { expectPoint, withRow } from "../processes/update.ts";

/** Inputs with their class numbers, from 0; for a network of one output 0 or 1. */
export interface LabelledExamples {
  readonly x: Matrix;
  readonly labels: ArrayLike<number>;
}

/** Throws ShapeError, NonFiniteError or UsageError for examples that the network cannot take. */
export function expectExamples({ x, labels }: LabelledExamples, network: Network): void {
  expectShape(x, "x", undefined, network.inputs);
  expectFinite(x, "x");
  if (x.rows === 0) throw new UsageError("adaptClassifier: there are no examples");
  if (labels.length !== x.rows) {
    throw new ShapeError(`adaptClassifier: ${x.rows} rows of x need as many labels, got ${labels.length}`);
  }
}

/** The examples with these behind them. */
export function labelledWithMore({ x, labels }: LabelledExamples, more: LabelledExamples): LabelledExamples {
  return {
    x: stackRows([x, more.x]),
    labels: Float64Array.from([...Array.from(labels), ...Array.from(more.labels)]),
  };
}

/** The examples at `kept`, rows from 0. */
export function labelledAt({ x, labels }: LabelledExamples, kept: readonly number[]): LabelledExamples {
  return { x: takeRows(x, kept), labels: Float64Array.from(kept, (i) => labels[i]!) };
}

/** The examples with the one at this index changed, in its place. Throws UsageError or ShapeError unless it is one. */
export function labelledWith(
  { x, labels }: LabelledExamples,
  index: number,
  example: LabelledExamples,
): LabelledExamples {
  expectPoint(index, x.rows);
  expectShape(example.x, "the example", 1, x.cols);
  return {
    x: withRow(x, index, example.x),
    labels: Float64Array.from(labels, (label, i) => (i === index ? example.labels[0]! : label)),
  };
}
