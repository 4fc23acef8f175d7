import { splitMarks } from "../kernels/index.ts";
import { type Matrix, matrix, takeRows } from "../linalg/index.ts";
import { pullbackOf, stepFor } from "./input-slopes.ts";
import type { Mean } from "./means.ts";

/** A mean together with its derivatives, on points with one column more that marks them: see `withSlopes`. */
export function meanWithSlopes(mean: Mean): Mean {
  const { inputs, parameters } = mean;
  return {
    inputs: inputs + 1,
    outputs: 1,
    parameters,
    with: (next) => meanWithSlopes(mean.with(next)),
    at(x) {
      const { points, marks } = splitMarks(x, inputs);
      const values = mean.at(points);
      if (marks.every((mark) => mark === 0)) return values;
      const ones = matrix(points.rows, 1, new Float64Array(points.rows).fill(1));
      const slopes = pullbackOf(mean, points, ones);
      return {
        ...values,
        data: values.data.map((v, i) => (marks[i] === 0 ? v : slopes.data[i * inputs + marks[i]! - 1]!)),
      };
    },
    /**
     * Of derivatives by central differences of the parameters' pull-back in the inputs, exact for constants and straight
     * lines; the pull-back to the inputs themselves is left at 0, as nothing asks for it.
     */
    pullback(x, bar) {
      const { points, marks } = splitMarks(x, inputs);
      const of = (slopes: boolean) =>
        Array.from({ length: x.rows }, (_, i) => i).filter((i) => (marks[i] !== 0) === slopes);
      const [values, slopes] = [of(false), of(true)];
      const total = mean.pullback(takeRows(points, values), takeRows(bar, values)).parameters;
      const sums = Object.fromEntries(Object.entries(total).map(([path, g]) => [path, g.slice()]));
      if (slopes.length > 0) {
        const places = takeRows(points, slopes);
        const gaps = new Float64Array(slopes.length);
        const side = (sign: number): Matrix => {
          const moved = { ...places, data: places.data.slice() };
          slopes.forEach((row, k) => {
            const at = k * inputs + marks[row]! - 1;
            moved.data[at]! += sign * stepFor(places.data[at]!);
            gaps[k]! += sign * moved.data[at]!;
          });
          return moved;
        };
        const [up, down] = [side(1), side(-1)];
        const share = matrix(
          slopes.length,
          1,
          Float64Array.from(slopes, (row, k) => bar.data[row]! / gaps[k]!),
        );
        const [above, below] = [up, down].map((p) => mean.pullback(p, share).parameters);
        for (const [path, g] of Object.entries(sums)) {
          for (let i = 0; i < g.length; i++) g[i]! += above![path]![i]! - below![path]![i]!;
        }
      }
      return { parameters: sums, x: matrix(x.rows, x.cols) };
    },
  };
}
