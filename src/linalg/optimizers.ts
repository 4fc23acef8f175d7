import type { Floats } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";

/**
 * A way to step along a gradient. `start` makes the state for arrays of the given lengths; `adaptiveRates` are factors
 * on their learning rates, 1 where left out, for optimisers whose steps do not grow with the gradient (Layer's
 * `adaptiveRates`).
 */
export interface Optimizer {
  readonly learningRate: number;
  start(
    lengths: readonly number[],
    adaptiveRates?: readonly number[],
    from?: OptimizerSnapshot,
  ): OptimizerState;
}

/** What an optimiser remembers: with it, training goes on as if it had never stopped. */
export interface OptimizerSnapshot {
  readonly steps: number;
  /** Running means, each as long as the weights it belongs to. */
  readonly arrays: readonly Float64Array[];
}

export interface OptimizerState {
  /** Changes the weights in place, one array a parameter tensor; `learningRate` is that of this step. */
  step(weights: readonly Floats[], gradients: readonly Floats[], learningRate: number): void;
  /** A copy of what it remembers. */
  snapshot(): OptimizerSnapshot;
}

export interface SgdOptions {
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** Added to the gradient as weightDecay · w (an L2 penalty of half of that). */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent with (Nesterov) momentum, in PyTorch's form: v ← μ v + g, w ← w − η v. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { learningRate = 1e-2, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  expectRate(learningRate);
  return {
    learningRate,
    start(lengths, _adaptiveRates, from) {
      const velocities = lengths.map((length, t) => from?.arrays[t]?.slice() ?? new Float64Array(length));
      return {
        snapshot: () => ({ steps: 0, arrays: velocities.map((v) => v.slice()) }),
        step(weights, gradients, rate) {
          const [alongSlope, alongVelocity] = nesterov ? [rate, rate * momentum] : [0, rate];
          weights.forEach((w, t) => {
            const g = gradients[t]!;
            const v = velocities[t]!;
            for (let i = 0; i < w.length; i++) {
              const slope = g[i]! + weightDecay * w[i]!;
              const velocity = momentum * v[i]! + slope;
              v[i] = velocity;
              w[i] = w[i]! - (alongSlope * slope + alongVelocity * velocity);
            }
          });
        },
      };
    },
  };
}

export interface AdamOptions {
  readonly learningRate?: number;
  /** Decay rates of the running means of gradient and squared gradient. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** With `decoupled` (AdamW), weights shrink by η · weightDecay a step; else weightDecay · w joins the gradient. */
  readonly weightDecay?: number;
  readonly decoupled?: boolean;
}

/** Adam (Kingma & Ba 2015), and AdamW (Loshchilov & Hutter 2019) with `decoupled`. */
export function adam(options: AdamOptions = {}): Optimizer {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const { weightDecay = 0, decoupled = false } = options;
  expectRate(learningRate);
  return {
    learningRate,
    start(lengths, adaptiveRates, from) {
      const kept = (at: number, length: number) => from?.arrays[at]?.slice() ?? new Float64Array(length);
      const means = lengths.map((length, t) => kept(t, length));
      const squares = lengths.map((length, t) => kept(lengths.length + t, length));
      let steps = from?.steps ?? 0;
      return {
        snapshot: () => ({ steps, arrays: [...means, ...squares].map((a) => a.slice()) }),
        step(weights, gradients, rate) {
          steps++;
          const debias = 1 - beta1 ** steps;
          const correction = 1 / Math.sqrt(1 - beta2 ** steps);
          const shrink = decoupled ? 1 - rate * weightDecay : 1;
          const penalty = decoupled ? 0 : weightDecay;
          weights.forEach((w, t) => {
            const g = gradients[t]!;
            const m = means[t]!;
            const s = squares[t]!;
            const size = (rate * (adaptiveRates?.[t] ?? 1)) / debias;
            for (let i = 0; i < w.length; i++) {
              const slope = g[i]! + penalty * w[i]!;
              const mean = beta1 * m[i]! + (1 - beta1) * slope;
              const square = beta2 * s[i]! + (1 - beta2) * slope * slope;
              m[i] = mean;
              s[i] = square;
              w[i] = shrink * w[i]! - (size * mean) / (Math.sqrt(square) * correction + epsilon);
            }
          });
        },
      };
    },
  };
}

/** AdamW: Adam with decoupled weight decay. */
export function adamW(options: Omit<AdamOptions, "decoupled"> = {}): Optimizer {
  return adam({ weightDecay: 1e-2, ...options, decoupled: true });
}

function expectRate(learningRate: number): void {
  if (!(learningRate > 0)) throw new UsageError(`a learning rate is positive, got ${learningRate}`);
}
