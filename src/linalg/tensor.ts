import type { Floats } from "../engine/index.ts";
import { ShapeError } from "../errors/index.ts";
import type { Matrix } from "./matrix.ts";

/** Network activations and parameters, row-major; for activations `shape[0]` counts examples. */
export interface Tensor<A extends Floats = Floats> {
  readonly shape: readonly number[];
  readonly data: A;
}

/** Precision of a network's numbers. */
export type Precision = "f32" | "f64";

export function floats(precision: Precision, length: number): Floats {
  return precision === "f32" ? new Float32Array(length) : new Float64Array(length);
}

export function precisionOf(t: Tensor): Precision {
  return t.data instanceof Float32Array ? "f32" : "f64";
}

/** An array of the same precision as `like`. */
export function floatsLike(like: Floats, length: number): Floats {
  return like instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The examples of all batches, one batch after the other; a single batch is returned as it is. */
export function joinTensors(batches: readonly Tensor[]): Tensor {
  if (batches.length === 1) return batches[0]!;
  const { shape, data } = batches[0]!;
  const out = floatsLike(
    data,
    batches.reduce((sum, batch) => sum + batch.data.length, 0),
  );
  let [examples, at] = [0, 0];
  for (const batch of batches) {
    out.set(batch.data, at);
    at += batch.data.length;
    examples += batch.shape[0]!;
  }
  return { shape: [examples, ...shape.slice(1)], data: out };
}

/** Rows of X as examples of the given shape: n × inputs becomes [n, ...shape]. */
export function toTensor(x: Matrix, shape: readonly number[], precision: Precision): Tensor {
  if (x.cols !== sizeOf(shape)) {
    throw new ShapeError(
      `the network takes ${sizeOf(shape)} inputs (shape ${shape.join(" × ")}), got ${x.cols} columns`,
    );
  }
  const data = precision === "f32" ? new Float32Array(x.data) : x.data;
  return { shape: [x.rows, ...shape], data };
}

/** Examples as rows, widened to f64: [n, ...shape] becomes n × size. */
export function toMatrix(t: Tensor): Matrix {
  const rows = t.shape[0] ?? 0;
  const cols = sizeOf(t.shape.slice(1));
  return { rows, cols, data: t.data instanceof Float64Array ? t.data : new Float64Array(t.data) };
}
