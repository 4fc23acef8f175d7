import { perColumn, perValue } from "../../kernels/columns.ts";
import type { Parameters } from "../../kernels/index.ts";
import { type Matrix, matrix, multiply } from "../../linalg/index.ts";
import type { ExpectationBars, Expectations, Latents } from "./latents.ts";
import { triangleSize } from "./triangle.ts";

/**
 * Of Σ_q v_q x_q x′_q: ψ₀ = Σ v (μ² + s), ψ₁ = Σ v μ z, and ψ₂ of (z, z′) is ψ₁(z) ψ₁(z′) + Σ s v² z z′.
 */
export function linearExpectations(
  parameters: Parameters,
  { mean, variance: spread }: Latents,
  inducing: Matrix,
): Expectations {
  const { rows: n, cols: q } = mean;
  const m = inducing.rows;
  const given = parameters.variance!.value;
  const slope = perColumn("linear", "variance", given, q);
  const weighted = columnsTimes(inducing, slope);
  const psi0 = new Float64Array(n);
  for (let i = 0, k = 0; i < n; i++) {
    for (let c = 0; c < q; c++, k++) psi0[i]! += slope[c]! * (mean.data[k]! ** 2 + spread.data[k]!);
  }
  const psi1 = multiply(mean, weighted, { b: true });
  const products = matrix(triangleSize(m), q);
  for (let i = 0, t = 0; i < m; i++) {
    for (let j = 0; j <= i; j++, t++) {
      for (let c = 0; c < q; c++) {
        products.data[t * q + c] = weighted.data[i * q + c]! * weighted.data[j * q + c]!;
      }
    }
  }
  const psi2 = multiply(spread, products, { b: true });
  for (let r = 0, k = 0; r < n; r++) {
    const row = psi1.data.subarray(r * m, (r + 1) * m);
    for (let i = 0; i < m; i++) for (let j = 0; j <= i; j++, k++) psi2.data[k]! += row[i]! * row[j]!;
  }
  /** The derivative in ψ₁, with what comes through ψ₂. */
  const wholeBar = (bars: ExpectationBars): Matrix => {
    const out = matrix(n, m, bars.psi1.data.slice());
    for (let r = 0, k = 0; r < n; r++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j <= i; j++, k++) {
          const v = bars.psi2.data[k]!;
          out.data[r * m + i]! += v * psi1.data[r * m + j]!;
          out.data[r * m + j]! += v * psi1.data[r * m + i]!;
        }
      }
    }
    return out;
  };
  const pullRows = (bars: ExpectationBars, bar: Matrix): Latents => {
    const ofMean = multiply(bar, weighted);
    const ofSpread = multiply(bars.psi2, products);
    for (let i = 0, k = 0; i < n; i++) {
      for (let c = 0; c < q; c++, k++) {
        ofMean.data[k]! += 2 * slope[c]! * mean.data[k]! * bars.psi0[i]!;
        ofSpread.data[k]! += slope[c]! * bars.psi0[i]!;
      }
    }
    return { mean: ofMean, variance: ofSpread };
  };
  return {
    psi0,
    psi1,
    psi2,
    pullLatents: (bars) => pullRows(bars, wholeBar(bars)),
    pullback(bars) {
      const bar = wholeBar(bars);
      const ofWeighted = multiply(bar, mean, { a: true });
      const ofProducts = multiply(bars.psi2, spread, { a: true });
      for (let i = 0, t = 0; i < m; i++) {
        for (let j = 0; j <= i; j++, t++) {
          for (let c = 0; c < q; c++) {
            const v = ofProducts.data[t * q + c]!;
            ofWeighted.data[i * q + c]! += v * weighted.data[j * q + c]!;
            ofWeighted.data[j * q + c]! += v * weighted.data[i * q + c]!;
          }
        }
      }
      const ofSlope = new Float64Array(q);
      for (let k = 0; k < m * q; k++) ofSlope[k % q]! += ofWeighted.data[k]! * inducing.data[k]!;
      for (let i = 0, k = 0; i < n; i++) {
        for (let c = 0; c < q; c++, k++) {
          ofSlope[c]! += bars.psi0[i]! * (mean.data[k]! ** 2 + spread.data[k]!);
        }
      }
      return {
        parameters: { variance: perValue(ofSlope, given.length) },
        latents: pullRows(bars, bar),
        inducing: columnsTimes(ofWeighted, slope),
      };
    },
  };
}

function columnsTimes(x: Matrix, factors: Float64Array): Matrix {
  const out = matrix(x.rows, x.cols);
  for (let k = 0; k < out.data.length; k++) out.data[k] = x.data[k]! * factors[k % x.cols]!;
  return out;
}
