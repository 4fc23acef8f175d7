import erf from "@stdlib/math-base-special-erf";
import { UsageError } from "../errors/index.ts";
import type { Kernel } from "../kernels/index.ts";
import { dot, type Matrix, matrix, solve } from "../linalg/index.ts";
import type { ExactPosterior } from "./exact.ts";
import { nonNegative } from "./gaussian.ts";

/** What an integral is taken under: one density a column, the columns independent. */
export type IntegralMeasure =
  | { readonly kind: "uniform"; readonly lower: ArrayLike<number>; readonly upper: ArrayLike<number> }
  | { readonly kind: "normal"; readonly mean: ArrayLike<number>; readonly sd: ArrayLike<number> };

/**
 * E[f(X)] for X from the measure, where f is known by a posterior: Bayesian quadrature (O'Hagan 1991), mean and variance
 * in closed form. For kernels that are RBFs, constants, and their multiples and sums, and for a mean that is constant.
 * The integral over a box is the expectation times its volume. Throws UsageError for other kernels, means and measures.
 */
export function integrate(
  posterior: ExactPosterior,
  measure: IntegralMeasure,
): { readonly mean: number; readonly variance: number } {
  const { prior, solution } = posterior;
  const { x, factor, alpha } = solution;
  if (prior.outputs !== 1) throw new UsageError(`an integral is of one output, got ${prior.outputs}`);
  expectMeasure(measure, prior.inputs);
  const { weights, whole } = embedding(prior.kernel, x, measure);
  const expected = prior.mean.at(x).data;
  const centre = expected[0]!;
  if (expected.some((v) => Math.abs(v - centre) > 1e-9 * Math.abs(centre))) {
    throw new UsageError("integrals are of processes whose mean is constant");
  }
  const column = matrix(weights.length, 1, weights);
  return {
    mean: centre + dot(weights, alpha.data),
    variance: nonNegative(whole - dot(weights, solve(factor, column).data)),
  };
}

/** ∫ k(x_i, s) dμ(s) for each point, and ∬ k dμ dμ. */
function embedding(
  kernel: Kernel,
  x: Matrix,
  measure: IntegralMeasure,
): { readonly weights: Float64Array; readonly whole: number } {
  const { kind, parts = [] } = kernel.definition ?? { kind: "without a text form" };
  if (kind === "constant") {
    const variance = kernel.parameters.variance!.value[0]!;
    return { weights: new Float64Array(x.rows).fill(variance), whole: variance };
  }
  if (kind === "scaled") {
    const factor = kernel.parameters.factor!.value[0]!;
    const own = embedding(parts[0]!, x, measure);
    return { weights: own.weights.map((v) => factor * v), whole: factor * own.whole };
  }
  if (kind === "sum") {
    const all = parts.map((part) => embedding(part, x, measure));
    return {
      weights: all[0]!.weights.map((_, i) => all.reduce((sum, p) => sum + p.weights[i]!, 0)),
      whole: all.reduce((sum, p) => sum + p.whole, 0),
    };
  }
  if (kind !== "rbf") {
    throw new UsageError(
      `the kernel ${kind} has no integrals in closed form here: rbf, constant, and their sums and multiples have`,
    );
  }
  const variance = kernel.parameters.variance!.value[0]!;
  const lengths = kernel.parameters.lengthscale!.value;
  const weights = new Float64Array(x.rows).fill(variance);
  let whole = variance;
  for (let c = 0; c < x.cols; c++) {
    const length = lengths.length === 1 ? lengths[0]! : lengths[c]!;
    const own = columnOf(measure, c, length);
    for (let i = 0; i < x.rows; i++) weights[i]! *= own.at(x.data[i * x.cols + c]!);
    whole *= own.whole;
  }
  return { weights, whole };
}

/** Of e^{−(x − s)²/2ℓ²} in one column. */
function columnOf(
  measure: IntegralMeasure,
  c: number,
  length: number,
): { at(x: number): number; readonly whole: number } {
  const square = length * length;
  if (measure.kind === "normal") {
    const [m, s2] = [measure.mean[c]!, measure.sd[c]! ** 2];
    return {
      at: (x) => Math.sqrt(square / (square + s2)) * Math.exp(-((x - m) ** 2) / (2 * (square + s2))),
      whole: Math.sqrt(square / (square + 2 * s2)),
    };
  }
  const [a, b] = [measure.lower[c]!, measure.upper[c]!];
  const half = length * Math.sqrt(Math.PI / 2);
  const scale = Math.SQRT2 * length;
  const width = b - a;
  return {
    at: (x) => (half * (erf((b - x) / scale) - erf((a - x) / scale))) / width,
    whole:
      (2 * (half * width * erf(width / scale) + square * Math.expm1(-(width * width) / (2 * square)))) /
      width ** 2,
  };
}

function expectMeasure(measure: IntegralMeasure, inputs: number): void {
  const lists = measure.kind === "normal" ? [measure.mean, measure.sd] : [measure.lower, measure.upper];
  if (lists.some((list) => list.length !== inputs)) {
    throw new UsageError(
      `the measure should have ${inputs} column(s), got ${lists.map((l) => l.length).join(" and ")}`,
    );
  }
  for (let c = 0; c < inputs; c++) {
    const [p, q] = [lists[0]![c]!, lists[1]![c]!];
    const fine = Number.isFinite(p) && Number.isFinite(q) && (measure.kind === "normal" ? q > 0 : q > p);
    if (!fine) throw new UsageError(`column ${c} of the ${measure.kind} measure has no width: ${p}, ${q}`);
  }
}
