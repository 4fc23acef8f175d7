import { ShapeError, UsageError } from "../errors/index.ts";
import { cholesky, type Fn, gramOf, type Matrix, matrix, multiply, solve } from "../linalg/index.ts";
import { type DistanceOptions, pointsOf } from "./distance.ts";
import { type Estimate, meanOf } from "./estimate.ts";
import type { Measure } from "./measure.ts";

/** ⟨f, g⟩ = E f(x)·g(x) over the measure, with its Monte-Carlo error. */
export function innerProduct(
  f: Fn,
  g: Fn,
  measure: Measure,
  options: Omit<DistanceOptions, "kind"> = {},
): Estimate {
  const x = pointsOf(measure, options);
  const [a, b] = [f.at(x), g.at(x)];
  if (a.cols !== b.cols) throw new ShapeError(`the functions have ${a.cols} and ${b.cols} outputs`);
  const terms = new Float64Array(x.rows);
  a.data.forEach((v, k) => {
    terms[Math.floor(k / a.cols)]! += v * b.data[k]!;
  });
  return meanOf(terms);
}

/** The function in the span of others that is nearest to f. */
export interface Projection extends Fn {
  /** One a basis function. */
  readonly coefficients: Float64Array;
  /** ‖f − projection‖² / ‖f‖²: the share of f that lies outside the span. */
  readonly outside: number;
}

/**
 * The projection of f onto the span of the basis in L2 of the measure. A basis whose functions depend on one another
 * gets the jitter of `cholesky`.
 */
export function project(
  f: Fn,
  basis: readonly Fn[],
  measure: Measure,
  options: Omit<DistanceOptions, "kind"> = {},
): Projection {
  if (basis.length === 0) throw new UsageError("project: the basis is empty");
  const other = basis.find((g) => g.outputs !== f.outputs || g.inputs !== f.inputs);
  if (other) {
    throw new ShapeError(
      `project: f has ${f.inputs} inputs and ${f.outputs} outputs, a basis function ${other.inputs} and ${other.outputs}`,
    );
  }
  const x = pointsOf(measure, options);
  const target = f.at(x).data;
  const columns = matrix(target.length, basis.length);
  basis.forEach((g, c) => {
    g.at(x).data.forEach((v, k) => {
      columns.data[k * basis.length + c] = v;
    });
  });
  const y = matrix(target.length, 1, target);
  const solution = solve(cholesky(gramOf(columns, true)), multiply(columns, y, { a: true }));
  const fitted = multiply(columns, solution).data;
  const squares = (values: Float64Array) => values.reduce((s, v) => s + v * v, 0);
  return {
    inputs: f.inputs,
    outputs: f.outputs,
    coefficients: solution.data,
    outside: squares(target.map((v, k) => v - fitted[k]!)) / squares(target),
    at: (points: Matrix) => {
      const out = matrix(points.rows, f.outputs);
      basis.forEach((g, c) => {
        g.at(points).data.forEach((v, k) => {
          out.data[k]! += solution.data[c]! * v;
        });
      });
      return out;
    },
  };
}
