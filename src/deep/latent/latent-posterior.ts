import { UsageError } from "../../errors/index.ts";
import type { Fn } from "../../linalg/index.ts";
import { type Key, split } from "../../random/index.ts";
import { collapsedBound } from "./collapsed-bound.ts";
import { expectations } from "./expectations.ts";
import { inducingFactor, latentBound } from "./latent-bound.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";
import type { Latents } from "./latents.ts";
import { type MappingPosterior, mappingPosterior } from "./mapping-posterior.ts";
import { allSeen, type SeenValues } from "./seen-values.ts";

/** A view given the data. */
export interface ViewPosterior extends MappingPosterior {
  readonly name: string;
  /** What was seen of it. */
  readonly seen: SeenValues;
}

/** A latent model with the data it was fitted to. */
export interface LatentPosterior {
  readonly model: LatentModel;
  /** q of the first level, one row a row of the data. */
  readonly latents: Latents;
  readonly views: readonly ViewPosterior[];
  readonly links: readonly MappingPosterior[];
  /** The lower bound on the log evidence, in nats. */
  readonly bound: number;
  /** The view of that name. Throws UsageError where there is none. */
  view(name: string): ViewPosterior;
  /**
   * Functions drawn from the posterior, from the top level's latents to a view's columns: what a walk through latent
   * space looks like. New outputs are their values at standard normal rows.
   */
  sample(view: string, key: Key, count: number): readonly Fn[];
}

export function latentPosterior(
  model: LatentModel,
  names: readonly string[],
  data: readonly SeenValues[],
): LatentPosterior {
  const { levels } = model;
  const views = model.views.map((mapping, v) => ({
    ...posteriorOf(mapping, levels[0]!, data[v]!),
    name: names[v]!,
    seen: data[v]!,
  }));
  const links = model.links.map((mapping, k) =>
    posteriorOf(mapping, levels[k + 1]!, allSeen(levels[k]!.mean, levels[k]!.variance)),
  );
  const view = (name: string) => {
    const found = views.find((each) => each.name === name);
    if (!found) throw new UsageError(`there is no view "${name}"; there are ${names.join(", ")}`);
    return found;
  };
  return {
    model,
    latents: levels[0]!,
    views,
    links,
    bound: latentBound(model, data).value,
    view,
    sample(name, key, count) {
      const drawn = [view(name), ...links].map((part, k) => part.sample(split(key, k), count));
      return Array.from({ length: count }, (_, s) => {
        const downwards = drawn.map((draws) => draws[s]!).reverse();
        return {
          inputs: downwards[0]!.inputs,
          outputs: downwards.at(-1)!.outputs,
          at: (x) => downwards.reduce((values, part) => part.at(values), x),
        };
      });
    },
  };
}

function posteriorOf(mapping: Mapping, latents: Latents, seen: SeenValues): MappingPosterior {
  const factor = inducingFactor(mapping);
  const expected = expectations(mapping.kernel, latents, mapping.inducing);
  const { posteriors } = collapsedBound(seen, expected, factor, mapping.noiseVariance);
  return mappingPosterior(mapping, factor, posteriors, seen.centre);
}
