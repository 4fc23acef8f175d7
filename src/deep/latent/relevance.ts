import { perColumn } from "../../kernels/columns.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";

/** Below this share of the largest relevance a view does not use a dimension (Damianou et al. 2012). */
export const relevanceThreshold = 0.005;

/**
 * How much a mapping uses each latent dimension: its weight in the kernel, 1 / lengthscale² of an RBF and the variance
 * of a linear one, over the largest of them.
 */
export function relevances({ kernel, inducing }: Mapping): Float64Array {
  const { lengthscale, variance } = kernel.parameters;
  const q = inducing.cols;
  const weights = lengthscale
    ? perColumn("rbf", "lengthscale", lengthscale.value, q).map((l) => 1 / (l * l))
    : perColumn("linear", "variance", variance!.value, q);
  const largest = weights.reduce((a, b) => Math.max(a, b), 0);
  return weights.map((w) => w / largest);
}

/** For each latent dimension the places of the views that use it: none, one (private to it) or several (shared). */
export function usedBy(model: LatentModel, threshold = relevanceThreshold): readonly (readonly number[])[] {
  const each = model.views.map(relevances);
  return Array.from({ length: model.levels[0]!.mean.cols }, (_, q) =>
    each.flatMap((relevance, v) => (relevance[q]! > threshold ? [v] : [])),
  );
}
