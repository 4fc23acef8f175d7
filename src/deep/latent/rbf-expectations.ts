import { perColumn, perValue } from "../../kernels/columns.ts";
import type { Parameters } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { type ExpectedExponentials, expectedExponentials } from "./expected-exponentials.ts";
import type { ExpectationBars, Expectations, Latents } from "./latents.ts";
import { triangleSize } from "./triangle.ts";

/**
 * Of variance · exp(−½ Σ_q w_q (x_q − x′_q)²), w = 1 / lengthscale²:
 * ψ₁ = variance Π_q (1 + w s)^−½ exp(−½ w (μ − z)² / (1 + w s)) and
 * ψ₂ = variance² Π_q (1 + 2 w s)^−½ exp(−¼ w (z − z′)² − w (μ − (z + z′)/2)² / (1 + 2 w s)).
 */
export function rbfExpectations(
  parameters: Parameters,
  { mean, variance: spread }: Latents,
  inducing: Matrix,
): Expectations {
  const { rows: n, cols: q } = mean;
  const m = inducing.rows;
  const variance = parameters.variance!.value[0]!;
  const lengthscale = parameters.lengthscale!.value;
  const weight = perColumn("rbf", "lengthscale", lengthscale, q).map((l) => 1 / (l * l));
  const one = spreadOut(mean, spread, weight, 1, Math.log(variance));
  const two = spreadOut(mean, spread, weight, 2, 2 * Math.log(variance));
  const psi1 = expectedExponentials(one.rate, mean, one.row, inducing, new Float64Array(m));
  const { middle, apart } = pairs(inducing, weight);
  const psi2 = expectedExponentials(two.rate, mean, two.row, middle, apart);
  const pull = (
    of: ExpectedExponentials,
    count: 1 | 2,
    weighted: Matrix,
    ofWeight: Float64Array,
    latents: Latents,
  ): number => {
    const slope = of.pullRows(weighted);
    let total = 0;
    for (const v of slope.row) total += v;
    for (let i = 0, k = 0; i < n; i++) {
      for (let c = 0; c < q; c++, k++) {
        const w = weight[c]!;
        const s = spread.data[k]!;
        const wide = 1 + count * w * s;
        const ofRate = (0.5 * count * slope.rate.data[k]!) / (wide * wide);
        const ofRow = (-0.5 * count * slope.row[i]!) / wide;
        ofWeight[c]! += ofRate + s * ofRow;
        latents.variance.data[k]! += -count * w * w * ofRate + w * ofRow;
        latents.mean.data[k]! += slope.mean.data[k]!;
      }
    }
    return count * total;
  };
  /** Also ∂/∂log variance from ψ₁ and ψ₂, and bar ∘ value of both. */
  const pullRows = (bars: ExpectationBars) => {
    const latents = { mean: matrix(n, q), variance: matrix(n, q) };
    const ofWeight = new Float64Array(q);
    const first = psi1.weigh(bars.psi1);
    const second = psi2.weigh(bars.psi2);
    const size = pull(psi1, 1, first, ofWeight, latents) + pull(psi2, 2, second, ofWeight, latents);
    return { latents, ofWeight, size, first, second };
  };
  return {
    psi0: new Float64Array(n).fill(variance),
    psi1: psi1.value,
    psi2: psi2.value,
    pullLatents: (bars) => pullRows(bars).latents,
    pullback(bars) {
      const { latents, ofWeight, size, first, second } = pullRows(bars);
      const ofInducing = psi1.pullColumns(first).place;
      const { place, column } = psi2.pullColumns(second);
      for (let i = 0, t = 0; i < m; i++) {
        for (let j = 0; j <= i; j++, t++) {
          for (let c = 0; c < q; c++) {
            const gap = inducing.data[i * q + c]! - inducing.data[j * q + c]!;
            const ofMiddle = 0.5 * place.data[t * q + c]!;
            const ofGap = -0.5 * weight[c]! * gap * column[t]!;
            ofInducing.data[i * q + c]! += ofMiddle + ofGap;
            ofInducing.data[j * q + c]! += ofMiddle - ofGap;
            ofWeight[c]! -= 0.25 * gap * gap * column[t]!;
          }
        }
      }
      let ofVariance = size / variance;
      for (const v of bars.psi0) ofVariance += v;
      const lengths = perColumn("rbf", "lengthscale", lengthscale, q);
      const ofLengths = ofWeight.map((v, c) => (-2 * v) / lengths[c]! ** 3);
      return {
        parameters: {
          lengthscale: perValue(ofLengths, lengthscale.length),
          variance: Float64Array.of(ofVariance),
        },
        latents,
        inducing: ofInducing,
      };
    },
  };
}

/** For a product of `count` of the kernels: the rate at which it falls off, and the logarithm of its height. */
function spreadOut(mean: Matrix, spread: Matrix, weight: Float64Array, count: 1 | 2, height: number) {
  const { rows: n, cols: q } = mean;
  const rate = matrix(n, q);
  const row = new Float64Array(n).fill(height);
  for (let i = 0, k = 0; i < n; i++) {
    for (let c = 0; c < q; c++, k++) {
      const wide = 1 + count * weight[c]! * spread.data[k]!;
      rate.data[k] = (0.5 * count * weight[c]!) / wide;
      row[i]! -= 0.5 * Math.log(wide);
    }
  }
  return { rate, row };
}

/** For each pair of inducing inputs its middle, and what their distance takes off the exponent. */
function pairs(inducing: Matrix, weight: Float64Array) {
  const { rows: m, cols: q } = inducing;
  const middle = matrix(triangleSize(m), q);
  const apart = new Float64Array(triangleSize(m));
  for (let i = 0, t = 0; i < m; i++) {
    for (let j = 0; j <= i; j++, t++) {
      for (let c = 0; c < q; c++) {
        const [a, b] = [inducing.data[i * q + c]!, inducing.data[j * q + c]!];
        middle.data[t * q + c] = 0.5 * (a + b);
        apart[t]! -= 0.25 * weight[c]! * (a - b) * (a - b);
      }
    }
  }
  return { middle, apart };
}
