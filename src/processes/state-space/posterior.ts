import { engine } from "../../engine/index.ts";
import { UsageError } from "../../errors/index.ts";
import {
  add,
  expectFinite,
  expectShape,
  type Fn,
  type Matrix,
  matrix,
  stackRows,
  subtract,
  takeRows,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import { Gaussian, nonNegative } from "../gaussian.ts";
import type { GaussianProcess } from "../prior.ts";
import type { LeaveOneOut, Observations, Posterior } from "../process.ts";
import { expectPoint, keptRows, withRow } from "../update.ts";
import { filter, sandwichTransposed, timesVector, transposedTimes } from "./filter.ts";
import { type StateSpace, stateSpace } from "./state-space.ts";

/** The exact posterior over functions of one input, in O(n) time and memory. */
export interface StateSpacePosterior extends Posterior {
  readonly method: "state-space";
  readonly prior: GaussianProcess;
  /** n × 1 each, in the order they came. */
  readonly data: { readonly x: Matrix; readonly y: Matrix; readonly noise: Float64Array };
  condition(more: Observations): StateSpacePosterior;
  /** The posterior without the observations at these rows of `data` (from 0), conditioned anew: that is O(n). */
  without(indices: readonly number[]): StateSpacePosterior;
  /** The posterior with one observation changed to another (one row), in its place. */
  replace(index: number, observation: Observations): StateSpacePosterior;
}

/**
 * Conditions a Gaussian process of one input by Kalman filter and smoother (Hartikainen & Särkkä 2010): what exact
 * inference gives, in linear time. Throws UsageError for kernels without a state space (`stateSpace`) and for more than
 * one input or output, NonFiniteError, ShapeError.
 */
export function conditionByStateSpace(prior: GaussianProcess, data: Observations): StateSpacePosterior {
  const noise = new Float64Array(data.x.rows).fill(data.noiseVariance);
  const posterior = restoreStateSpace(prior, { x: data.x, y: data.y, noise }, data.noiseVariance);
  // Data that cannot be conditioned on are to be told of now.
  posterior.logEvidence;
  return posterior;
}

/** The posterior of data with a noise variance for each row; `noiseVariance` is that of observations to come. */
export function restoreStateSpace(
  prior: GaussianProcess,
  data: StateSpacePosterior["data"],
  noiseVariance: number,
): StateSpacePosterior {
  const { kernel, mean, inputs } = prior;
  const { x, y, noise } = data;
  expectSeries(x, y, inputs);
  if (!(noiseVariance >= 0 && noiseVariance < Infinity)) {
    throw new UsageError(`a noise variance is finite and at least 0, got ${noiseVariance}`);
  }
  const model = stateSpace(kernel);
  const residual = subtract(y, mean.at(x)).data;
  const smoothed = (values: Float64Array, points: Matrix) => smooth(model, { x, noise }, values, points);
  let evidence: number | undefined;
  const posterior: StateSpacePosterior = {
    method: "state-space",
    inputs: 1,
    outputs: 1,
    prior,
    data,
    noiseVariance,
    get logEvidence() {
      evidence ??= filtered(model, x, noise, residual);
      return evidence;
    },
    report: { method: "kalman", engine: engine().name, jitter: 0 },
    at(points) {
      expectShape(points, "x", undefined, 1);
      expectFinite(points, "x");
      let kept: { readonly mean: Matrix; readonly variance: Matrix } | undefined;
      const moments = () => {
        if (kept) return kept;
        const found = smoothed(residual, points);
        kept = {
          mean: add(mean.at(points), matrix(points.rows, 1, found.mean)),
          variance: matrix(points.rows, 1, found.variance),
        };
        return kept;
      };
      return new Gaussian({
        rows: points.rows,
        outputs: 1,
        mean: () => moments().mean,
        moments,
        /** What the data explain of each point's covariance with all: one pass a point. */
        covariance() {
          const out = kernel.gram(points);
          const cross = kernel.cross(points, x);
          for (let j = 0; j < points.rows; j++) {
            const column = smoothed(cross.data.slice(j * x.rows, (j + 1) * x.rows), points).mean;
            for (let i = 0; i < points.rows; i++) out.data[i * points.rows + j]! -= column[i]!;
          }
          return out;
        },
      });
    },
    observed: (points) => posterior.at(points).withNoise(noiseVariance),
    /** Matheron's rule, with the smoother in the place of a solve. */
    sample: (key: Key, count: number): Fn[] =>
      Array.from({ length: count }, (_, s) => {
        const path = kernel.path(split(split(key, s), "path"), 1);
        const draws = normal(split(split(key, s), "noise"), x.rows);
        const before = path.at(x).data;
        const gap = residual.map((r, i) => r - before[i]! - Math.sqrt(noise[i]!) * draws[i]!);
        return {
          inputs: 1,
          outputs: 1,
          at: (points) =>
            add(add(mean.at(points), path.at(points)), matrix(points.rows, 1, smoothed(gap, points).mean)),
        };
      }),
    leaveOneOut: () => leaveOneOut(smoothed(residual, matrix(0, 1)), y),
    condition(more) {
      expectSeries(more.x, more.y, inputs);
      const added = new Float64Array(more.x.rows).fill(more.noiseVariance);
      const both = new Float64Array(x.rows + more.x.rows);
      both.set(noise);
      both.set(added, x.rows);
      return restoreStateSpace(
        prior,
        { x: stackRows([x, more.x]), y: stackRows([y, more.y]), noise: both },
        more.noiseVariance,
      );
    },
    without(indices) {
      const { kept } = keptRows(x.rows, indices);
      return restoreStateSpace(
        prior,
        { x: takeRows(x, kept), y: takeRows(y, kept), noise: Float64Array.from(kept, (i) => noise[i]!) },
        noiseVariance,
      );
    },
    replace(index, observation) {
      expectPoint(index, x.rows);
      expectShape(observation.x, "the observation", 1, 1);
      expectSeries(observation.x, observation.y, 1);
      const own = noise.slice();
      own[index] = observation.noiseVariance;
      const changed = {
        x: withRow(x, index, observation.x),
        y: withRow(y, index, observation.y),
        noise: own,
      };
      return restoreStateSpace(prior, changed, noiseVariance);
    },
  };
  return posterior;
}

/** Throws for data that are no series: more than one column, none, or not finite. */
export function expectSeries(x: Matrix, y: Matrix, inputs: number): void {
  if (inputs !== 1 || x.cols !== 1) {
    throw new UsageError(`state-space inference takes one input column, got ${Math.max(inputs, x.cols)}`);
  }
  expectShape(y, "y", x.rows, 1);
  if (x.rows === 0) throw new UsageError("there are no observations");
  expectFinite(x, "x");
  expectFinite(y, "y");
}

/** The places of values in order; equal ones as they came. */
export function ordered(values: Float64Array): Uint32Array {
  const order = Uint32Array.from(values, (_, i) => i);
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[i - 1]!) return order.sort((a, b) => values[a]! - values[b]! || a - b);
  }
  return order;
}

/** log p(values) of data in any order. */
function filtered(model: StateSpace, x: Matrix, noise: Float64Array, values: Float64Array): number {
  const order = ordered(x.data);
  const by = (a: Float64Array) => Float64Array.from(order, (i) => a[i]!);
  return filter(model, { times: by(x.data), values: by(values), noise: by(noise) }).logEvidence;
}

/** The places of both in one order: those of `b` count on from the end of `a`, and come first where equal. */
function merged(a: Float64Array, b: Float64Array): Uint32Array {
  const [first, second] = [ordered(a), ordered(b)];
  const out = new Uint32Array(a.length + b.length);
  for (let k = 0, i = 0, j = 0; k < out.length; k++) {
    const take = j < b.length && (i === a.length || b[second[j]!]! <= a[first[i]!]!);
    out[k] = take ? a.length + second[j++]! : first[i++]!;
  }
  return out;
}

interface Smoothed {
  /** At the points asked for, of the function less its mean. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** At the data: Σ⁻¹ y and the diagonal of Σ⁻¹. */
  readonly weights: Float64Array;
  readonly precision: Float64Array;
}

/**
 * Filter and smoother over data and points together, by the way back of de Jong (1989), which inverts nothing. Equal
 * inputs keep their order, which changes nothing.
 */
function smooth(
  model: StateSpace,
  { x, noise }: { readonly x: Matrix; readonly noise: Float64Array },
  values: Float64Array,
  points: Matrix,
): Smoothed {
  const { size: d, observe, stationary } = model;
  const n = x.rows;
  const order = merged(x.data, points.data);
  const both = filter(model, {
    times: Float64Array.from(order, (i) => (i < n ? x.data[i]! : points.data[i - n]!)),
    values: Float64Array.from(order, (i) => (i < n ? values[i]! : Number.NaN)),
    // Of what is not seen it is never looked at, but must leave a variance.
    noise: Float64Array.from(order, (i) => (i < n ? noise[i]! : 1)),
  });
  const out = {
    mean: new Float64Array(points.rows),
    variance: new Float64Array(points.rows),
    weights: new Float64Array(n),
    precision: new Float64Array(n),
  };
  const prior = observe.reduce((sum, h, a) => sum + h * timesVector(stationary.data, observe, d)[a]!, 0);
  const r = new Float64Array(d);
  const precision = new Float64Array(d * d);
  const bent = new Float64Array(d);
  const scratch = new Float64Array(d * d);
  both.backwards(({ index, seen, mean, deviation, gain, innovation, variance, transition, step }) => {
    const at = order[index]!;
    if (seen) {
      timesVector(precision, gain, d, bent);
      let along = 0;
      let twice = 0;
      for (let a = 0; a < d; a++) {
        along += r[a]! * gain[a]!;
        twice += bent[a]! * gain[a]!;
      }
      // (I − K H)ᵀ r + H v/S and (I − K H)ᵀ N (I − K H) + H Hᵀ/S with K = gain/S
      const weight = (innovation - along) / variance;
      const own = 1 / variance + twice / variance ** 2;
      out.weights[at] = weight;
      out.precision[at] = own;
      for (let a = 0; a < d; a++) {
        r[a]! += observe[a]! * weight;
        for (let b = 0; b < d; b++) {
          precision[a * d + b]! +=
            observe[a]! * observe[b]! * own - (bent[a]! * observe[b]! + observe[a]! * bent[b]!) / variance;
        }
      }
    } else {
      let f = 0;
      let spread = prior;
      const own = timesVector(deviation, observe, d);
      timesVector(precision, gain, d, bent);
      for (let a = 0; a < d; a++) {
        f += observe[a]! * mean[a]! + gain[a]! * r[a]!;
        spread += observe[a]! * own[a]! - gain[a]! * bent[a]!;
      }
      out.mean[at - n] = f;
      out.variance[at - n] = nonNegative(spread);
    }
    if (step !== 0) {
      r.set(transposedTimes(transition, r, d));
      sandwichTransposed(transition, precision, scratch, d);
    }
  });
  return out;
}

/** As in exact inference, from Σ⁻¹ y and the diagonal of Σ⁻¹ (Rasmussen & Williams 2006, equation 5.12). */
function leaveOneOut({ weights, precision }: Smoothed, y: Matrix): LeaveOneOut {
  const variance = matrix(
    y.rows,
    1,
    precision.map((v) => 1 / v),
  );
  const residual = matrix(
    y.rows,
    1,
    weights.map((w, i) => w / precision[i]!),
  );
  let logDensity = 0;
  residual.data.forEach((r, i) => {
    const v = variance.data[i]!;
    logDensity -= 0.5 * (Math.log(2 * Math.PI * v) + (r * r) / v);
  });
  return { mean: subtract(y, residual), variance, residual, logDensity };
}
