import { add, expectShape, type Matrix, matrix, subtract } from "../../linalg/index.ts";
import type { Node, Tape } from "../tape.ts";

// Plain loops throughout: these run over millions of numbers a step.

/** a + b. */
export function plus(tape: Tape, a: Node, b: Node): Node {
  return tape.record(add(a.value, b.value), [a, b], (bar) => [bar, bar]);
}

/** a − b. */
export function minus(tape: Tape, a: Node, b: Node): Node {
  return tape.record(subtract(a.value, b.value), [a, b], (bar) => [bar, times(bar, -1)]);
}

/** factor · a. */
export function scaled(tape: Tape, a: Node, factor: number): Node {
  return tape.record(times(a.value, factor), [a], (bar) => [times(bar, factor)]);
}

/** a ∘ b. */
export function elementwise(tape: Tape, a: Node, b: Node): Node {
  return tape.record(product(a.value, b.value), [a, b], (bar, [ofA, ofB]) => [
    ofA ? product(bar, b.value) : undefined,
    ofB ? product(bar, a.value) : undefined,
  ]);
}

/** The sum of all entries, 1 × 1. */
export function total(tape: Tape, a: Node): Node {
  let sum = 0;
  for (let k = 0; k < a.value.data.length; k++) sum += a.value.data[k]!;
  return tape.record(matrix(1, 1, Float64Array.of(sum)), [a], (bar) => [
    { ...a.value, data: new Float64Array(a.value.data.length).fill(bar.data[0]!) },
  ]);
}

/** The rows of a, `count` times one below the other. */
export function repeated(tape: Tape, a: Node, count: number): Node {
  if (count === 1) return a;
  const { rows, cols, data } = a.value;
  const out = matrix(rows * count, cols);
  for (let c = 0; c < count; c++) out.data.set(data, c * data.length);
  return tape.record(out, [a], (bar) => {
    const sum = matrix(rows, cols);
    for (let k = 0, c = 0; k < bar.data.length; k++, c = c + 1 === data.length ? 0 : c + 1) {
      sum.data[c]! += bar.data[k]!;
    }
    return [sum];
  });
}

/** The columns of a, then those of b. */
export function beside(tape: Tape, a: Node, b: Node): Node {
  expectShape(b.value, "the second matrix", a.value.rows, undefined);
  return tape.record(sideBySide(a.value, b.value), [a, b], (bar) => [
    columns(bar, 0, a.value.cols),
    columns(bar, a.value.cols, bar.cols),
  ]);
}

// Below this share of a typical variance a root's slope would be rounding magnified.
const leastVariance = 1e-14;

/** mean + √variance ∘ noise: draws from normal distributions by way of standard ones (all n × o). */
export function drawn(tape: Tape, mean: Node, variance: Node, noise: Matrix): Node {
  const root = matrix(variance.value.rows, variance.value.cols);
  const out = matrix(root.rows, root.cols);
  for (let k = 0; k < root.data.length; k++) {
    root.data[k] = Math.sqrt(Math.max(variance.value.data[k]!, leastVariance));
    out.data[k] = mean.value.data[k]! + root.data[k]! * noise.data[k]!;
  }
  return tape.record(out, [mean, variance], (bar, [, ofVariance]) => {
    if (!ofVariance) return [bar, undefined];
    const slope = matrix(root.rows, root.cols);
    for (let k = 0; k < slope.data.length; k++) {
      slope.data[k] =
        variance.value.data[k]! > leastVariance ? (0.5 * bar.data[k]! * noise.data[k]!) / root.data[k]! : 0;
    }
    return [bar, slope];
  });
}

/** A number made elsewhere from matrices, with its derivatives in them: a likelihood's expectation, say. */
export function known(tape: Tape, value: number, parents: readonly Node[], slopes: readonly Matrix[]): Node {
  return tape.record(matrix(1, 1, Float64Array.of(value)), parents, (bar, wanted) =>
    slopes.map((slope, p) => (wanted[p] ? times(slope, bar.data[0]!) : undefined)),
  );
}

/** Columns of a and then of b, as one matrix. */
export function sideBySide(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, a.cols + b.cols);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * out.cols);
    out.data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * out.cols + a.cols);
  }
  return out;
}

/** Columns `from` (included) to `to` (excluded). */
export function columns(a: Matrix, from: number, to: number): Matrix {
  const out = matrix(a.rows, to - from);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols + from, i * a.cols + to), i * out.cols);
  }
  return out;
}

function times(a: Matrix, factor: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let k = 0; k < out.data.length; k++) out.data[k] = factor * a.data[k]!;
  return out;
}

function product(a: Matrix, b: Matrix): Matrix {
  expectShape(b, "the second matrix", a.rows, a.cols);
  const out = matrix(a.rows, a.cols);
  for (let k = 0; k < out.data.length; k++) out.data[k] = a.data[k]! * b.data[k]!;
  return out;
}
