import { NonFiniteError } from "../errors/index.ts";
import { dot } from "./matrix.ts";

/** A function to be made small: its value at x, and its gradient. A value of +∞ marks a point outside its domain. */
export type Objective = (x: Float64Array) => { readonly value: number; readonly gradient: Float64Array };

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly iterations: number;
  /** Whether the gradient or the decrease fell below its tolerance (rather than the iterations running out). */
  readonly converged: boolean;
}

export interface LbfgsOptions {
  readonly maxIterations?: number;
  /** Stop when no entry of the gradient exceeds this. */
  readonly gradientTolerance?: number;
  /** Stop when a step lowers the value by less than this, relative to max(1, |value|). */
  readonly valueTolerance?: number;
  /** Pairs of steps remembered. */
  readonly memory?: number;
}

/**
 * Limited-memory BFGS with a line search that meets the strong Wolfe conditions
 * (Nocedal & Wright, Numerical Optimization, algorithms 7.5, 3.5 and 3.6).
 */
export function lbfgs(objective: Objective, start: Float64Array, options: LbfgsOptions = {}): Minimum {
  const steps = lbfgsSteps(objective, start, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, one iteration at a time: yields the iterations done and the value reached. */
export function* lbfgsSteps(
  objective: Objective,
  start: Float64Array,
  options: LbfgsOptions = {},
): Generator<{ readonly iterations: number; readonly value: number }, Minimum, void> {
  const { maxIterations = 200, gradientTolerance = 1e-6, valueTolerance = 1e-12, memory = 10 } = options;
  let x: Float64Array = start.slice();
  let { value, gradient } = objective(x);
  if (!Number.isFinite(value)) throw new NonFiniteError(`the objective is ${value} at the starting point`);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  let iterations = 0;
  let converged = largest(gradient) <= gradientTolerance;
  while (!converged && iterations < maxIterations) {
    const direction = twoLoop(gradient, pairs);
    let slope = dot(gradient, direction);
    if (!(slope < 0)) {
      // The remembered curvature is useless here: start again from steepest descent.
      pairs.length = 0;
      direction.set(gradient.map((g) => -g));
      slope = -dot(gradient, gradient);
    }
    const first = pairs.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    const step = wolfe(objective, x, value, slope, direction, first);
    if (!step) {
      if (pairs.length === 0) break;
      pairs.length = 0;
      continue;
    }
    iterations++;
    const s = step.x.map((v, i) => v - x[i]!);
    const y = step.gradient.map((g, i) => g - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-12 * Math.sqrt(dot(s, s) * dot(y, y))) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    const decrease = value - step.value;
    ({ x, value, gradient } = step);
    converged =
      largest(gradient) <= gradientTolerance || decrease <= valueTolerance * Math.max(1, Math.abs(value));
    yield { iterations, value };
  }
  return { x, value, gradient, iterations, converged };
}

function largest(v: Float64Array): number {
  return v.reduce((m, q) => Math.max(m, Math.abs(q)), 0);
}

/** −H g by the two-loop recursion. */
function twoLoop(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, rho } = pairs[i]!;
    const alpha = rho * dot(s, q);
    alphas[i] = alpha;
    for (let k = 0; k < q.length; k++) q[k]! -= alpha * y[k]!;
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let k = 0; k < q.length; k++) q[k]! *= scale;
  }
  pairs.forEach(({ s, y, rho }, i) => {
    const beta = alphas[i]! - rho * dot(y, q);
    for (let k = 0; k < q.length; k++) q[k]! += beta * s[k]!;
  });
  return q;
}

type Point = { x: Float64Array; value: number; gradient: Float64Array; t: number; slope: number };

/** A step that meets the strong Wolfe conditions, or undefined when none is found. */
function wolfe(
  objective: Objective,
  x: Float64Array,
  value: number,
  slope: number,
  direction: Float64Array,
  first: number,
): Point | undefined {
  const sufficient = 1e-4;
  const flat = 0.9;
  const probe = (t: number): Point => {
    const at = x.map((v, i) => v + t * direction[i]!);
    const f = objective(at);
    return { x: at, value: f.value, gradient: f.gradient, t, slope: dot(f.gradient, direction) };
  };
  const low0: Point = { x, value, gradient: direction, t: 0, slope };
  let previous = low0;
  let t = first;
  for (let i = 0; i < 20; i++) {
    const p = probe(t);
    if (!(p.value <= value + sufficient * t * slope) || (i > 0 && p.value >= previous.value)) {
      return zoom(previous, p);
    }
    if (Math.abs(p.slope) <= -flat * slope) return p;
    if (p.slope >= 0) return zoom(p, previous);
    previous = p;
    t *= 2;
  }
  return previous.t > 0 ? previous : undefined;

  function zoom(lowStart: Point, highStart: Point): Point | undefined {
    let low = lowStart;
    let high = highStart;
    for (let i = 0; i < 30; i++) {
      const width = high.t - low.t;
      // The minimum of the quadratic through low (value and slope) and high (value), kept off the ends.
      const guess = (-low.slope * width * width) / (2 * (high.value - low.value - low.slope * width));
      const part = Number.isFinite(guess) ? Math.min(0.9, Math.max(0.1, guess / width)) : 0.5;
      const p = probe(low.t + part * width);
      if (!(p.value <= value + sufficient * p.t * slope) || p.value >= low.value) high = p;
      else {
        if (Math.abs(p.slope) <= -flat * slope) return p;
        if (p.slope * (high.t - low.t) >= 0) high = low;
        low = p;
      }
      if (Math.abs(high.t - low.t) <= 1e-14 * Math.max(1, low.t)) break;
    }
    return low.t > 0 ? low : undefined;
  }
}
