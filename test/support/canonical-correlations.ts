import {
  add,
  cholesky,
  eigh,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  identity,
  type Matrix,
  matrix,
  multiply,
  scale,
  transpose,
} from "../../src/linalg/index.ts";
import { columnMeans } from "../../src/processes/index.ts";

/** Linear regression of b on the k leading canonical variates of a (Hotelling 1936), as a function of new rows of a. */
export function canonicalRegression(a: Matrix, b: Matrix, k: number): (x: Matrix) => Matrix {
  const [ma, mb] = [columnMeans(a), columnMeans(b)];
  const [ca, cb] = [less(a, ma), less(b, mb)];
  const factor = (c: Matrix) => cholesky(add(scale(gramOf(c, true), 1 / c.rows), identity(c.cols, 1e-9)));
  const [fa, fb] = [factor(ca), factor(cb)];
  const cross = scale(multiply(ca, cb, { a: true }), 1 / a.rows);
  const whitened = transpose(halfSolve(fb, transpose(halfSolve(fa, cross))));
  const { vectors } = eigh(gramOf(whitened));
  const leading = matrix(a.cols, k);
  for (let i = 0; i < a.cols; i++) {
    for (let c = 0; c < k; c++) leading.data[i * k + c] = vectors.data[i * a.cols + a.cols - 1 - c]!;
  }
  const weights = halfSolveTransposed(fa, leading);
  // Variates have unit variance and no correlations: their coefficients are covariances.
  const coefficients = scale(multiply(multiply(ca, weights), cb, { a: true }), 1 / a.rows);
  return (x) => {
    const out = multiply(multiply(less(x, ma), weights), coefficients);
    return matrix(
      out.rows,
      out.cols,
      out.data.map((v, i) => v + mb[i % out.cols]!),
    );
  };
}

function less(x: Matrix, means: Float64Array): Matrix {
  return matrix(
    x.rows,
    x.cols,
    x.data.map((v, i) => v - means[i % x.cols]!),
  );
}
