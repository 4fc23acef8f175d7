import type { FittedScales, ScaleEvidence } from "./scale-search.ts";

// Where to look, in the logarithm of the factor, below the start.
const least = -30;

/**
 * The factor t ≤ `most` for which scales t · `start` have the highest evidence, noise aside: where its slope in log t is
 * 0 (within `tolerance`, in nats), bracketed by steps of tenfold and found by secants kept inside the bracket.
 * Few evaluations, for evidence that is dear.
 */
export function fitCommonScale(
  evidence: ScaleEvidence,
  start: Float64Array,
  most: number,
  tolerance: number,
): FittedScales {
  const top = Math.log(most);
  const at = (t: number) => {
    const scales = start.map((s) => s * Math.exp(t));
    const { value, scaleGradient } = evidence(scales, 1);
    return { t, scales, value, slope: scaleGradient.reduce((sum, g, l) => sum + g * scales[l]!, 0) };
  };
  let here = at(Math.min(0, top));
  let before = here;
  // The evidence rises at `low` and falls at `high`.
  let low: number | undefined;
  let high: number | undefined;
  for (let step = 0; step < 60 && Math.abs(here.slope) > tolerance; step++) {
    if (here.slope > 0) low = here.t;
    else high = here.t;
    if ((high === undefined && here.t >= top) || (low === undefined && here.t <= least)) break;
    let next: number;
    if (high === undefined) next = Math.min(top, here.t + Math.LN10);
    else if (low === undefined) next = Math.max(least, here.t - Math.LN10);
    else {
      if (high - low < 1e-6) break;
      next = here.t - (here.slope * (here.t - before.t)) / (here.slope - before.slope);
      if (!(next > low && next < high)) next = (low + high) / 2;
    }
    before = here;
    here = at(next);
  }
  return { scales: here.scales, noiseVariance: 1, logEvidence: here.value };
}
