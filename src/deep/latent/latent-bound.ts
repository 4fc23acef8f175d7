import type { Gradient } from "../../kernels/index.ts";
import { add, type Cholesky, cholesky, type Matrix, matrix } from "../../linalg/index.ts";
import { type CollapsedBound, collapsedBound } from "./collapsed-bound.ts";
import { expectations } from "./expectations.ts";
import { isVariance } from "./kernel-terms.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";
import type { Latents } from "./latents.ts";
import { allSeen, type SeenValues } from "./seen-values.ts";

export interface MappingSlopes {
  readonly kernel: Gradient;
  readonly inducing: Matrix;
  readonly noiseVariance: number;
}

export interface LatentBound {
  /** A lower bound on the log evidence of all views, in nats. */
  readonly value: number;
  readonly slopes: () => LatentSlopes;
}

export interface LatentSlopes {
  readonly levels: readonly Latents[];
  readonly views: readonly MappingSlopes[];
  readonly links: readonly MappingSlopes[];
}

/**
 * The bound of a latent model: each mapping's collapsed bound given q of what is above it, less the divergence of the
 * top level from its prior, plus the entropies of the levels between (Damianou & Lawrence 2013, equation 13).
 */
export function latentBound(model: LatentModel, data: readonly SeenValues[]): LatentBound {
  const { levels } = model;
  const top = levels.length - 1;
  const views = model.views.map((mapping, v) => mappingBound(mapping, levels[0]!, data[v]!));
  const links = model.links.map((mapping, k) => {
    const below = levels[k]!;
    return mappingBound(mapping, levels[k + 1]!, allSeen(below.mean, below.variance));
  });
  let value = -divergence(levels[top]!);
  for (const { bound } of [...views, ...links]) value += bound.value;
  for (const { variance } of levels.slice(0, top)) {
    for (const s of variance.data) value += 0.5 * Math.log(2 * Math.PI * Math.E * s);
  }
  return {
    value,
    slopes() {
      const viewSlopes = views.map((part) => part.slopes());
      const linkSlopes = links.map((part) => part.slopes());
      return {
        views: viewSlopes,
        links: linkSlopes,
        levels: levels.map(({ mean, variance }, k) => {
          const above = k === 0 ? viewSlopes : [linkSlopes[k - 1]!];
          const sum = above.map(({ latents }) => latents).reduce(addLatents);
          for (let i = 0; i < mean.data.length; i++) {
            if (k < top) {
              const link = linkSlopes[k]!;
              sum.mean.data[i]! += link.values.data[i]!;
              sum.variance.data[i]! += 0.5 / variance.data[i]! - 0.5 / model.links[k]!.noiseVariance;
            } else {
              sum.mean.data[i]! -= mean.data[i]!;
              sum.variance.data[i]! += 0.5 / variance.data[i]! - 0.5;
            }
          }
          return sum;
        }),
      };
    },
  };
}

/** KL(q(X) ‖ standard normal), in nats. */
export function divergence({ mean, variance }: Latents): number {
  let sum = 0;
  for (let k = 0; k < mean.data.length; k++) {
    const s = variance.data[k]!;
    sum += 0.5 * (mean.data[k]! ** 2 + s - Math.log(s) - 1);
  }
  return sum;
}

/** The factor of the kernel matrix of a mapping's inducing inputs. */
export function inducingFactor(mapping: Mapping): Cholesky {
  const gram = mapping.kernel.gram(mapping.inducing);
  const jitter = jitterOf(mapping);
  for (let i = 0; i < gram.rows; i++) gram.data[i * (gram.rows + 1)]! += jitter;
  return cholesky(gram);
}

/** What is added to that matrix' diagonal, in its own units. */
export function jitterOf({ kernel, jitter }: Mapping): number {
  let sum = 0;
  for (const [name, { value }] of Object.entries(kernel.parameters)) {
    if (isVariance(name)) sum += value.reduce((a, b) => a + b, 0) / value.length;
  }
  return jitter * sum;
}

interface MappingBound {
  readonly bound: CollapsedBound;
  slopes(): MappingSlopes & { readonly latents: Latents; readonly values: Matrix };
}

function mappingBound(mapping: Mapping, latents: Latents, seen: SeenValues): MappingBound {
  const { kernel, inducing, noiseVariance } = mapping;
  const expected = expectations(kernel, latents, inducing);
  const bound = collapsedBound(seen, expected, inducingFactor(mapping), noiseVariance);
  return {
    bound,
    slopes() {
      const slopes = bound.slopes();
      const through = expected.pullback(slopes.expectations);
      const direct = kernel.pullback(inducing, undefined, slopes.gram);
      const moved = kernel.pullbackInputs!(inducing, undefined, slopes.gram).x;
      let trace = 0;
      for (let i = 0; i < slopes.gram.rows; i++) trace += slopes.gram.data[i * (slopes.gram.rows + 1)]!;
      return {
        kernel: Object.fromEntries(
          Object.entries(direct).map(([name, slope]) => {
            const byJitter = isVariance(name) ? (mapping.jitter * trace) / slope.length : 0;
            return [name, slope.map((v, i) => v + byJitter + (through.parameters[name]?.[i] ?? 0))];
          }),
        ),
        inducing: add(moved, through.inducing),
        noiseVariance: slopes.noiseVariance,
        latents: through.latents,
        values: slopes.values,
      };
    },
  };
}

function addLatents(a: Latents, b: Latents): Latents {
  return { mean: add(a.mean, b.mean), variance: add(a.variance, b.variance) };
}

/** Latents of no more than their shape: zeros. */
export function zeroLatents(rows: number, dimensions: number): Latents {
  return { mean: matrix(rows, dimensions), variance: matrix(rows, dimensions) };
}
