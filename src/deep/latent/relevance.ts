import { perColumn } from "../../kernels/columns.ts";
import { kernelTerms } from "./kernel-terms.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";

/** Below this share of the largest relevance a view does not use a dimension (Damianou et al. 2012). */
export const relevanceThreshold = 0.005;

/**
 * How much a mapping uses each latent dimension: the variance that its functions' slope along it has in the prior,
 * variance / lengthscale² of an RBF, the variance of a linear kernel, both of their sum; over the largest of them.
 */
export function relevances({ kernel, inducing }: Mapping): Float64Array {
  const q = inducing.cols;
  const weights = new Float64Array(q);
  for (const { kind, kernel: term } of kernelTerms(kernel)) {
    const { lengthscale, variance } = term.parameters;
    const own = perColumn(kind, "variance", variance!.value, q);
    const lengths = kind === "rbf" ? perColumn(kind, "lengthscale", lengthscale!.value, q) : undefined;
    for (let c = 0; c < q; c++) weights[c]! += lengths ? own[c]! / lengths[c]! ** 2 : own[c]!;
  }
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
