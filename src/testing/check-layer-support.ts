import type { Floats } from "../engine/engine.ts";
import { floats, type Precision, sizeOf, type Tensor } from "../linalg/index.ts";
import type { Layer, Shape, Weights } from "../networks/index.ts";
import { type Key, normal } from "../random/index.ts";

/** Where a layer is checked: its tensors and inputs, in f64. */
export interface Place {
  readonly weights: Weights;
  readonly buffers: Weights;
  readonly inputs: readonly Tensor[];
  readonly key: Key;
}

export type Forward = (layer: Layer, at: Place) => { readonly y: Tensor; readonly tape: unknown };

export const inUse: Forward = (layer, { weights, buffers, inputs }) =>
  layer.forward({ ...weights, ...buffers }, ...(inputs as [Tensor]));

export function inPrecision(at: Place, precision: Precision): Place {
  const all = (t: Tensor) => converted(t, precision);
  return {
    ...at,
    weights: mapTensors(at.weights, all),
    buffers: mapTensors(at.buffers, all),
    inputs: at.inputs.map(all),
  };
}

export function converted(t: Tensor, precision: Precision): Tensor {
  const data = floats(precision, t.data.length);
  data.set(t.data);
  return { shape: t.shape, data };
}

export function randomLike(t: Tensor, k: Key): Tensor {
  return { shape: t.shape, data: Float64Array.from(normal(k, t.data.length)) };
}

export function examplesOf(t: Tensor, from: number, to: number): Tensor {
  const size = sizeOf(t.shape.slice(1));
  return { shape: [to - from, ...t.shape.slice(1)], data: t.data.slice(from * size, to * size) };
}

export function plus(t: Tensor, by: number, d: Tensor): Tensor {
  return { shape: t.shape, data: t.data.map((v, k) => v + by * d.data[k]!) };
}

export function mapTensors(record: Weights, change: (t: Tensor, name: string) => Tensor): Weights {
  return Object.fromEntries(Object.entries(record).map(([name, t]) => [name, change(t, name)]));
}

export function doubles({ data }: Tensor): Float64Array {
  return data instanceof Float64Array ? data : Float64Array.from(data);
}

export function expectShape(what: string, got: Shape, want: Shape): void {
  if (got.join() !== want.join()) {
    throw new Error(`${what} should be ${want.join(" × ")}, is ${got.join(" × ")}`);
  }
}

/** Throws unless |a − b| ≤ tolerance · size everywhere; size: the larger of what is given and of the entries. */
export function agree(what: string, a: Floats, b: Floats, tolerance: number, size = 0): void {
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} and ${b.length} numbers`);
  let largest = size;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]!), Math.abs(b[i]!));
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(a[i]! - b[i]!);
    if (!(apart <= tolerance * largest)) {
      throw new Error(
        `${what} differ at ${i}: ${a[i]} and ${b[i]}, apart by ${apart / largest} of ${largest}`,
      );
    }
  }
}
