import { FunspaceError } from "../../errors/index.ts";
import {
  fromVector,
  gradientVector,
  joinParts,
  logPrior,
  type Parameters,
  partOf,
  toVector,
} from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import type { Key } from "../../random/index.ts";
import { reach } from "../fit/model.ts";
import { type AmplitudePrior, logAmplitudePrior } from "./amplitude-prior.ts";
import type { LatentMethod, LikelihoodModel } from "./approximation.ts";
import type { LatentData } from "./likelihood-posterior.ts";

export function latentParameters({ kernel, mean, likelihood }: LikelihoodModel): Parameters {
  return joinParts({
    kernel: kernel.parameters,
    mean: mean.parameters,
    likelihood: likelihood.parameters,
  });
}

/** The reach of kernel and mean as in `fit`; the likelihood's own coordinates are of the size of 1. */
export function latentReach(model: LikelihoodModel, x: Matrix, spread: number, seed: Key): Float64Array {
  const noise = { value: Float64Array.of(1), support: "positive", fixed: true } as const;
  const known = reach({ kernel: model.kernel, mean: model.mean, noise }, x, spread, seed);
  const out = new Float64Array(toVector(latentParameters(model)).length).fill(1);
  out.set(known);
  return out;
}

/** The evidence with log priors (of the amplitude, where one is given) as a function of steps away from a model; each evaluation starts at the last mode. */
export function evidenceSearch(
  origin: LikelihoodModel,
  { x, y }: LatentData,
  approximate: LatentMethod,
  steps: Float64Array,
  amplitude?: AmplitudePrior,
) {
  const like = latentParameters(origin);
  const zero = toVector(like);
  const zeros = Object.fromEntries(
    Object.entries(like).map(([path, p]) => [path, new Float64Array(p.value.length)]),
  );
  let before: Matrix | undefined;
  let evaluations = 0;
  const parametersAt = (w: Float64Array) =>
    fromVector(
      w.map((v, i) => zero[i]! + steps[i]! * v),
      like,
    );
  const modelOf = (parameters: Parameters): LikelihoodModel => ({
    kernel: origin.kernel.with(partOf(parameters, "kernel")),
    mean: origin.mean.with(partOf(parameters, "mean")),
    likelihood: origin.likelihood.with(partOf(parameters, "likelihood")),
  });
  return {
    length: zero.length,
    evaluations: () => evaluations,
    model: (w: Float64Array) => modelOf(parametersAt(w)),
    negative(w: Float64Array) {
      evaluations++;
      const outside = { value: Infinity, gradient: new Float64Array(w.length) };
      // e^20 of its start is beyond any data's scale.
      if (!w.every((v) => Math.abs(v) < 20)) return outside;
      try {
        const parameters = parametersAt(w);
        const model = modelOf(parameters);
        const found = approximate(model, x, y, before);
        const prior = logPrior(parameters);
        const ofAmplitude = amplitude && logAmplitudePrior(model.kernel, x, amplitude);
        const value = found.logEvidence + prior.value + (ofAmplitude?.value ?? 0);
        const slopes = gradientVector(parameters, joinParts(found.gradient()));
        if (ofAmplitude) {
          const more = joinParts({ kernel: ofAmplitude.gradient });
          gradientVector(parameters, { ...zeros, ...more }).forEach((g, i) => {
            slopes[i]! += g;
          });
        }
        const ofPrior = gradientVector(parameters, prior.gradient);
        const gradient = slopes.map((g, i) => -steps[i]! * (g + ofPrior[i]!));
        if (!Number.isFinite(value) || !gradient.every(Number.isFinite)) return outside;
        before = found.alpha;
        return { value: -value, gradient };
      } catch (error) {
        // The end of the domain in floating point; all else is a mistake.
        const ends = ["not-positive-definite", "non-finite", "not-converged"];
        if (error instanceof FunspaceError && ends.includes(error.code)) return outside;
        throw error;
      }
    },
  };
}
