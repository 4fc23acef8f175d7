import { type Fn, type Matrix, matrix } from "../linalg/index.ts";

/** The function that has the same values everywhere, one an output. */
export function constantMean(inputs: number, values: ArrayLike<number>): Fn {
  const outputs = values.length;
  return {
    inputs,
    outputs,
    at: (x) =>
      matrix(
        x.rows,
        outputs,
        Float64Array.from({ length: x.rows * outputs }, (_, i) => values[i % outputs]!),
      ),
  };
}

/** The mean of each column. */
export function columnMeans(a: Matrix): Float64Array {
  const sums = new Float64Array(a.cols);
  a.data.forEach((v, i) => {
    sums[i % a.cols]! += v / a.rows;
  });
  return sums;
}
