import { ShapeError } from "../errors/index.ts";
import { add, type Matrix, matrix, mirror, stackRows, subtract } from "../linalg/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Gradient } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/**
 * The kernel of f(a) − f(b) on pairs (a, b) of points, f of this kernel of one output: points of twice the columns, a
 * first. What comparisons see of a function. Same parameters.
 */
export function difference(kernel: Kernel, inputs: number): Kernel {
  const parts = (x: Matrix) => {
    if (x.cols !== 2 * inputs) {
      throw new ShapeError(`a pair of points has 2 · ${inputs} columns, got ${x.cols}`);
    }
    return { a: columns(x, 0, inputs), b: columns(x, inputs, inputs) };
  };
  const cross = (x: Matrix, z: Matrix) => {
    const [p, q] = [parts(x), parts(z)];
    return add(
      subtract(kernel.cross(p.a, q.a), kernel.cross(p.a, q.b)),
      subtract(kernel.cross(p.b, q.b), kernel.cross(p.b, q.a)),
    );
  };
  return {
    outputs: 1,
    inputs: 2 * inputs,
    parameters: kernel.parameters,
    with: (next) => difference(kernel.with(next), inputs),
    gram(x) {
      const out = cross(x, x);
      // Symmetric to the last digit: the four terms add up in another order above the diagonal.
      mirror(out);
      return out;
    },
    cross,
    diagonal(x) {
      const { a, b } = parts(x);
      const [first, second] = [kernel.diagonal(a), kernel.diagonal(b)];
      return first.map((v, i) => {
        const row = (m: Matrix) => ({
          rows: 1,
          cols: inputs,
          data: m.data.slice(i * inputs, (i + 1) * inputs),
        });
        return v + second[i]! - 2 * kernel.cross(row(a), row(b)).data[0]!;
      });
    },
    pullback(x, z, bar) {
      const [p, q] = [parts(x), parts(z ?? x)];
      const minus = { ...bar, data: bar.data.map((v) => -v) };
      return [
        kernel.pullback(p.a, q.a, bar),
        kernel.pullback(p.b, q.b, bar),
        kernel.pullback(p.a, q.b, minus),
        kernel.pullback(p.b, q.a, minus),
      ].reduce(together);
    },
    path(key) {
      const path = kernel.path(key, inputs);
      return {
        inputs: 2 * inputs,
        outputs: 1,
        at(x) {
          const { a, b } = parts(x);
          return subtract(path.at(a), path.at(b));
        },
      };
    },
    // Differences vary twice as much as what they are of.
    startAt(x, variance) {
      const { a, b } = parts(x);
      return difference(startAt(kernel, stackRows([a, b]), variance / 2), inputs);
    },
  };
}

function columns(x: Matrix, from: number, count: number): Matrix {
  const out = matrix(x.rows, count);
  for (let i = 0; i < x.rows; i++) {
    out.data.set(x.data.subarray(i * x.cols + from, i * x.cols + from + count), i * count);
  }
  return out;
}

function together(a: Gradient, b: Gradient): Gradient {
  return Object.fromEntries(Object.entries(a).map(([path, g]) => [path, g.map((v, i) => v + b[path]![i]!)]));
}
