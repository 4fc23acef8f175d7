import { engine } from "../../engine/index.ts";
import { type Matrix, matrix, multiply } from "../../linalg/index.ts";

/**
 * E_nt = exp(row_n + column_t − Σ_q rate_nq (mean_nq − place_tq)²): what the Gaussian expectations of a squared
 * exponential are made of. The exponent is bilinear in features of n and of t, so that it and both of its pull-backs
 * are matrix products.
 */
export interface ExpectedExponentials {
  /** n × t. */
  readonly value: Matrix;
  /** From ∂/∂E (n × t) to the derivatives in what belongs to n. */
  pullRows(weighted: Matrix): { readonly rate: Matrix; readonly mean: Matrix; readonly row: Float64Array };
  /** … and in what belongs to t. */
  pullColumns(weighted: Matrix): { readonly place: Matrix; readonly column: Float64Array };
  /** bar ∘ E, which both pull-backs take. */
  weigh(bar: Matrix): Matrix;
}

/** rate and mean are n × q, place t × q, row and column n and t long. */
export function expectedExponentials(
  rate: Matrix,
  mean: Matrix,
  row: Float64Array,
  place: Matrix,
  column: Float64Array,
): ExpectedExponentials {
  const { rows: n, cols: q } = mean;
  const t = place.rows;
  const width = 2 * q + 2;
  // (−rate, 2 rate mean, row − Σ rate mean², 1) · (place², place, 1, column)
  const left = matrix(n, width);
  for (let i = 0; i < n; i++) {
    let constant = row[i]!;
    for (let c = 0; c < q; c++) {
      const a = rate.data[i * q + c]!;
      const m = mean.data[i * q + c]!;
      left.data[i * width + c] = -a;
      left.data[i * width + q + c] = 2 * a * m;
      constant -= a * m * m;
    }
    left.data[i * width + 2 * q] = constant;
    left.data[i * width + 2 * q + 1] = 1;
  }
  const right = matrix(t, width);
  for (let j = 0; j < t; j++) {
    for (let c = 0; c < q; c++) {
      const p = place.data[j * q + c]!;
      right.data[j * width + c] = p * p;
      right.data[j * width + q + c] = p;
    }
    right.data[j * width + 2 * q] = 1;
    right.data[j * width + 2 * q + 1] = column[j]!;
  }
  const value = multiply(left, right, { b: true });
  engine().elementwise("exp", value.data, value.data);
  return {
    value,
    weigh(bar) {
      const out = matrix(n, t);
      for (let k = 0; k < out.data.length; k++) out.data[k] = bar.data[k]! * value.data[k]!;
      return out;
    },
    pullRows(weighted) {
      const slope = multiply(weighted, right);
      const ofRate = matrix(n, q);
      const ofMean = matrix(n, q);
      const ofRow = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        const ofConstant = slope.data[i * width + 2 * q]!;
        ofRow[i] = ofConstant;
        for (let c = 0; c < q; c++) {
          const a = rate.data[i * q + c]!;
          const m = mean.data[i * q + c]!;
          const first = slope.data[i * width + c]!;
          const second = slope.data[i * width + q + c]!;
          ofRate.data[i * q + c] = -first + 2 * m * second - m * m * ofConstant;
          ofMean.data[i * q + c] = 2 * a * (second - m * ofConstant);
        }
      }
      return { rate: ofRate, mean: ofMean, row: ofRow };
    },
    pullColumns(weighted) {
      const slope = multiply(weighted, left, { a: true });
      const ofPlace = matrix(t, q);
      const ofColumn = new Float64Array(t);
      for (let j = 0; j < t; j++) {
        ofColumn[j] = slope.data[j * width + 2 * q + 1]!;
        for (let c = 0; c < q; c++) {
          ofPlace.data[j * q + c] =
            2 * place.data[j * q + c]! * slope.data[j * width + c]! + slope.data[j * width + q + c]!;
        }
      }
      return { place: ofPlace, column: ofColumn };
    },
  };
}
