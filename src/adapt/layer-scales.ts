import { cholesky, dot, inverse, logDeterminant, type Matrix, matrix, solve } from "../linalg/index.ts";
import type { ScaleEvidence } from "./scale-search.ts";

/** log p(r) for r ~ N(0, Σ_l s_l K_l + σ² I) from the shares K_l (n × n) and residuals r (n × 1), in nats. */
export function evidenceOfShares(shares: readonly Matrix[], r: Matrix): ScaleEvidence {
  const n = r.rows;
  return (scales, noiseVariance) => {
    const covariance = matrix(n, n);
    shares.forEach((share, l) => {
      const s = scales[l]!;
      for (let i = 0; i < share.data.length; i++) covariance.data[i]! += s * share.data[i]!;
    });
    for (let i = 0; i < n; i++) covariance.data[i * n + i]! += noiseVariance;
    const factor = cholesky(covariance);
    const alpha = solve(factor, r);
    const precision = inverse(factor).data;
    // ∂/∂K = ½ (α αᵀ − K⁻¹), contracted with each share
    const slope = (share: Float64Array): number => {
      let sum = 0;
      for (let i = 0, k = 0; i < n; i++) {
        const a = alpha.data[i]!;
        for (let j = 0; j < n; j++, k++) sum += share[k]! * (a * alpha.data[j]! - precision[k]!);
      }
      return 0.5 * sum;
    };
    let trace = 0;
    for (let i = 0; i < n; i++) trace += precision[i * n + i]!;
    return {
      value: -0.5 * (dot(r.data, alpha.data) + logDeterminant(factor) + n * Math.log(2 * Math.PI)),
      scaleGradient: Float64Array.from(shares, (share) => slope(share.data)),
      noiseGradient: 0.5 * (dot(alpha.data, alpha.data) - trace),
    };
  };
}

/** What weight space needs of the data: JᵀJ (p × p), Jᵀr (p × 1), rᵀr and the number of values n. */
export interface FeatureMoments {
  readonly squares: Matrix;
  readonly projected: Matrix;
  readonly total: number;
  readonly count: number;
}

/**
 * The same evidence from JᵀJ, for n ≥ p: `layers` gives the number of weights that share each scale, in order
 * (MacKay 1992: ∂/∂s_l through the posterior mean and covariance of the weights).
 */
export function evidenceOfFeatures(moments: FeatureMoments, layers: readonly number[]): ScaleEvidence {
  const { squares, projected, total, count } = moments;
  const p = squares.rows;
  return (scales, noiseVariance) => {
    const deviations = Float64Array.from(
      layers.flatMap((size, l) => new Array<number>(size).fill(Math.sqrt(scales[l]!))),
    );
    const { factor, mean } = whitenedPosterior(squares, projected, deviations, noiseVariance);
    const covariance = inverse(factor).data;
    const fitted = projected.data.reduce((sum, b, i) => sum + b * deviations[i]! * mean.data[i]!, 0);
    const value =
      -0.5 *
      (count * Math.log(2 * Math.PI * noiseVariance) +
        logDeterminant(factor) +
        (total - fitted) / noiseVariance);
    // With w = √s u and u ~ N(0, I) a priori: ∂/∂log s_l = ½ Σ_{i in l} (E[u_i²] − 1), and `determined` counts
    // the weights that the data decide.
    let at = 0;
    let determined = 0;
    let shrink = 0;
    const scaleGradient = Float64Array.from(layers, (size, l) => {
      let sum = 0;
      for (let i = at; i < at + size; i++) {
        const c = covariance[i * p + i]!;
        sum += mean.data[i]! ** 2 + c - 1;
        determined += 1 - c;
        shrink += mean.data[i]! ** 2;
      }
      at += size;
      return (0.5 * sum) / scales[l]!;
    });
    // ‖r − J w̄‖² = rᵀr − b·w̄ − σ² ‖ū‖²
    const misfit = total - fitted - noiseVariance * shrink;
    return {
      value,
      scaleGradient,
      noiseGradient: 0.5 * (misfit / noiseVariance ** 2 - (count - determined) / noiseVariance),
    };
  };
}

/**
 * The posterior of u, w = diag(deviations) u, with u ~ N(0, I) a priori: its precision A = I + D JᵀJ D / σ²,
 * factored, and its mean A⁻¹ D Jᵀr / σ².
 */
export function whitenedPosterior(
  squares: Matrix,
  projected: Matrix,
  deviations: Float64Array,
  noiseVariance: number,
) {
  const p = squares.rows;
  const precision = matrix(p, p);
  for (let i = 0, k = 0; i < p; i++) {
    const d = deviations[i]! / noiseVariance;
    for (let j = 0; j < p; j++, k++) precision.data[k] = d * squares.data[k]! * deviations[j]!;
    precision.data[i * p + i]! += 1;
  }
  const factor = cholesky(precision);
  const mean = solve(
    factor,
    matrix(
      p,
      1,
      projected.data.map((b, i) => (b * deviations[i]!) / noiseVariance),
    ),
  );
  return { factor, mean };
}
