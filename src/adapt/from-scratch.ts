import { type Kernel, rbf } from "../kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../linalg/index.ts";
import type { Examples } from "../networks/index.ts";
import { type ExactPosterior, fit } from "../processes/index.ts";
import { runSync } from "../tasks/index.ts";
import { probitProbabilities } from "./class-probabilities.ts";
import type { LabelledExamples } from "./labelled-examples.ts";
import type { Predicted } from "./scores.ts";
import { oneHot, sharpened, sharpnessOf } from "./sharpness.ts";

/** Predictions of y by Gaussian processes that have seen nothing but these examples, one for each output. */
export function regressFromScratch(examples: Examples, points: Matrix): Predicted {
  const observed = posteriors(examples).map((process) => process.observed(points).moments);
  return {
    mean: joined(observed.map(({ mean }) => mean)),
    variance: joined(observed.map((o) => o.variance)),
  };
}

/** Class probabilities by Gaussian processes of the labels as numbers, one for each class (one for two classes). */
export function classifyFromScratch(
  { x, labels }: LabelledExamples,
  points: Matrix,
  outputs: number,
): Matrix {
  const processes = posteriors({ x, y: oneHot(labels, outputs) });
  const leftOut = processes.map((process) => {
    const { mean, variance } = process.leaveOneOut();
    return {
      mean,
      variance: { ...variance, data: variance.data.map((v) => Math.max(0, v - process.noiseVariance)) },
    };
  });
  const beside = (values: readonly { readonly mean: Matrix; readonly variance: Matrix }[]) => ({
    mean: joined(values.map(({ mean }) => mean)),
    variance: joined(values.map(({ variance }) => variance)),
  });
  const sharpness = sharpnessOf(beside(leftOut), labels);
  return probitProbabilities(
    sharpened(beside(processes.map((process) => process.at(points).moments)), sharpness),
  );
}

function posteriors({ x, y }: Examples): readonly ExactPosterior[] {
  return Array.from({ length: y.cols }, (_, c) => {
    const column = columnVector(y.data.filter((_v, i) => i % y.cols === c));
    return runSync(fit(kernelFor(x), { x, y: column }, { starts: 1 })).process;
  });
}

/** A lengthscale an input where there are enough examples to tell them apart; else, as for images, one. */
function kernelFor(x: Matrix): Kernel {
  return x.cols < x.rows ? rbf({ ard: x.cols }) : rbf();
}

function joined(columns: readonly Matrix[]): Matrix {
  const out = matrix(columns[0]!.rows, columns.length);
  columns.forEach(({ data }, c) => {
    data.forEach((v, i) => {
      out.data[i * columns.length + c] = v;
    });
  });
  return out;
}
