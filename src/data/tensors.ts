import { FormatError } from "../errors/index.ts";
import { type Matrix, type Tensor, toMatrix } from "../linalg/index.ts";

export function asTensor(a: Matrix): Tensor {
  return { shape: [a.rows, a.cols], data: a.data };
}

/** Throws FormatError unless there is such a tensor of two axes, all of it finite. */
export function asMatrix(tensors: ReadonlyMap<string, Tensor>, name: string): Matrix {
  const tensor = tensors.get(name);
  if (tensor?.shape.length !== 2 || !tensor.data.every(Number.isFinite)) {
    throw new FormatError(`tensor "${name}" is missing or holds NaN; the file was altered`);
  }
  return toMatrix(tensor);
}
