import { UsageError } from "../errors/index.ts";
import { dot, eigh, type Matrix, matrix, reshape, takeRows } from "../linalg/index.ts";
import { isCheap } from "./approximation.ts";
import { type Base, largest } from "./base.ts";
import { featuresOf } from "./features.ts";
import { evidenceOfFeatures, evidenceOfShares } from "./layer-scales.ts";
import { type FittedScales, noiseSearch, searchScales } from "./scale-search.ts";
import { fitSharedScale, spectrumOfFeatures, spectrumOfGram } from "./shared-scale.ts";
import { weightedSum } from "./shares.ts";
import { featureMoments } from "./weight-space.ts";

/** What is known of the noise: nothing, one variance, or one for each value (n·o, point-major). */
export type KnownNoise = number | Float64Array | undefined;

// Beyond this the eigenvectors, from which the evidence is read, would take a minute or more.
const comfortable = 4_000;

/**
 * The scales and the noise of highest marginal likelihood for residuals (n × o) of targets y. With a variance for each
 * value, the problem is divided by the deviations, which leaves one of unit noise; the noise returned is then 1. A cheap
 * approximation, or one of more than 4,000 values, fits its scales by the exact evidence of a sample of the examples.
 */
export function fitRegression(base: Base, residual: Matrix, y: Matrix, noise: KnownNoise): FittedScales {
  const size = base.space === "function" ? y.data.length : featuresOf(base.kernel).count;
  const cheap = isCheap(base.approximation);
  if (!cheap && size > largest) {
    throw new UsageError(
      `adapting in ${base.space} space needs a ${size} × ${size} factorisation, more than ${largest}: give fewer rows, or approximation "low-rank", "kronecker", "diagonal" or "last-layer"`,
    );
  }
  if (cheap || size > comfortable) {
    const { base: sample, indices } = base.sample();
    const known = noise instanceof Float64Array ? takeRows({ ...y, data: noise }, indices).data : noise;
    return fitRegression(sample, takeRows(residual, indices), takeRows(y, indices), known);
  }
  const r = reshape(residual, residual.data.length, 1);
  if (noise instanceof Float64Array) return fitWhitened(base, r, noise);
  const search = noiseSearch(r, y, noise);
  const { kernel } = base;
  if (base.space === "function") {
    const shared = fitSharedScale(spectrumOfGram(base.spectrum(), r), search);
    if (kernel.scales === "shared") return shared;
    return searchScales(
      evidenceOfShares(base.shares(), r),
      layerStarts(shared, base.shares().length),
      search,
    );
  }
  const projected = featuresOf(kernel).operator(base.x).applyTranspose(r);
  const shared = fitSharedScale(spectrumOfFeatures(base.squaresSpectrum(), projected, r), search);
  if (kernel.scales === "shared") return shared;
  const sizes = featuresOf(kernel).layers.map((layer) => layer.size);
  const moments = { squares: base.squares(), projected, total: dot(r.data, r.data), count: r.rows };
  return searchScales(evidenceOfFeatures(moments, sizes), layerStarts(shared, sizes.length), search);
}

/** For noise known value by value: K and r divided by its deviations leave unit noise. */
function fitWhitened(base: Base, r: Matrix, noise: Float64Array): FittedScales {
  const deviations = noise.map(Math.sqrt);
  const white = matrix(
    r.rows,
    1,
    r.data.map((v, i) => v / deviations[i]!),
  );
  const unit = { fixed: 1, floor: 0 };
  // The density of y is that of y / deviations, over their product.
  const logVolume = deviations.reduce((sum, d) => sum + Math.log(d), 0);
  const restored = (fit: FittedScales) => ({ ...fit, logEvidence: fit.logEvidence - logVolume });
  if (base.space === "function") {
    const shares = base.shares().map((share) => divided(share, deviations));
    const whole = weightedSum(shares, new Array(shares.length).fill(1));
    const shared = fitSharedScale(spectrumOfGram(eigh(whole), white), unit);
    if (base.kernel.scales === "shared") return restored(shared);
    return restored(searchScales(evidenceOfShares(shares, white), layerStarts(shared, shares.length), unit));
  }
  const features = featuresOf(base.kernel);
  const mean = { inputs: base.network.inputs, outputs: base.network.outputs };
  const zero = { ...mean, at: (x: Matrix) => matrix(x.rows, mean.outputs) };
  const y = reshape(r, base.x.rows, mean.outputs);
  const moments = featureMoments(features, zero, { x: base.x, y, noise });
  const shared = fitSharedScale(spectrumOfFeatures(eigh(moments.squares), moments.projected, white), unit);
  if (base.kernel.scales === "shared") return restored(shared);
  const sizes = features.layers.map((layer) => layer.size);
  return restored(searchScales(evidenceOfFeatures(moments, sizes), layerStarts(shared, sizes.length), unit));
}

/** D⁻¹ K D⁻¹. */
function divided(k: Matrix, deviations: Float64Array): Matrix {
  const out = matrix(k.rows, k.cols);
  for (let i = 0, at = 0; i < k.rows; i++) {
    for (let j = 0; j < k.cols; j++, at++) out.data[at] = k.data[at]! / (deviations[i]! * deviations[j]!);
  }
  return out;
}

/** The search for one scale a layer starts where one scale for all is best: it can only get better from there. */
function layerStarts(shared: FittedScales, layers: number) {
  return [{ scales: new Float64Array(layers).fill(shared.scales[0]!), noiseVariance: shared.noiseVariance }];
}
