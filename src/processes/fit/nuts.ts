import { type Key, normal, split, uniform } from "../../random/index.ts";
import type { Valued } from "./target.ts";

/** Draws from a density, and how drawing went. */
export interface Chain {
  readonly draws: readonly Float64Array[];
  readonly stepSize: number;
  /** The average acceptance probability after warm-up; 0.8 is aimed at. */
  readonly acceptance: number;
  /** Trajectories after warm-up that left the density's reach: its shape is too sharp for the step somewhere. */
  readonly divergences: number;
  readonly evaluations: number;
}

export interface NutsOptions {
  readonly warmup: number;
  readonly draws: number;
  readonly key: Key;
}

interface State extends Valued {
  readonly w: Float64Array;
  readonly momentum: Float64Array;
}

interface Tree {
  readonly left: State;
  readonly right: State;
  readonly proposal: State;
  /** States inside the slice. */
  readonly count: number;
  readonly going: boolean;
  readonly acceptance: number;
  readonly states: number;
  readonly diverged: boolean;
}

const aim = 0.8;
const deepest = 8;
// A drop of the joint log density beyond any sensible one: the integrator has lost the trajectory.
const lost = 1000;

/**
 * The No-U-Turn sampler with dual averaging of the step (Hoffman & Gelman 2014, algorithm 6), and one diagonal mass
 * matrix learnt in the middle of the warm-up. Yields once a draw.
 */
export function* nuts(
  density: (w: Float64Array) => Valued,
  start: Float64Array,
  { warmup, draws, key }: NutsOptions,
): Generator<{ readonly done: number; readonly value: number }, Chain, void> {
  const dims = start.length;
  let evaluations = 0;
  const at = (w: Float64Array): Valued => {
    evaluations++;
    return density(w);
  };
  // The variance of each coordinate: inverse masses.
  let spread = new Float64Array(dims).fill(1);
  const kinetic = (p: Float64Array) => p.reduce((sum, v, i) => sum + 0.5 * v * v * spread[i]!, 0);
  const joint = (s: State) => s.value - kinetic(s.momentum);

  const leap = (s: State, step: number): State => {
    const half = s.momentum.map((p, i) => p + 0.5 * step * s.gradient[i]!);
    const w = s.w.map((v, i) => v + step * spread[i]! * half[i]!);
    const next = at(w);
    return { ...next, w, momentum: half.map((p, i) => p + 0.5 * step * next.gradient[i]!) };
  };

  const turns = (left: State, right: State): boolean => {
    let [a, b] = [0, 0];
    for (let i = 0; i < dims; i++) {
      const gap = right.w[i]! - left.w[i]!;
      a += gap * left.momentum[i]!;
      b += gap * right.momentum[i]!;
    }
    return a < 0 || b < 0;
  };

  const grow = (from: State, logSlice: number, step: number, depth: number, first: number, k: Key): Tree => {
    if (depth === 0) {
      const state = leap(from, step);
      const level = joint(state);
      const inside = logSlice <= level;
      const diverged = !(logSlice - lost < level);
      const acceptance = Math.min(1, Math.exp(level - first));
      return {
        left: state,
        right: state,
        proposal: state,
        count: inside ? 1 : 0,
        going: !diverged,
        acceptance: Number.isNaN(acceptance) ? 0 : acceptance,
        states: 1,
        diverged,
      };
    }
    const one = grow(from, logSlice, step, depth - 1, first, split(k, "one"));
    if (!one.going) return one;
    const edge = step > 0 ? one.right : one.left;
    const two = grow(edge, logSlice, step, depth - 1, first, split(k, "two"));
    const left = step > 0 ? one.left : two.left;
    const right = step > 0 ? two.right : one.right;
    const count = one.count + two.count;
    const take = uniform(split(k, "take"), 1)[0]! * count < two.count;
    return {
      left,
      right,
      proposal: take ? two.proposal : one.proposal,
      count,
      going: two.going && !turns(left, right),
      acceptance: one.acceptance + two.acceptance,
      states: one.states + two.states,
      diverged: two.diverged,
    };
  };

  const momentum = (k: Key) => normal(k, dims).map((z, i) => z / Math.sqrt(spread[i]!));
  let state: Valued & { readonly w: Float64Array } = { ...at(start), w: start };

  /** A step at which one leap is accepted about half the time (algorithm 4). */
  const reasonable = (k: Key): number => {
    let step = 0.1;
    const from: State = { ...state, momentum: momentum(k) };
    const gain = () => joint(leap(from, step)) - joint(from);
    const up = gain() > Math.log(0.5) ? 1 : -1;
    for (let i = 0; i < 30; i++) {
      step *= 2 ** up;
      const g = gain();
      if (!(up * g > -up * Math.log(2))) break;
    }
    return step;
  };

  let averaging = dualAveraging(reasonable(split(key, "step")));
  const kept: Float64Array[] = [];
  const seen: Float64Array[] = [];
  let [accepted, divergences] = [0, 0];
  for (let draw = 0; draw < warmup + draws; draw++) {
    const k = split(key, draw);
    const warm = draw < warmup;
    const step = warm ? averaging.step() : averaging.settled();
    const from: State = { ...state, momentum: momentum(split(k, "momentum")) };
    const first = joint(from);
    const logSlice = first + Math.log(uniform(split(k, "slice"), 1)[0]!);
    let [left, right, proposal, count] = [from, from, from, 1];
    let last: Tree | undefined;
    for (let depth = 0; depth < deepest; depth++) {
      const own = split(k, depth);
      const forwards = uniform(split(own, "direction"), 1)[0]! < 0.5;
      const tree = grow(forwards ? right : left, logSlice, forwards ? step : -step, depth, first, own);
      last = tree;
      if (forwards) right = tree.right;
      else left = tree.left;
      if (!tree.going) break;
      if (uniform(split(own, "accept"), 1)[0]! * count < tree.count) proposal = tree.proposal;
      count += tree.count;
      if (turns(left, right)) break;
    }
    state = proposal;
    const rate = last!.acceptance / last!.states;
    if (warm) {
      averaging.learn(rate);
      // The first third only finds the way; the second shows how far each coordinate spreads.
      if (draw >= warmup / 3) seen.push(state.w);
      if (draw + 1 === Math.floor((2 * warmup) / 3)) {
        spread = variances(seen);
        averaging = dualAveraging(reasonable(split(k, "step")));
      }
    } else {
      kept.push(state.w);
      accepted += rate / draws;
      if (last!.diverged) divergences++;
    }
    yield { done: draw + 1, value: state.value };
  }
  return { draws: kept, stepSize: averaging.settled(), acceptance: accepted, divergences, evaluations };
}

/** The step that makes the average acceptance what is aimed at (section 3.2; γ = 0.05, t₀ = 10, κ = 0.75). */
function dualAveraging(start: number) {
  let [count, error, log, settled] = [0, 0, Math.log(start), 0];
  return {
    step: () => Math.exp(log),
    settled: () => Math.exp(count > 0 ? settled : log),
    learn(rate: number) {
      count++;
      error += (aim - rate - error) / (count + 10);
      log = Math.log(10 * start) - (Math.sqrt(count) / 0.05) * error;
      const weight = count ** -0.75;
      settled = weight * log + (1 - weight) * settled;
    },
  };
}

/** Of each coordinate, drawn towards 1 where there are few draws (as Stan does). */
function variances(draws: readonly Float64Array[]): Float64Array<ArrayBuffer> {
  const n = draws.length;
  return Float64Array.from(draws[0]!, (_, i) => {
    const mean = draws.reduce((sum, d) => sum + d[i]! / n, 0);
    const variance = draws.reduce((sum, d) => sum + (d[i]! - mean) ** 2 / Math.max(1, n - 1), 0);
    return (n * variance + 5) / (n + 5);
  });
}
