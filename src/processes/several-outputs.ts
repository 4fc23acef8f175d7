import { UsageError } from "../errors/index.ts";
import { coregion, type Kernel, on, product, sum } from "../kernels/index.ts";
import { expectShape, type Matrix, matrix } from "../linalg/index.ts";

/**
 * The linear model of coregionalisation: Σ_q k_q(x, x′) B_q over outputs (Journel & Huijbregts 1978), on points of one
 * column more that says which output (0, 1, …). B_q has the rank 1 plus its own diagonal unless `rank` is given.
 */
export function linearCoregionalisation(
  kernels: readonly Kernel[],
  inputs: number,
  outputs: number,
  rank = 1,
): Kernel {
  if (kernels.length === 0) throw new UsageError("linearCoregionalisation takes at least one kernel");
  const columns = Array.from({ length: inputs }, (_, c) => c);
  const terms = kernels.map((kernel) =>
    product(on(kernel, columns), on(coregion({ levels: outputs, rank }), [inputs])),
  );
  return terms.length === 1 ? terms[0]! : sum(...terms);
}

/**
 * Values of several outputs (n × outputs) as one column, each with its point and its output's number behind it: what
 * `linearCoregionalisation` and any kernel over the outputs takes. Missing values (NaN) are left out. Throws ShapeError,
 * and UsageError where nothing is left.
 */
export function longForm(x: Matrix, y: Matrix): { readonly x: Matrix; readonly y: Matrix } {
  expectShape(y, "y", x.rows, undefined);
  const places = Array.from(y.data.keys()).filter((k) => !Number.isNaN(y.data[k]!));
  if (places.length === 0) throw new UsageError("every value of y is missing");
  const points = withOutput(x, places, y.cols);
  return {
    x: points,
    y: matrix(
      places.length,
      1,
      Float64Array.from(places, (k) => y.data[k]!),
    ),
  };
}

/** All outputs of each point in the long form, point by point: where to predict. */
export function allOutputs(x: Matrix, outputs: number): Matrix {
  return withOutput(
    x,
    Array.from({ length: x.rows * outputs }, (_, k) => k),
    outputs,
  );
}

function withOutput(x: Matrix, places: readonly number[], outputs: number): Matrix {
  const out = matrix(places.length, x.cols + 1);
  places.forEach((k, row) => {
    const i = Math.floor(k / outputs);
    out.data.set(x.data.subarray(i * x.cols, (i + 1) * x.cols), row * out.cols);
    out.data[row * out.cols + x.cols] = k % outputs;
  });
  return out;
}
