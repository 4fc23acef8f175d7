import { fromVector, gradientVector, type Parameters, toVector } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { encode, pullEncoder } from "./encoder.ts";
import { isVariance, withHeldVariances } from "./kernel-terms.ts";
import type { LatentSlopes } from "./latent-bound.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";
import type { Latents } from "./latents.ts";

/**
 * A latent model as one vector without constraints: logarithms of variances and positive parameters. What is held
 * fixed is not in it.
 */
export interface LatentCoordinates {
  of(model: LatentModel): Float64Array;
  at(vector: Float64Array): LatentModel;
  gradient(model: LatentModel, slopes: LatentSlopes): Float64Array;
}

/**
 * The coordinates of models made like this one; `values` are what an encoder takes. With `scale` "held" the
 * variances of kernels and noise stay as they are.
 */
export function latentCoordinates(
  like: LatentModel,
  values: Matrix,
  scale: "held" | "free",
): LatentCoordinates {
  const encoded = like.encoder ? 1 : 0;
  const moving = (parameters: Parameters): Parameters =>
    scale === "free" ? parameters : withHeldVariances(parameters);
  const mappings = (model: LatentModel) => [...model.views, ...model.links];
  const vectorOf = (mapping: Mapping): Float64Array[] => [
    toVector(moving(mapping.kernel.parameters)),
    mapping.inducing.data,
    ...(scale === "free" ? [Float64Array.of(Math.log(mapping.noiseVariance))] : []),
  ];
  return {
    of: (model) =>
      joined([
        ...(model.encoder ? [toVector(model.encoder.parameters)] : []),
        ...model.levels
          .slice(encoded)
          .flatMap(({ mean, variance }) => [mean.data, variance.data.map(Math.log)]),
        ...mappings(model).flatMap(vectorOf),
      ]),
    at(vector) {
      let at = 0;
      const take = (count: number) => {
        at += count;
        return vector.slice(at - count, at);
      };
      const movedBy = (take: (count: number) => Float64Array, parameters: Parameters): Parameters => {
        const free = moving(parameters);
        const moved = fromVector(take(toVector(free).length), free);
        if (scale === "free") return moved;
        const held = Object.entries(parameters).filter(([name]) => isVariance(name));
        return { ...moved, ...Object.fromEntries(held) };
      };
      const encoder = like.encoder?.with(
        fromVector(take(toVector(like.encoder.parameters).length), like.encoder.parameters),
      );
      const free = like.levels.slice(encoded).map(({ mean: { rows, cols } }): Latents => {
        const mean = matrix(rows, cols, take(rows * cols));
        return { mean, variance: matrix(rows, cols, take(rows * cols).map(Math.exp)) };
      });
      const moved = mappings(like).map((mapping): Mapping => {
        const { kernel, inducing } = mapping;
        return {
          ...mapping,
          kernel: kernel.with(movedBy(take, kernel.parameters)),
          inducing: matrix(inducing.rows, inducing.cols, take(inducing.data.length)),
          ...(scale === "free" && { noiseVariance: Math.exp(take(1)[0]!) }),
        };
      });
      return {
        levels: encoder ? [encode(encoder, values), ...free] : free,
        views: moved.slice(0, like.views.length),
        links: moved.slice(like.views.length),
        ...(encoder && { encoder }),
      };
    },
    gradient(model, slopes) {
      const ofMappings = [...slopes.views, ...slopes.links];
      return joined([
        ...(model.encoder ? [pullEncoder(model.encoder, values, model.levels[0]!, slopes.levels[0]!)] : []),
        ...slopes.levels
          .slice(encoded)
          .flatMap(({ mean, variance }, k) => [
            mean.data,
            variance.data.map((v, i) => v * model.levels[k + encoded]!.variance.data[i]!),
          ]),
        ...mappings(model).flatMap(({ kernel, noiseVariance }, k) => [
          gradientVector(moving(kernel.parameters), ofMappings[k]!.kernel),
          ofMappings[k]!.inducing.data,
          ...(scale === "free" ? [Float64Array.of(noiseVariance * ofMappings[k]!.noiseVariance)] : []),
        ]),
      ]);
    },
  };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
