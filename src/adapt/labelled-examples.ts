import { ShapeError, UsageError } from "../errors/index.ts";
import { expectFinite, expectShape, type Matrix } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";

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
