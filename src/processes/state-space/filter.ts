import { NotPositiveDefiniteError } from "../../errors/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import type { StateSpace } from "./state-space.ts";

/** A series in the order of time: NaN in `values` where nothing was seen. */
export interface Series {
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** The noise variance of each value. */
  readonly noise: Float64Array;
}

/** One step of the filter, as the way back meets it; the arrays are used again for the next. */
export interface Step {
  readonly index: number;
  readonly seen: boolean;
  /** The state's mean before the value was seen. */
  readonly mean: Float64Array;
  /** The state's covariance before the value was seen, less the stationary one. */
  readonly deviation: Float64Array;
  /** P H: the covariance of state and f before the value was seen. */
  readonly gain: Float64Array;
  /** y − E y, and its variance. */
  readonly innovation: number;
  readonly variance: number;
  /** From the step before to this one; the identity at the first. */
  readonly transition: Float64Array;
  readonly step: number;
  /** Mean and deviation after the step before. */
  readonly meanBefore: Float64Array;
  readonly deviationBefore: Float64Array;
}

export interface Filtered {
  /** log p(values), in nats. */
  readonly logEvidence: number;
  /** Every step from the last to the first. */
  backwards(visit: (step: Step) => void): void;
}

// Steps between states that are kept: what lies between is computed again on the way back.
const stride = 1024;

/**
 * The Kalman filter in O(n · size³) time; the way back keeps a state for every 1,024 steps. With D = P − P∞ prediction is
 * D ← A D Aᵀ, so that no process noise, a small difference of large numbers, is ever formed.
 */
export function filter(model: StateSpace, { times, values, noise }: Series): Filtered {
  const { size: d, observe } = model;
  const n = times.length;
  const fromStationary = timesVector(model.stationary.data, observe, d);
  const kept = matrix(Math.ceil(n / stride), d + d * d);
  const mean = new Float64Array(d);
  const deviation = new Float64Array(d * d);
  const gain = new Float64Array(d);
  const scratch = new Float64Array(d * d);
  const spare = new Float64Array(d);
  let lastStep = 0;
  let transition = identityOf(d);
  const transitionOver = (step: number) => {
    if (step !== lastStep) {
      lastStep = step;
      transition = step === 0 ? identityOf(d) : model.transition(step);
    }
    return transition;
  };
  const stepTo = (i: number) => (i === 0 ? 0 : times[i]! - times[i - 1]!);
  const predict = (i: number) => {
    const step = stepTo(i);
    if (step === 0) return;
    const a = transitionOver(step);
    timesVector(a, mean, d, spare);
    mean.set(spare);
    sandwich(a, deviation, scratch, d);
  };
  const look = (i: number) => {
    const own = timesVector(deviation, observe, d, spare);
    let expected = 0;
    let variance = noise[i]!;
    for (let a = 0; a < d; a++) {
      gain[a] = fromStationary[a]! + own[a]!;
      expected += observe[a]! * mean[a]!;
      variance += observe[a]! * gain[a]!;
    }
    if (!(variance > 0)) {
      throw new NotPositiveDefiniteError(
        `the value at ${times[i]} has no variance left given those before: give the data noise`,
        { pivot: i, jitterTried: 0 },
      );
    }
    return { innovation: values[i]! - expected, variance };
  };
  const update = (innovation: number, variance: number) => {
    for (let a = 0; a < d; a++) {
      mean[a]! += (gain[a]! * innovation) / variance;
      for (let b = 0; b < d; b++) deviation[a * d + b]! -= (gain[a]! * gain[b]!) / variance;
    }
  };
  let logEvidence = 0;
  for (let i = 0; i < n; i++) {
    if (i % stride === 0) {
      kept.data.set(mean, (i / stride) * kept.cols);
      kept.data.set(deviation, (i / stride) * kept.cols + d);
    }
    predict(i);
    if (Number.isNaN(values[i]!)) continue;
    const { innovation, variance } = look(i);
    logEvidence -= 0.5 * (Math.log(2 * Math.PI * variance) + (innovation * innovation) / variance);
    update(innovation, variance);
  }
  return {
    logEvidence,
    backwards(visit) {
      const record = d + d * d;
      // Before and after each step's prediction.
      const before = new Float64Array(stride * record);
      const after = new Float64Array(stride * record);
      for (let segment = kept.rows - 1; segment >= 0; segment--) {
        const first = segment * stride;
        const last = Math.min(n, first + stride);
        mean.set(kept.data.subarray(segment * record, segment * record + d));
        deviation.set(kept.data.subarray(segment * record + d, (segment + 1) * record));
        for (let i = first; i < last; i++) {
          const at = (i - first) * record;
          before.set(mean, at);
          before.set(deviation, at + d);
          predict(i);
          after.set(mean, at);
          after.set(deviation, at + d);
          if (Number.isNaN(values[i]!)) continue;
          const { innovation, variance } = look(i);
          update(innovation, variance);
        }
        for (let i = last - 1; i >= first; i--) {
          const at = (i - first) * record;
          mean.set(after.subarray(at, at + d));
          deviation.set(after.subarray(at + d, at + record));
          const seen = !Number.isNaN(values[i]!);
          const found = look(i);
          visit({
            index: i,
            seen,
            mean,
            deviation,
            gain,
            ...found,
            transition: transitionOver(stepTo(i)),
            step: stepTo(i),
            meanBefore: before.subarray(at, at + d),
            deviationBefore: before.subarray(at + d, at + record),
          });
        }
      }
    },
  };
}

/** The evidence's derivatives in the model and in each noise variance, by reverse differentiation of the filter. */
export function evidenceSlopes(
  { size: d, observe }: StateSpace,
  filtered: Filtered,
  count: number,
): {
  readonly generator: Matrix;
  readonly stationary: Matrix;
  readonly noise: number;
  readonly mean: Float64Array;
} {
  const generator = matrix(d, d);
  const stationary = matrix(d, d);
  const values = new Float64Array(count);
  let noise = 0;
  const ofMean = new Float64Array(d);
  const ofDeviation = new Float64Array(d * d);
  const scratch = new Float64Array(d * d);
  const ofGain = new Float64Array(d);
  const more = new Float64Array(d * d);
  const bent = new Float64Array(d);
  const predicted = new Float64Array(d);
  filtered.backwards(
    ({ index, seen, gain, innovation, variance, transition, step, meanBefore, deviationBefore }) => {
      if (seen) {
        let along = 0;
        let twice = 0;
        timesVector(ofDeviation, gain, d, bent);
        for (let a = 0; a < d; a++) {
          along += ofMean[a]! * gain[a]!;
          twice += gain[a]! * bent[a]!;
        }
        const ofInnovation = (along - innovation) / variance;
        const ofVariance =
          (twice - along * innovation) / variance ** 2 +
          (0.5 * (innovation * innovation - variance)) / variance ** 2;
        noise += ofVariance;
        values[index] = -ofInnovation;
        for (let a = 0; a < d; a++) {
          ofGain[a] = (ofMean[a]! * innovation - 2 * bent[a]!) / variance + observe[a]! * ofVariance;
        }
        for (let a = 0; a < d; a++) {
          ofMean[a]! -= observe[a]! * ofInnovation;
          for (let b = 0; b < d; b++) {
            const both = 0.5 * (ofGain[a]! * observe[b]! + observe[a]! * ofGain[b]!);
            stationary.data[a * d + b]! += both;
            ofDeviation[a * d + b]! += both;
          }
        }
      }
      if (step === 0) return;
      // ∂/∂F += step (∂/∂A) Aᵀ with ∂/∂A = ofMean meanBeforeᵀ + 2 ofDeviation A deviationBefore; the covariance after
      // the step is D + P∞, and A D Aᵀ alone moves with A.
      timesVector(transition, meanBefore, d, predicted);
      scratch.set(deviationBefore);
      sandwich(transition, scratch, more, d);
      for (let a = 0; a < d; a++) {
        for (let b = 0; b < d; b++) {
          let sum = ofMean[a]! * predicted[b]!;
          for (let c = 0; c < d; c++) sum += 2 * ofDeviation[a * d + c]! * scratch[c * d + b]!;
          generator.data[a * d + b]! += step * sum;
        }
      }
      ofMean.set(transposedTimes(transition, ofMean, d));
      sandwichTransposed(transition, ofDeviation, scratch, d);
    },
  );
  return { generator, stationary, noise, mean: values };
}

/** A v, in `out` where one is given. */
export function timesVector(
  a: Float64Array,
  v: Float64Array,
  d: number,
  out: Float64Array = new Float64Array(d),
): Float64Array {
  for (let i = 0; i < d; i++) {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += a[i * d + j]! * v[j]!;
    out[i] = sum;
  }
  return out;
}

export function transposedTimes(a: Float64Array, v: Float64Array, d: number): Float64Array {
  const out = new Float64Array(d);
  for (let j = 0; j < d; j++) {
    const w = v[j]!;
    for (let i = 0; i < d; i++) out[i]! += a[j * d + i]! * w;
  }
  return out;
}

/** P ← A P Aᵀ for a symmetric P, in place. */
function sandwich(a: Float64Array, p: Float64Array, scratch: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += a[i * d + k]! * p[k * d + j]!;
      scratch[i * d + j] = sum;
    }
  }
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += scratch[i * d + k]! * a[j * d + k]!;
      p[i * d + j] = sum;
      p[j * d + i] = sum;
    }
  }
}

/** P ← Aᵀ P A for a symmetric P, in place. */
export function sandwichTransposed(a: Float64Array, p: Float64Array, scratch: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += p[i * d + k]! * a[k * d + j]!;
      scratch[i * d + j] = sum;
    }
  }
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += a[k * d + i]! * scratch[k * d + j]!;
      p[i * d + j] = sum;
      p[j * d + i] = sum;
    }
  }
}

function identityOf(d: number): Float64Array {
  return Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0));
}
