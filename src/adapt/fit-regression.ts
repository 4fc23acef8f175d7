import { UsageError } from "../errors/index.ts";
import { dot, type Eigh, eigh, type Matrix, matrix, reshape, takeRows } from "../linalg/index.ts";
import { isCheap } from "./approximation.ts";
import { type Base, largest, sampleSize } from "./base.ts";
import { expectedScales } from "./expected-scales.ts";
import { featuresOf } from "./features.ts";
import { evidenceOfFeatures, evidenceOfShares, type FeatureMoments } from "./layer-scales.ts";
import {
  type FittedScales,
  meanSquare,
  type NoiseSearch,
  noiseSearch,
  type ScaleEvidence,
  searchScales,
} from "./scale-search.ts";
import {
  fitSharedScale,
  type Spectrum,
  spectralEvidence,
  spectrumOfFeatures,
  spectrumOfGram,
} from "./shared-scale.ts";
import { weightedSum } from "./shares.ts";
import { featureMoments } from "./weight-space.ts";

/** What is known of the noise: nothing, one variance, or one for each value (n·o, point-major). */
export type KnownNoise = number | Float64Array | undefined;

// Beyond this the eigenvectors, from which the evidence is read, would take a minute or more; as would whole matrices,
// of which one scale a layer needs some fifty.
const comfortable = 4_000;
const comfortableByLayer = 1_000;

/**
 * The scales and the noise that residuals (n × o) of targets y tell: of highest marginal likelihood where scales were
 * asked for, else as their posterior expects them (`expectedScales`). With a variance for each value, the problem is
 * divided by the deviations, which leaves one of unit noise; the noise returned is then 1. A cheap approximation, or one
 * of more than 4,000 values (1,000 where one scale a layer is expected), fits its scales by the exact evidence of a
 * sample of the examples.
 */
export function fitRegression(base: Base, residual: Matrix, y: Matrix, noise: KnownNoise): FittedScales {
  const size = base.space === "function" ? y.data.length : featuresOf(base.kernel).count;
  const cheap = isCheap(base.approximation);
  if (!cheap && size > largest) {
    throw new UsageError(
      `adapting in ${base.space} space needs a ${size} × ${size} factorisation, more than ${largest}: give fewer rows, or approximation "low-rank", "kronecker", "diagonal" or "last-layer"`,
    );
  }
  const { kernel, scalesAsked } = base;
  const byLayer = !scalesAsked && kernel.scales === "layer";
  const most = byLayer ? comfortableByLayer : comfortable;
  if (cheap || size > most) {
    const { base: sample, indices } = base.sample(Math.min(most, sampleSize));
    const known = noise instanceof Float64Array ? takeRows({ ...y, data: noise }, indices).data : noise;
    return fitRegression(sample, takeRows(residual, indices), takeRows(y, indices), known);
  }
  const r = reshape(residual, residual.data.length, 1);
  if (!(noise instanceof Float64Array)) return searched(base, plain(base, r), noiseSearch(r, y, noise));
  const fit = searched(base, whitened(base, r, noise), { fixed: 1, floor: 0 });
  // The density of y is that of y / deviations, over their product.
  return { ...fit, logEvidence: fit.logEvidence - 0.5 * noise.reduce((sum, v) => sum + Math.log(v), 0) };
}

/** What residuals say of scales, in either space. */
interface Seen {
  readonly residuals: Matrix;
  /** In the eigenvectors of the kernel with scales 1. */
  spectrum(): Spectrum;
  byLayer(): ScaleEvidence;
  /** The mean prior variance of a value that each layer's kernel gives with scale 1. */
  variances(): readonly number[];
}

function searched({ kernel, scalesAsked }: Base, seen: Seen, search: NoiseSearch): FittedScales {
  const one = kernel.scales === "shared";
  if (!scalesAsked) {
    const evidence = one ? spectralEvidence(seen.spectrum()) : seen.byLayer();
    const whole = seen.variances().reduce((sum, v) => sum + v, 0);
    const typical = (one ? [whole] : seen.variances()).map((v) => v || 1);
    return expectedScales(
      evidence,
      { typical, size: Math.max(meanSquare(seen.residuals), search.floor) },
      search,
    );
  }
  const shared = fitSharedScale(seen.spectrum(), search);
  if (one) return shared;
  // From where one scale for all is best it can only get better.
  const start = new Float64Array(seen.variances().length).fill(shared.scales[0]!);
  return searchScales(seen.byLayer(), [{ scales: start, noiseVariance: shared.noiseVariance }], search);
}

function plain(base: Base, r: Matrix): Seen {
  if (base.space === "function") return inFunctionSpace(base.shares, base.spectrum, r);
  const projected = featuresOf(base.kernel).operator(base.x).applyTranspose(r);
  const moments = () => ({ squares: base.squares(), projected, total: dot(r.data, r.data), count: r.rows });
  return inWeightSpace(base, moments, base.squaresSpectrum, r);
}

/** For noise known value by value: K and r divided by its deviations leave unit noise. */
function whitened(base: Base, r: Matrix, noise: Float64Array): Seen {
  const deviations = noise.map(Math.sqrt);
  const white = { ...r, data: r.data.map((v, i) => v / deviations[i]!) };
  if (base.space === "function") {
    const shares = base.shares().map((share) => divided(share, deviations));
    const whole = () => eigh(weightedSum(shares, new Array(shares.length).fill(1)));
    return inFunctionSpace(() => shares, whole, white);
  }
  const { inputs, outputs } = base.network;
  const zero = { inputs, outputs, at: (x: Matrix) => matrix(x.rows, outputs) };
  const y = reshape(r, base.x.rows, outputs);
  const moments = featureMoments(featuresOf(base.kernel), zero, { x: base.x, y, noise });
  return inWeightSpace(
    base,
    () => moments,
    () => eigh(moments.squares),
    white,
  );
}

function inFunctionSpace(shares: () => readonly Matrix[], whole: () => Eigh, r: Matrix): Seen {
  return {
    residuals: r,
    spectrum: () => spectrumOfGram(whole(), r),
    byLayer: () => evidenceOfShares(shares(), r),
    variances: () => shares().map((share) => trace(share, 0, share.rows) / r.rows),
  };
}

function inWeightSpace(base: Base, moments: () => FeatureMoments, squares: () => Eigh, r: Matrix): Seen {
  const sizes = featuresOf(base.kernel).layers.map((layer) => layer.size);
  return {
    residuals: r,
    spectrum: () => spectrumOfFeatures(squares(), moments().projected, r),
    byLayer: () => evidenceOfFeatures(moments(), sizes),
    variances() {
      let from = 0;
      return sizes.map((size) => {
        from += size;
        return trace(moments().squares, from - size, from) / r.rows;
      });
    },
  };
}

/** Of the rows and columns from … to. */
function trace({ data, cols }: Matrix, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += data[i * cols + i]!;
  return sum;
}

/** D⁻¹ K D⁻¹. */
function divided(k: Matrix, deviations: Float64Array): Matrix {
  const out = matrix(k.rows, k.cols);
  for (let i = 0, at = 0; i < k.rows; i++) {
    for (let j = 0; j < k.cols; j++, at++) out.data[at] = k.data[at]! / (deviations[i]! * deviations[j]!);
  }
  return out;
}
