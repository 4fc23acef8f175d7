import { FunspaceError } from "../../errors/index.ts";
import {
  freeParameters,
  fromVector,
  type Gradient,
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
  /**
   * For sampling: the density is one over w, where parameters without a prior of their own get a normal one about the
   * origin with this standard deviation. Left out for MAP, which is over the parameters' own values.
   */
  readonly weakPrior?: number;
}

export function target(
  origin: Model,
  objective: Objective,
  { x, y }: { readonly x: Matrix; readonly y: Matrix },
  options: TargetOptions,
): Target {
  const search = searchOf(
    modelParameters(origin),
    (parameters) => evaluate(modelWith(origin, parameters), objective, x, y),
    options,
  );
  return {
    at: search.at,
    model: (w) => modelWith(origin, search.parameters(w)),
    coordinates: (model) => search.coordinates(modelParameters(model)),
  };
}

/** A function of parameters as one of free coordinates, with their priors. */
export interface Search {
  /** In nats; −∞ with a zero gradient where the function has no value. */
  at(w: Float64Array): Valued;
  parameters(w: Float64Array): Parameters;
  coordinates(parameters: Parameters): Float64Array;
}

export function searchOf(
  origin: Parameters,
  evaluateAt: (parameters: Parameters) => { readonly value: number; readonly gradient: Gradient },
  { reach, weakPrior }: TargetOptions,
): Search {
  const zero = toVector(origin);
  const place = (w: Float64Array) =>
    fromVector(
      w.map((v, i) => zero[i]! + reach[i]! * v),
      origin,
    );
  return {
    parameters: place,
    coordinates: (other) => toVector(other).map((u, i) => (u - zero[i]!) / reach[i]!),
    at(w) {
      const outside = { value: -Infinity, gradient: new Float64Array(w.length) };
      if (!w.every((v) => Math.abs(v) < furthest)) return outside;
      try {
        const parameters = place(w);
        const found = evaluateAt(parameters);
        const prior = logPrior(parameters);
        const more = weakPrior === undefined ? undefined : inCoordinates(parameters, w, reach, weakPrior);
        const value = found.value + prior.value + (more?.value ?? 0);
        if (!Number.isFinite(value)) return outside;
        const slopes = gradientVector(parameters, found.gradient);
        const ofPrior = gradientVector(parameters, prior.gradient);
        const gradient = slopes.map((g, i) => reach[i]! * (g + ofPrior[i]!) + (more?.gradient[i] ?? 0));
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

/**
 * What a density over w has besides the priors over values: the volume of the transform (up to the constant reach) where
 * a value has its own prior, a weak normal one where it has none.
 */
function inCoordinates(
  parameters: Parameters,
  w: Float64Array,
  reach: Float64Array,
  deviation: number,
): Valued {
  const gradient = new Float64Array(w.length);
  let value = 0;
  let at = 0;
  for (const [path, parameter] of freeParameters(parameters)) {
    const count = parameter.value.length;
    const volume = parameter.prior && transformVolume({ [path]: parameter });
    value += volume?.value ?? 0;
    for (let i = 0; i < count; i++, at++) {
      const z = w[at]! / deviation;
      if (volume) gradient[at] = volume.gradient[i]! * reach[at]!;
      else {
        gradient[at] = -z / deviation;
        value -= 0.5 * z * z;
      }
    }
  }
  return { value, gradient };
}
