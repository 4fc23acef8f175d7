import { NotConvergedError, UsageError } from "../errors/index.ts";

export interface OdeOptions {
  /** Error allowed in a step, relative to the largest number of the state; 1e-9 unless given. */
  readonly relativeTolerance?: number;
  /** And in addition to that; 1e-12 unless given. */
  readonly absoluteTolerance?: number;
  /** Steps after which it gives up; 100,000 unless given. */
  readonly maxSteps?: number;
}

// Dormand & Prince (1980): rows of the stages, of which the last is the fifth-order solution, and what it has over the
// fourth-order one.
const stages = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
] as const;
const excess = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40] as const;

/**
 * y(time) for y′ = slope(y), y(0) = start, by the Runge–Kutta pair of Dormand and Prince with steps chosen by its error.
 * It is explicit: a stiff equation costs steps in proportion to its largest rate. Throws NotConvergedError when the steps
 * are used up, UsageError for a time below 0.
 */
export function solveOde(
  slope: (y: Float64Array) => Float64Array,
  start: Float64Array,
  time: number,
  { relativeTolerance = 1e-9, absoluteTolerance = 1e-12, maxSteps = 100_000 }: OdeOptions = {},
): Float64Array {
  if (!(time >= 0 && time < Infinity)) {
    throw new UsageError(`solveOde: a finite time from 0 is expected, got ${time}`);
  }
  const size = (y: Float64Array) => y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  let y = start;
  let first = slope(y);
  const tolerance = (now: Float64Array) => absoluteTolerance + relativeTolerance * size(now);
  // A first step along which the slope alone would move y by a hundredth.
  const rate = size(first) / Math.max(size(y), 1);
  let step = Math.min(time, 0.01 / Math.max(rate, 1e-12));
  let at = 0;
  for (let k = 0; at < time; k++) {
    if (k === maxSteps) {
      throw new NotConvergedError(
        `the differential equation took ${maxSteps} steps to time ${at.toPrecision(3)} of ${time.toPrecision(3)}; a smaller time or a larger tolerance is needed`,
      );
    }
    step = Math.min(step, time - at);
    const slopes = [first];
    let next = y;
    for (const row of stages) {
      next = y.slice();
      row.forEach((weight, s) => {
        if (weight !== 0) addTo(next, slopes[s]!, step * weight);
      });
      slopes.push(slope(next));
    }
    const gap = new Float64Array(y.length);
    excess.forEach((weight, s) => {
      if (weight !== 0) addTo(gap, slopes[s]!, step * weight);
    });
    const error = size(gap) / tolerance(next);
    if (error <= 1) {
      at += step === time - at ? time - at : step;
      y = next;
      // The last stage's slope is the next step's first.
      first = slopes.at(-1)!;
    }
    // NaN shrinks the step too.
    step *= error > 0 ? Math.min(5, Math.max(0.2, 0.9 * error ** -0.2)) : error === 0 ? 5 : 0.2;
  }
  return y;
}

function addTo(out: Float64Array, values: Float64Array, by: number): void {
  for (let k = 0; k < out.length; k++) out[k]! += by * values[k]!;
}
