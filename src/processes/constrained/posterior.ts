import { expectDerivatives, type Kernel, splitMarks, withSlopes } from "../../kernels/index.ts";
import { expectShape, type Fn, type Matrix, matrix, stackRows, takeRows } from "../../linalg/index.ts";
import type { Key } from "../../random/index.ts";
import { slopesAt, valuesAt } from "../derivatives.ts";
import type { Gaussian } from "../gaussian.ts";
import type { LikelihoodModel } from "../latent/approximation.ts";
import { expectLatentData, type LatentData } from "../latent/likelihood-posterior.ts";
import { constrained } from "../likelihoods/constrained.ts";
import type { Predictive } from "../likelihoods/likelihood.ts";
import { meanWithSlopes } from "../mean-with-slopes.ts";
import type { Process } from "../process.ts";
import { expectPoint, keptRows, withRow } from "../update.ts";
import { boundsOf, type Constraint, expectConstraints, isMonotone } from "./constraints.ts";
import { givenConstraints } from "./given-constraints.ts";
import type { VirtualPoints } from "./virtual-points.ts";

/** A function seen at data and known to be monotone or bounded, by expectation propagation: near to Gaussian. */
export interface ConstrainedPosterior extends Process<Gaussian> {
  /** Of the function and of its observations; the kernel has one output. */
  readonly model: LikelihoodModel;
  readonly constraints: readonly Constraint[];
  readonly data: LatentData;
  readonly virtual: VirtualPoints;
  /** Approximation of log p(data | constraints at the virtual points), in nats. */
  readonly logEvidence: number;
  /** The derivative in one column (from 0) at x. */
  slopes(x: Matrix, column: number): Gaussian;
  /**
   * Mean and interval of f at x (n × 1), what lies beyond the bounds cut off: `level` of a Gaussian's mass before that.
   */
  within(
    x: Matrix,
    level?: number,
  ): { readonly mean: Matrix; readonly lower: Matrix; readonly upper: Matrix };
  /** What will be seen at x; the mean is cut at the bounds. */
  predictive(x: Matrix): Predictive;
  /** log p(y_i | data) at each x_i, in nats. */
  logPredictive(x: Matrix, y: Matrix): Float64Array;
  /** The posterior given these observations as well; the virtual points stay. */
  condition(more: LatentData): ConstrainedPosterior;
  /** The posterior without the observations at these rows of `data` (from 0). */
  without(indices: readonly number[]): ConstrainedPosterior;
  /** The posterior with the observation at this row changed to another (one row), in its place. */
  replace(index: number, observation: LatentData): ConstrainedPosterior;
}

/**
 * The posterior of a function under constraints that virtual observations hold (Riihimäki & Vehtari 2010; of values
 * instead of derivatives Da Veiga & Marrel 2012), kernel, mean and likelihood as they are. Throws UsageError for
 * kernels without derivatives where the constraint is on them and likelihoods that expectation propagation does not
 * know, ShapeError, NonFiniteError, NotConvergedError.
 */
export function conditionConstrained(
  model: LikelihoodModel,
  data: LatentData,
  constraints: readonly Constraint[],
  virtual: VirtualPoints,
): ConstrainedPosterior {
  expectLatentData(model, data);
  const { kernel, mean, likelihood } = model;
  const { inputs } = mean;
  expectConstraints(constraints, inputs);
  if (constraints.some(isMonotone)) expectDerivatives(kernel);
  const lifted = liftedData(model, data, virtual);
  const found = givenConstraints(liftedModel(model), lifted.x, lifted.y);
  const process = found.process();
  const { lower, upper } = boundsOf(constraints);
  const cut = (a: Matrix): Matrix => ({ ...a, data: a.data.map((v) => Math.min(upper, Math.max(lower, v))) });
  const at = (x: Matrix) => process.at(pointsFor(kernel, x));
  const posterior: ConstrainedPosterior = {
    inputs,
    outputs: kernel.outputs,
    model,
    constraints,
    data,
    virtual,
    logEvidence: found.logEvidence,
    at,
    slopes(x, column) {
      expectDerivatives(kernel);
      return process.at(slopesAt(x, column));
    },
    within(x, level = 0.95) {
      const f = at(x);
      const interval = f.interval(level);
      return { mean: cut(f.mean), lower: cut(interval.lower), upper: cut(interval.upper) };
    },
    predictive(x) {
      const f = at(x);
      return likelihood.predictive(cut(f.mean), f.variance);
    },
    logPredictive(x, y) {
      likelihood.check(y);
      const f = at(x);
      return likelihood.logPredictive(cut(f.mean), f.variance, y);
    },
    sample: (key: Key, count: number): Fn[] =>
      process.sample(key, count).map((f) => ({ inputs, outputs: 1, at: (x) => f.at(pointsFor(kernel, x)) })),
    condition(more) {
      expectLatentData(model, more);
      const all = { x: stackRows([data.x, more.x]), y: stackRows([data.y, more.y]) };
      return conditionConstrained(model, all, constraints, virtual);
    },
    without(indices) {
      const { kept } = keptRows(data.x.rows, indices);
      const rest = { x: takeRows(data.x, kept), y: takeRows(data.y, kept) };
      return conditionConstrained(model, rest, constraints, virtual);
    },
    replace(index, observation) {
      expectPoint(index, data.x.rows);
      expectLatentData(model, observation);
      expectShape(observation.x, "the observation", 1, inputs);
      const x = withRow(data.x, index, observation.x);
      const y = withRow(data.y, index, observation.y);
      return conditionConstrained(model, { x, y }, constraints, virtual);
    },
  };
  return posterior;
}

/**
 * The model of a function together with its derivatives, where its kernel has them, and of virtual observations beside
 * the others.
 */
export function liftedModel({ kernel, mean, likelihood }: LikelihoodModel): LikelihoodModel {
  const both = kernel.jet
    ? { kernel: withSlopes(kernel, mean.inputs), mean: meanWithSlopes(mean) }
    : { kernel, mean };
  return { ...both, likelihood: constrained(likelihood) };
}

/** The data as the lifted model takes them, the virtual points below. */
export function liftedData(
  { kernel }: LikelihoodModel,
  { x, y }: LatentData,
  virtual: VirtualPoints,
): LatentData {
  const seen = matrix(y.rows, 3);
  for (let i = 0; i < y.rows; i++) seen.data[3 * i] = y.data[i]!;
  const places = kernel.jet ? virtual.x : splitMarks(virtual.x, x.cols).points;
  return { x: stackRows([pointsFor(kernel, x), places]), y: stackRows([seen, virtual.y]) };
}

/** Points where a lifted kernel is asked for values. */
function pointsFor(kernel: Kernel, x: Matrix): Matrix {
  return kernel.jet ? valuesAt(x) : x;
}
