import { lbfgs, type Matrix } from "../linalg/index.ts";

/** Scales of the tangent kernel and a noise variance, with the log marginal likelihood they reach (in nats). */
export interface FittedScales {
  /** One for each share of the kernel. */
  readonly scales: Float64Array;
  readonly noiseVariance: number;
  readonly logEvidence: number;
}

/** The log marginal likelihood at given scales and noise, with its derivatives in them. */
export type ScaleEvidence = (
  scales: Float64Array,
  noiseVariance: number,
) => {
  readonly value: number;
  readonly scaleGradient: Float64Array;
  readonly noiseGradient: number;
};

/** How the noise variance is searched: fixed, or anywhere above a floor. */
export interface NoiseSearch {
  readonly fixed: number | undefined;
  /**
   * Evidence that wants no noise at all ends here: at a standard deviation of a thousandth of the residuals', where
   * the algebra still keeps ten digits.
   */
  readonly floor: number;
}

/** The search for the noise of residuals r, with targets y telling their scale when the residuals vanish. */
export function noiseSearch(r: Matrix, y: Matrix, fixed: number | undefined): NoiseSearch {
  return { fixed, floor: 1e-6 * meanSquare(r) + 1e-14 * meanSquare(y) + Number.MIN_VALUE };
}

export function meanSquare(a: Matrix): number {
  return a.data.reduce((sum, v) => sum + v * v, 0) / Math.max(1, a.data.length);
}

export interface ScaleSearchOptions {
  /** When the search ends, in nats for a change of a logarithm by 1. */
  readonly gradientTolerance?: number;
  /** The search ends, too, when a step gains less than this, relative to max(1, |evidence|). */
  readonly valueTolerance?: number;
  /** Above which no scale goes. */
  readonly ceilings?: Float64Array;
}

/** L-BFGS over log scales and log(noise − floor), from the best of the given starts. */
export function searchScales(
  evidence: ScaleEvidence,
  starts: readonly { readonly scales: Float64Array; readonly noiseVariance: number }[],
  noise: NoiseSearch,
  { gradientTolerance = 1e-5, valueTolerance = 1e-11, ceilings }: ScaleSearchOptions = {},
): FittedScales {
  const free = noise.fixed === undefined;
  const read = (v: Float64Array) => {
    const scales = (free ? v.subarray(0, v.length - 1) : v).map(Math.exp);
    const above = free ? Math.exp(v.at(-1)!) : 0;
    return { scales, above, noiseVariance: noise.fixed ?? noise.floor + above };
  };
  const objective = (v: Float64Array) => {
    // Far beyond any data's scale nothing changes any more, and e^v would overflow.
    if (!v.every((q) => Math.abs(q) < 100)) return { value: Infinity, gradient: new Float64Array(v.length) };
    const { scales, above, noiseVariance } = read(v);
    // A start may lie at its ceiling, where e^(log s) need not be s to the last bit.
    if (ceilings && scales.some((s, l) => s > ceilings[l]! * (1 + 1e-9))) {
      return { value: Infinity, gradient: new Float64Array(v.length) };
    }
    const { value, scaleGradient, noiseGradient } = evidence(scales, noiseVariance);
    const gradient = Array.from(scaleGradient, (g, l) => -g * scales[l]!);
    if (free) gradient.push(-noiseGradient * above);
    return { value: -value, gradient: Float64Array.from(gradient) };
  };
  const vectors = starts.map(({ scales, noiseVariance }) => {
    const v = Array.from(scales, Math.log);
    if (free) v.push(Math.log(Math.max(noiseVariance - noise.floor, 0.01 * noiseVariance, noise.floor)));
    return Float64Array.from(v);
  });
  const tried = vectors.map((v) => ({ v, ...objective(v) }));
  const best = tried.reduce((a, b) => (b.value < a.value ? b : a));
  const known = (v: Float64Array) => v.every((q, i) => q === best.v[i]);
  const found = lbfgs((v) => (known(v) ? best : objective(v)), best.v, {
    gradientTolerance,
    valueTolerance,
  });
  const { scales, noiseVariance } = read(found.x);
  return { scales, noiseVariance, logEvidence: -found.value };
}
