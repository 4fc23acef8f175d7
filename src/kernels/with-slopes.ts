import { ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix, takeRows } from "../linalg/index.ts";
import type { Kernel, PathFn } from "./kernel.ts";
import type { Gradient, Parameters } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/**
 * The kernel of a function together with its derivatives (Rasmussen & Williams 2006, section 9.4), on points of one
 * column more: the last one says what stands there, 0 the value, c + 1 the derivative in column c (from 0). Same
 * parameters. Throws UsageError for kernels without derivatives.
 */
export function withSlopes(kernel: Kernel, inputs: number): Kernel {
  expectDerivatives(kernel);
  const cross = (x: Matrix, z: Matrix) => crossOf(kernel, inputs, x, z);
  /** ⟨bar, covariances⟩ over those that touch a derivative. */
  const inner = (x: Matrix, z: Matrix | undefined, bar: Matrix, parameters: Parameters): number => {
    const { data } = crossOf(kernel.with(parameters), inputs, x, z ?? x, true);
    let sum = 0;
    for (let k = 0; k < data.length; k++) sum += data[k]! * bar.data[k]!;
    return sum;
  };
  return {
    outputs: 1,
    inputs: inputs + 1,
    parameters: kernel.parameters,
    with: (next) => withSlopes(kernel.with(next), inputs),
    gram: (x) => cross(x, x),
    cross,
    diagonal(x) {
      const out = new Float64Array(x.rows);
      for (let i = 0; i < x.rows; i++) {
        const one = takeRows(x, [i]);
        out[i] = cross(one, one).data[0]!;
      }
      return out;
    },
    /**
     * Of covariances of values the kernel's own; of the others by central differences in each parameter, within about
     * 1e-9: third derivatives are not written out.
     */
    pullback(x, z, bar): Gradient {
      const a = splitMarks(x, inputs);
      const b = z === undefined ? a : splitMarks(z, inputs);
      const [rows, cols] = [placesOf(a, true), placesOf(b, true)];
      const total: Record<string, Float64Array> = {};
      if (rows.length > 0 && cols.length > 0) {
        const left = takeRows(a.points, rows);
        const right = z === undefined ? undefined : takeRows(b.points, cols);
        Object.assign(total, kernel.pullback(left, right, part(bar, rows, cols)));
      }
      if (rows.length === x.rows && cols.length === bar.cols) return total;
      return Object.fromEntries(
        Object.entries(kernel.parameters).map(([path, parameter]) => [
          path,
          parameter.value.map((v, i) => {
            const h = 1e-5 * (Math.abs(v) || 1);
            const side = (sign: number) => {
              const value = parameter.value.slice();
              value[i] = v + sign * h;
              return inner(x, z, bar, { ...kernel.parameters, [path]: { ...parameter, value } });
            };
            return (total[path]?.[i] ?? 0) + (side(1) - side(-1)) / (2 * h);
          }),
        ]),
      );
    },
    path(key) {
      const path = kernel.path(key, inputs);
      return { inputs: inputs + 1, outputs: 1, at: (x) => valuesAndSlopes(path, splitMarks(x, inputs)) };
    },
    startAt(x, variance) {
      const { points, marks } = splitMarks(x, inputs);
      const values = placesOf({ points, marks }, true);
      const seen = values.length > 0 ? takeRows(points, values) : points;
      return withSlopes(startAt(kernel, seen, variance), inputs);
    },
  };
}

/** Values of a function, and its derivatives, as the marks ask. */
function valuesAndSlopes(path: PathFn, { points, marks }: Marked): Matrix {
  const out = path.at(points);
  if (marks.every((mark) => mark === 0)) return out;
  if (!path.pullbackInputs) {
    throw new UsageError(
      "this function, drawn by random features, has no derivatives; its values can be asked for",
    );
  }
  const ones = matrix(points.rows, 1, new Float64Array(points.rows).fill(1));
  const slopes = path.pullbackInputs(points, ones);
  return {
    ...out,
    data: out.data.map((v, i) => (marks[i] === 0 ? v : slopes.data[i * points.cols + marks[i]! - 1]!)),
  };
}

/** Throws UsageError for kernels whose functions have no derivatives, or several outputs. */
export function expectDerivatives(kernel: Kernel): void {
  if (!kernel.jet || kernel.outputs !== 1) {
    throw new UsageError(
      `the kernel${kernel.definition ? ` ${kernel.definition.kind}` : ""} has no covariances of derivatives: rbf, matern32, matern52, rationalQuadratic, periodic, cosine, linear, polynomial, constant and their sums, products, powers and multiples have`,
    );
  }
}

// Numbers in a jet at a time: bounds the memory beside the result.
const most = 2_000_000;

/** Values by the kernel itself (0 with `slopesOnly`), everything that touches a derivative out of jets. */
function crossOf(kernel: Kernel, inputs: number, x: Matrix, z: Matrix, slopesOnly = false): Matrix {
  const a = splitMarks(x, inputs);
  const b = z === x ? a : splitMarks(z, inputs);
  const out = matrix(x.rows, z.rows);
  const [rows, cols] = [placesOf(a, true), placesOf(b, true)];
  if (!slopesOnly && rows.length > 0 && cols.length > 0) {
    const left = takeRows(a.points, rows);
    const block = kernel.cross(left, b === a ? left : takeRows(b.points, cols));
    put(
      out,
      block,
      rows,
      cols,
      (i) => i,
      (j) => j,
    );
  }
  const fromJet = (left: readonly number[], right: readonly number[]) => {
    if (left.length === 0 || right.length === 0) return;
    const size = 1 + inputs;
    const step = Math.max(1, Math.floor(most / (right.length * size * size)));
    const others = takeRows(b.points, right);
    for (let from = 0; from < left.length; from += step) {
      const part = left.slice(from, from + step);
      const jet = kernel.jet!(takeRows(a.points, part), others);
      put(
        out,
        jet,
        part,
        right,
        (i) => i * size + a.marks[part[i]!]!,
        (j) => j * size + b.marks[right[j]!]!,
      );
    }
  };
  fromJet(placesOf(a, false), Array.from(b.marks.keys()));
  fromJet(rows, placesOf(b, false));
  return out;
}

/** Rows that are values, or those that are derivatives. */
function placesOf({ marks }: Marked, values: boolean): number[] {
  return Array.from(marks.keys()).filter((i) => (marks[i] === 0) === values);
}

function part(a: Matrix, rows: readonly number[], cols: readonly number[]): Matrix {
  const out = matrix(rows.length, cols.length);
  rows.forEach((i, r) => {
    cols.forEach((j, c) => {
      out.data[r * cols.length + c] = a.data[i * a.cols + j]!;
    });
  });
  return out;
}

/** out(rows_i, cols_j) ← block(row(i), col(j)). */
function put(
  out: Matrix,
  block: Matrix,
  rows: readonly number[],
  cols: readonly number[],
  row: (i: number) => number,
  col: (j: number) => number,
): void {
  const across = cols.map((_, j) => col(j));
  rows.forEach((to, i) => {
    const from = row(i) * block.cols;
    for (let j = 0; j < cols.length; j++) out.data[to * out.cols + cols[j]!] = block.data[from + across[j]!]!;
  });
}

interface Marked {
  /** n × inputs. */
  readonly points: Matrix;
  /** 0 for a value, c + 1 for the derivative in column c. */
  readonly marks: Float64Array;
}

/** The points without their last column, and that column. */
export function splitMarks(x: Matrix, inputs: number): Marked {
  if (x.cols !== inputs + 1) {
    throw new ShapeError(
      `points have ${inputs} columns and one that marks values (0) and derivatives, got ${x.cols}`,
    );
  }
  const points = matrix(x.rows, inputs);
  const marks = new Float64Array(x.rows);
  for (let i = 0; i < x.rows; i++) {
    points.data.set(x.data.subarray(i * x.cols, i * x.cols + inputs), i * inputs);
    const mark = x.data[i * x.cols + inputs]!;
    if (!(Number.isInteger(mark) && mark >= 0 && mark <= inputs)) {
      throw new UsageError(`row ${i} is marked ${mark}: 0 is a value, 1 to ${inputs} a derivative`);
    }
    marks[i] = mark;
  }
  return { points, marks };
}
