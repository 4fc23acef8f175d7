import { coregion, type Kernel, on, product, rbf } from "../../src/kernels/index.ts";
import { add, cholesky, type Matrix, matrix, multiply } from "../../src/linalg/index.ts";
import { split } from "../../src/random/index.ts";

/** A kernel of two outputs on one column: the two tasks of a coregionalised RBF, side by side. */
export function twoOutputs(): Kernel {
  const between = coregion({ levels: 2 });
  const tasks = product(on(rbf(), [0]), on(between, [1]));
  const tagged = (x: Matrix) => {
    const out = matrix(2 * x.rows, 2);
    for (let i = 0; i < x.rows; i++) out.data.set([x.data[i]!, 0, x.data[i]!, 1], 4 * i);
    return out;
  };
  /** From derivatives in tagged points to those in the points. */
  const gather = (slopes: Matrix) => {
    const out = matrix(slopes.rows / 2, 1);
    for (let i = 0; i < out.rows; i++) out.data[i] = slopes.data[4 * i]! + slopes.data[4 * i + 2]!;
    return out;
  };
  return {
    outputs: 2,
    inputs: 1,
    parameters: {},
    with: twoOutputs,
    gram: (x) => tasks.gram(tagged(x)),
    cross: (x, z) => tasks.cross(tagged(x), tagged(z)),
    diagonal: (x) => tasks.diagonal(tagged(x)),
    pullback: () => ({}),
    pullbackInputs(x, z, bar) {
      const slopes = tasks.pullbackInputs!(tagged(x), z && tagged(z), bar);
      return slopes.z ? { x: gather(slopes.x), z: gather(slopes.z) } : { x: gather(slopes.x) };
    },
    /** Two independent RBF paths, mixed by the factor of the tasks' covariance. */
    path(key, inputs) {
      const { lower } = cholesky(between.gram(matrix(2, 1, Float64Array.of(0, 1))));
      const latent = [0, 1].map((q) => rbf().path(split(key, q), inputs));
      return {
        inputs,
        outputs: 2,
        at(x) {
          const values = latent.map((path) => path.at(x).data);
          const out = matrix(x.rows, 2);
          out.data.forEach((_, k) => {
            const weights = lower.data.subarray(2 * (k % 2), 2 * (k % 2) + 2);
            out.data[k] = values.reduce((sum, v, q) => sum + weights[q]! * v[Math.floor(k / 2)]!, 0);
          });
          return out;
        },
        pullbackInputs: (x, bar) =>
          latent
            .map((path, q) => path.pullbackInputs!(x, takeColumn(multiply(bar, lower), q)))
            .reduce((u, v) => add(u, v)),
      };
    },
  };
}

function takeColumn(a: Matrix, c: number): Matrix {
  return matrix(
    a.rows,
    1,
    Float64Array.from({ length: a.rows }, (_, i) => a.data[i * a.cols + c]!),
  );
}
