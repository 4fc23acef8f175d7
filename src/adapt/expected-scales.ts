import { eigh, type Matrix, matrix, multiply } from "../linalg/index.ts";
import {
  type FittedScales,
  type NoiseSearch,
  type ScaleEvidence,
  type ScaleSearchOptions,
  searchScales,
} from "./scale-search.ts";

/** What tells in which units scales and noise are to be expected. */
export interface ScaleUnits {
  /** The mean prior variance of a value that each scale gives when it is 1. */
  readonly typical: ArrayLike<number>;
  /** The mean square of the residuals. */
  readonly size: number;
}

// The prior deviation of a function may be four times the residuals' before it is thought unlikely. From 2 to 10 little
// changes: a hundredth of the error of turned digits' angles, with ten to fifty of them.
const amplitude = 4;

/**
 * Scales and noise as the posterior expects them to be, where those of highest evidence are sure of too much: ten or
 * twenty numbers hardly tell how large a function is, let alone how much each layer moves. Deviations (√(s_l typical_l)
 * and σ) have half-Cauchy priors (Gelman 2006) in units of the residuals; Laplace's approximation in logarithms of
 * variances, θ ~ N(θ̂, Σ), then expects a deviation of e^(θ̂_i/2 + Σ_ii/8). With many values Σ is small, and the scales
 * those of highest evidence.
 */
export function expectedScales(
  evidence: ScaleEvidence,
  units: ScaleUnits,
  noise: NoiseSearch,
  search: ScaleSearchOptions = { gradientTolerance: 1e-4 },
): FittedScales {
  const likely = withPriors(evidence, units);
  const { scales, noiseVariance } = searchScales(likely, startsFor(units, noise), noise, search);
  const free = noise.fixed === undefined;
  const above = noiseVariance - noise.floor;
  const mode = [...scales, ...(free ? [above] : [])].map(Math.log);
  const slopes = (theta: readonly number[]) => {
    const values = theta.map(Math.exp);
    const over = free ? values.at(-1)! : 0;
    const s = Float64Array.from(free ? values.slice(0, -1) : values);
    const { scaleGradient, noiseGradient } = likely(s, noise.fixed ?? noise.floor + over);
    return [...s.map((v, l) => v * scaleGradient[l]!), ...(free ? [over * noiseGradient] : [])];
  };
  const spread = variances(slopes, mode);
  const wider = (v: number, i: number) => v * Math.exp(spread[i]! / 4);
  const expected = scales.map(wider);
  const expectedNoise = noise.fixed ?? noise.floor + wider(above, mode.length - 1);
  return {
    scales: expected,
    noiseVariance: expectedNoise,
    logEvidence: evidence(expected, expectedNoise).value,
  };
}

/** The evidence with the log densities of the priors, over logarithms of variances, added. */
function withPriors(evidence: ScaleEvidence, { typical, size }: ScaleUnits): ScaleEvidence {
  const units = Array.from(typical, (v) => (amplitude ** 2 * size) / (typical.length * v));
  return (scales, noiseVariance) => {
    const { value, scaleGradient, noiseGradient } = evidence(scales, noiseVariance);
    const ofScales = Array.from(scales, (s, l) => halfCauchy(s / units[l]!));
    const ofNoise = halfCauchy(noiseVariance / size);
    return {
      value: ofScales.reduce((sum, p) => sum + p.value, value + ofNoise.value),
      scaleGradient: scaleGradient.map((g, l) => g + ofScales[l]!.slope / scales[l]!),
      noiseGradient: noiseGradient + ofNoise.slope / noiseVariance,
    };
  };
}

/** The log density of log v, up to a constant, where √v is half-Cauchy, and its slope in log v. */
function halfCauchy(v: number): { readonly value: number; readonly slope: number } {
  return { value: 0.5 * Math.log(v) - Math.log1p(v), slope: 0.5 - v / (1 + v) };
}

/** Functions as large as the residuals, smaller and larger, all layers as they are or alike, and more or less noise. */
function startsFor({ typical, size }: ScaleUnits, { fixed }: NoiseSearch) {
  const total = Array.from(typical).reduce((sum, v) => sum + v, 0);
  const shapes = [
    Float64Array.from(typical, () => 1 / total),
    Float64Array.from(typical, (v) => 1 / (v * typical.length)),
  ];
  const powers = [-4, -1, 1].map(Math.exp);
  const noises = fixed === undefined ? [-4, -2, 0].map((p) => size * Math.exp(p)) : [fixed];
  return (typical.length > 1 ? shapes : [shapes[0]!]).flatMap((shape) =>
    powers.flatMap((power) =>
      noises.map((noiseVariance) => ({ scales: shape.map((s) => power * size * s), noiseVariance })),
    ),
  );
}

// Steps of the differences, and the curvature that no direction of a prior this wide is without.
const step = 0.2;
const least = 0.15;

/** The diagonal of −H⁻¹ at a mode, H from differences of the slopes. */
function variances(
  slopes: (theta: readonly number[]) => readonly number[],
  mode: readonly number[],
): number[] {
  const d = mode.length;
  const curvature = matrix(d, d);
  for (let i = 0; i < d; i++) {
    const [ahead, behind] = [step, -step].map((h) => slopes(mode.map((v, k) => (k === i ? v + h : v))));
    for (let j = 0; j < d; j++) {
      const slope = (behind![j]! - ahead![j]!) / (2 * step);
      curvature.data[i * d + j]! += slope / 2;
      curvature.data[j * d + i]! += slope / 2;
    }
  }
  const { values, vectors } = eigh(curvature);
  const over: Matrix = { ...vectors, data: vectors.data.map((v, k) => v / Math.max(values[k % d]!, least)) };
  const inverse = multiply(over, vectors, { b: true });
  return mode.map((_, i) => inverse.data[i * d + i]!);
}
