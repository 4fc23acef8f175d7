import type { Matrix } from "../../linalg/index.ts";
import { inferLatents, type PartlySeen } from "./infer-latents.ts";
import type { LatentPosterior } from "./latent-posterior.ts";
import type { Latents } from "./latents.ts";
import { relevances, relevanceThreshold } from "./relevance.ts";

export interface ViewPrediction {
  /** q of the new rows' latents; dimensions that what was seen does not tell of stay at the prior. */
  readonly latents: Latents;
  /** Of the noise-free values: n × columns. */
  readonly mean: Matrix;
  readonly variance: Matrix;
  /** Of the noise, to be added to the variance for what would be observed. */
  readonly noiseVariance: number;
}

/**
 * One view of new rows from others of them (or from part of itself): their latents are inferred, then mapped, over all
 * that is left open: what is private to the view wanted is averaged over.
 */
export function predictView(posterior: LatentPosterior, rows: PartlySeen, view: string): ViewPrediction {
  const wanted = posterior.view(view);
  const latents = inferLatents(posterior, rows);
  return { latents, ...wanted.at(latents), noiseVariance: wanted.mapping.noiseVariance };
}

/**
 * The rows of the data nearest to each of these latents in what two views share, nearest first: what they show in the
 * second view could belong to what was seen in the first (Damianou et al. 2012, section 2.3). Distances are in units of
 * the second view's lengthscales. Where nothing is shared, all rows are equally near, in the data's order.
 */
export function sharedNeighbours(
  posterior: LatentPosterior,
  { mean }: Latents,
  from: string,
  to: string,
  count: number,
): readonly (readonly number[])[] {
  const [a, b] = [from, to].map((name) => relevances(posterior.view(name).mapping));
  const weights = a!.map((w, q) => (w > relevanceThreshold && b![q]! > relevanceThreshold ? b![q]! : 0));
  const known = posterior.latents.mean;
  return Array.from({ length: mean.rows }, (_, r) => {
    const distances = Array.from({ length: known.rows }, (_, i) =>
      weights.reduce(
        (sum, w, q) => sum + w * (mean.data[r * mean.cols + q]! - known.data[i * mean.cols + q]!) ** 2,
        0,
      ),
    );
    return distances
      .map((distance, i) => ({ distance, i }))
      .sort((p, s) => p.distance - s.distance)
      .slice(0, count)
      .map(({ i }) => i);
  });
}
