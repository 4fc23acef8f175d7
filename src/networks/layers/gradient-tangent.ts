import { engine } from "../../engine/index.ts";
import {
  block,
  gramOf,
  type Matrix,
  matrix,
  operand,
  reshape,
  rowRange,
  type Tensor,
} from "../../linalg/index.ts";
import type { Layer, TangentSide } from "../layer.ts";

/**
 * `scale` times the Gram of per-example gradients, a row an example and output, added to `out`; where `out` has one
 * row an example, its trace over the outputs. The same matrix twice costs half and adds a symmetric matrix to the
 * last bit.
 */
export function addGramOfGradients(a: Matrix, b: Matrix, scale: number, out: Matrix): void {
  // An example's gradients lie one after another: the trace is the Gram of them all as one row.
  const left = reshape(a, out.rows, a.data.length / out.rows);
  if (a !== b) {
    const right = reshape(b, out.cols, left.cols);
    engine().gemm(out.rows, out.cols, left.cols, scale, operand(left), operand(right, true), 1, block(out));
    return;
  }
  const gram = gramOf(left);
  for (let k = 0; k < gram.data.length; k++) out.data[k]! += scale * gram.data[k]!;
}

/**
 * `scale` times what each example's gradients have with themselves, added to `out`: their squared lengths, one a row, or the
 * products of an example's rows, n blocks of o × o for n·o rows.
 */
export function addOwnProducts(rows: Matrix, scale: number, out: Float64Array): void {
  const outputs = out.length / rows.rows;
  if (outputs === 1) {
    for (let r = 0; r < rows.rows; r++) {
      let sum = 0;
      for (let k = r * rows.cols; k < (r + 1) * rows.cols; k++) sum += rows.data[k]! * rows.data[k]!;
      out[r]! += scale * sum;
    }
    return;
  }
  for (let r = 0; r < rows.rows; r += outputs) {
    const { data } = gramOf(rowRange(rows, r, r + outputs));
    for (let k = 0; k < data.length; k++) out[r * outputs + k]! += scale * data[k]!;
  }
}

/** The rows whose own products `out` takes: an example's outputs together for the trace, else one each. */
export function ownRows({ cotangents }: TangentSide<unknown>, out: Float64Array): number {
  const examples = cotangents[0]!.shape[0]!;
  return out.length === examples ? examples : examples * cotangents.length;
}

/** Adds the gradient of ⟨dy, y⟩, for one example alone, in each of the layer's parameters to `row`. */
export type ExampleGradient<T> = (tape: T, dy: Tensor, example: number, row: Float64Array) => void;

/** The gradients of every example and output as rows, point-major, in f64. */
export function exampleGradients<T>(side: TangentSide<T>, width: number, add: ExampleGradient<T>): Matrix {
  const outputs = side.cotangents.length;
  const out = matrix(side.cotangents[0]!.shape[0]! * outputs, width);
  side.cotangents.forEach((dy, p) => {
    for (let i = 0; i < dy.shape[0]!; i++) {
      const row = i * outputs + p;
      add(side.tape, dy, i, rowRange(out, row, row + 1).data);
    }
  });
  return out;
}

/** The gradient summed over the examples of a batch. */
export function summedGradient<T>(tape: T, dy: Tensor, width: number, add: ExampleGradient<T>): Float64Array {
  const sum = new Float64Array(width);
  for (let i = 0; i < dy.shape[0]!; i++) add(tape, dy, i, sum);
  return sum;
}

/**
 * The tangent readings of a layer with few parameters (`width` of them): its per-example gradients, written out. For
 * the trace over the outputs, with one row an example, those of all outputs count as one longer gradient.
 */
export function gradientTangent<T>(
  width: (tape: T) => number,
  add: ExampleGradient<T>,
): Required<Pick<Layer<T>, "addTangentGram" | "addTangentDiagonal" | "writeJacobian">> {
  const gradients = (side: TangentSide<T>, rows: number): Matrix => {
    const { data } = exampleGradients(side, width(side.tape), add);
    return matrix(rows, data.length / rows, data);
  };
  return {
    addTangentGram(a, b, scale, out) {
      const rows = gradients(a, out.rows);
      addGramOfGradients(rows, a === b ? rows : gradients(b, out.cols), scale, out);
    },
    addTangentDiagonal: (side, scale, out) => addOwnProducts(gradients(side, ownRows(side, out)), scale, out),
    writeJacobian(side, out, column) {
      const rows = gradients(side, out.rows);
      for (let r = 0; r < rows.rows; r++) {
        out.data.set(rowRange(rows, r, r + 1).data, r * out.cols + column);
      }
    },
  };
}
