import { FunspaceError } from "../../errors/index.ts";
import {
  fromVector,
  gradientVector,
  logPrior,
  type Parameters,
  toVector,
  transformVolume,
} from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import { evaluate, type Model, modelParameters, modelWith } from "./model.ts";
import type { Objective } from "./objectives.ts";

/**
 * What is searched or sampled: the objective plus the log prior of the parameters, as a function of free coordinates
 * w = (u − origin) / reach of the unconstrained vector u.
 */
export interface Target {
  /** In nats; −∞ with a zero gradient where a model cannot be evaluated. */
  at(w: Float64Array): Valued;
  model(w: Float64Array): Model;
  coordinates(model: Model): Float64Array;
}

export interface Valued {
  readonly value: number;
  readonly gradient: Float64Array;
}

// e^40 of its start is beyond any data's scale, and e^u must not overflow.
const furthest = 40;

export interface TargetOptions {
  readonly reach: Float64Array;
  /** Whether the density is one over w (for sampling) rather than over the parameters' own values (for MAP). */
  readonly density?: boolean;
}

export function target(
  origin: Model,
  objective: Objective,
  { x, y }: { readonly x: Matrix; readonly y: Matrix },
  { reach, density = false }: TargetOptions,
): Target {
  const like: Parameters = modelParameters(origin);
  const zero = toVector(like);
  const place = (w: Float64Array) =>
    fromVector(
      w.map((v, i) => zero[i]! + reach[i]! * v),
      like,
    );
  const model = (w: Float64Array) => modelWith(origin, place(w));
  return {
    model,
    coordinates: (other) => toVector(modelParameters(other)).map((u, i) => (u - zero[i]!) / reach[i]!),
    at(w) {
      const outside = { value: -Infinity, gradient: new Float64Array(w.length) };
      if (!w.every((v) => Math.abs(v) < furthest)) return outside;
      try {
        const parameters = place(w);
        const found = evaluate(modelWith(origin, parameters), objective, x, y);
        const prior = logPrior(parameters);
        const volume = density ? transformVolume(parameters) : undefined;
        const value = found.value + prior.value + (volume?.value ?? 0);
        if (!Number.isFinite(value)) return outside;
        const slopes = gradientVector(parameters, found.gradient);
        const ofPrior = gradientVector(parameters, prior.gradient);
        const gradient = slopes.map((g, i) => reach[i]! * (g + ofPrior[i]! + (volume?.gradient[i] ?? 0)));
        return gradient.every(Number.isFinite) ? { value, gradient } : outside;
      } catch (error) {
        // A covariance that is not one in floating point marks the end of the domain; all else is a mistake.
        const { code } = error as FunspaceError;
        if (error instanceof FunspaceError && (code === "not-positive-definite" || code === "non-finite"))
          return outside;
        throw error;
      }
    },
  };
}
