import { type Eigh, type Matrix, multiply } from "../linalg/index.ts";
import {
  type FittedScales,
  meanSquare,
  type NoiseSearch,
  type ScaleEvidence,
  searchScales,
} from "./scale-search.ts";

/**
 * Residuals seen in the eigenvectors of the unscaled kernel matrix K: with them every evaluation of the evidence
 * of s K + σ² I costs O(n). Directions outside the listed eigenvectors have eigenvalue 0.
 */
export interface Spectrum {
  readonly values: Float64Array;
  /** (uᵢᵀ r)². */
  readonly squares: Float64Array;
  /** Directions outside: how many, and the squared length of r in them. */
  readonly outside: { readonly count: number; readonly square: number };
  readonly meanSquare: number;
}

/** From the eigenvectors of the n × n Gram matrix and residuals r (n × 1). */
export function spectrumOfGram({ values, vectors }: Eigh, r: Matrix): Spectrum {
  const projections = multiply(vectors, r, { a: true });
  return {
    values: values.map((v) => Math.max(0, v)),
    squares: projections.data.map((v) => v * v),
    outside: { count: 0, square: 0 },
    meanSquare: meanSquare(r),
  };
}

/**
 * From the eigenvectors of JᵀJ (p × p), Jᵀr (p × 1) and the residuals r (n × 1), n ≥ p: K = J Jᵀ has the same non-zero
 * eigenvalues, with eigenvectors J v / √λ.
 */
export function spectrumOfFeatures({ values, vectors }: Eigh, projected: Matrix, r: Matrix): Spectrum {
  const inBasis = multiply(vectors, projected, { a: true });
  const largest = values.at(-1) ?? 0;
  // An eigenvalue at rounding level of the largest is a direction J cannot see.
  const seen = Array.from(values, (_, i) => i).filter((i) => values[i]! > 1e-14 * values.length * largest);
  const kept = Float64Array.from(seen, (i) => values[i]!);
  const parts = Float64Array.from(seen, (i) => inBasis.data[i]! ** 2 / values[i]!);
  const total = r.data.reduce((sum, v) => sum + v * v, 0);
  const inside = parts.reduce((sum, v) => sum + v, 0);
  return {
    values: kept,
    squares: parts,
    outside: { count: r.rows - kept.length, square: Math.max(0, total - inside) },
    meanSquare: meanSquare(r),
  };
}

/** log p(r) for r ~ N(0, s K + σ² I), in nats, from the spectrum. */
export function spectralEvidence({ values, squares, outside }: Spectrum): ScaleEvidence {
  return (scales, noiseVariance) => {
    const s = scales[0]!;
    let value = outside.square / noiseVariance + outside.count * Math.log(noiseVariance);
    let inScale = 0;
    let inNoise = outside.count / noiseVariance - outside.square / noiseVariance ** 2;
    for (let i = 0; i < values.length; i++) {
      const variance = s * values[i]! + noiseVariance;
      value += squares[i]! / variance + Math.log(variance);
      const slope = (1 - squares[i]! / variance) / variance;
      inScale += slope * values[i]!;
      inNoise += slope;
    }
    const n = values.length + outside.count;
    return {
      value: -0.5 * (value + n * Math.log(2 * Math.PI)),
      scaleGradient: Float64Array.of(-0.5 * inScale),
      noiseGradient: -0.5 * inNoise,
    };
  };
}

/** The scale and noise of highest evidence: a coarse grid (evaluations are cheap) finds where to start. */
export function fitSharedScale(spectrum: Spectrum, noise: NoiseSearch): FittedScales {
  const n = spectrum.values.length + spectrum.outside.count;
  const trace = spectrum.values.reduce((sum, v) => sum + v, 0);
  const size = Math.max(spectrum.meanSquare, noise.floor);
  const perScale = trace > 0 ? (size * n) / trace : 1;
  const starts = [];
  for (let a = -4; a <= 6; a += 0.5) {
    for (let b = -5; b <= 1; b += 0.5) {
      starts.push({
        scales: Float64Array.of(perScale * 10 ** a),
        noiseVariance: noise.fixed ?? size * 10 ** b,
      });
    }
  }
  return searchScales(spectralEvidence(spectrum), starts, noise);
}
