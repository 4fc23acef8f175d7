import type { Floats } from "../../engine/index.ts";
import { ShapeError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";

/**
 * eˣ / Σ eˣ along an axis of [n, …], the last unless given. Negative axes count from the last; axis 0, that of the
 * examples, cannot be it.
 */
export function softmax(axis = -1): Layer {
  return alongAxis("softmax", axis) as Layer;
}

/** x − log Σ eˣ along an axis, as in `softmax`. */
export function logSoftmax(axis = -1): Layer {
  return alongAxis("logSoftmax", axis) as Layer;
}

/** The tape is the probabilities p. */
function alongAxis(kind: "softmax" | "logSoftmax", axis: number): Layer<Tensor> {
  const log = kind === "logSoftmax";
  /** The Jacobian, diag p − p pᵀ or I − 1 pᵀ, or its transpose, times d. */
  const product = ({ data: p }: Tensor, d: Tensor, transposed: boolean): Tensor => {
    const data = floatsLike(d.data, d.data.length);
    for (const { from, to, stride } of lines(d.shape, axis)) {
      let sum = 0;
      for (let k = from; k < to; k += stride) sum += (log && transposed ? 1 : p[k]!) * d.data[k]!;
      for (let k = from; k < to; k += stride) {
        data[k] = log ? d.data[k]! - (transposed ? p[k]! : 1) * sum : p[k]! * (d.data[k]! - sum);
      }
    }
    return { shape: d.shape, data };
  };
  return {
    definition: { kind, axis },
    outputShape(input) {
      if (!Number.isInteger(axis) || axis === 0 || Math.abs(axis) > input.length) {
        throw new ShapeError(
          `${kind}: inputs of shape ${input.join(" × ")} have no axis ${axis} to sum along`,
        );
      }
      return input;
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, x) {
      const p = floatsLike(x.data, x.data.length);
      const logarithms = log ? floatsLike(x.data, x.data.length) : undefined;
      for (const { from, to, stride } of lines(x.shape, axis)) {
        const normaliser = softmaxLine(x.data, p, from, to, stride);
        if (logarithms) for (let k = from; k < to; k += stride) logarithms[k] = x.data[k]! - normaliser;
      }
      const tape = { shape: x.shape, data: p };
      return { y: logarithms ? { shape: x.shape, data: logarithms } : tape, tape };
    },
    vjp: (_weights, p, dy) => ({ dx: () => product(p, dy, true), dweights: () => ({}) }),
    jvp: (_weights, p, dx) =>
      dx ? product(p, dx, false) : { shape: p.shape, data: floatsLike(p.data, p.data.length) },
  };
}

/** out ← softmax of x over the indices from, from + stride, … below to; returns log Σ eˣ. x and out may be one. */
export function softmaxLine(x: Floats, out: Floats, from: number, to: number, stride: number): number {
  let top = -Infinity;
  for (let k = from; k < to; k += stride) top = Math.max(top, x[k]!);
  let total = 0;
  for (let k = from; k < to; k += stride) {
    const e = Math.exp(x[k]! - top);
    out[k] = e;
    total += e;
  }
  for (let k = from; k < to; k += stride) out[k]! /= total;
  return top + Math.log(total);
}

/** The lines of a row-major tensor along an axis: the indices from, from + stride, … below to. */
function* lines(shape: Shape, axis: number): Generator<{ from: number; to: number; stride: number }> {
  const at = axis < 0 ? shape.length + axis : axis;
  const stride = sizeOf(shape.slice(at + 1));
  const span = stride * shape[at]!;
  const size = sizeOf(shape);
  for (let start = 0; start < size; start += span) {
    for (let from = start; from < start + stride; from++) yield { from, to: start + span, stride };
  }
}
