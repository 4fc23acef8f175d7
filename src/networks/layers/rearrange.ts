import { ShapeError, UsageError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, LayerDefinition, Shape } from "../layer.ts";

/** The axes of an example in another order: axis i of the output is axis order[i] of the input. */
export function transposeLayer(order: readonly number[]): Layer {
  const sorted = [...order].sort((a, b) => a - b);
  if (sorted.some((axis, i) => axis !== i)) {
    throw new UsageError(`transpose: the order names each axis from 0 once, got ${order.join(", ")}`);
  }
  return rearranging({ kind: "transpose", order }, 0, (input) => {
    if (input.length !== order.length) throw mismatch("transpose", input, `${order.length} axes`);
    const offsets = offsetsOf(input);
    return order.map((axis) => offsets[axis]!);
  });
}

/** The entries `start`, `start + step`, … (`count` of them) along one axis of an example. */
export function sliceLayer(axis: number, start: number, count: number, step = 1): Layer {
  return rearranging({ kind: "slice", axis, start, count, step }, 0, (input) =>
    along("slice", input, axis, [start, start + step * (count - 1)], (offsets) =>
      Int32Array.from({ length: count }, (_, i) => offsets[start + step * i]!),
    ),
  );
}

/** The entries of the given indices along one axis of an example. */
export function selectLayer(axis: number, indices: readonly number[]): Layer {
  return rearranging({ kind: "select", axis, indices }, 0, (input) =>
    along("select", input, axis, indices, (offsets) => Int32Array.from(indices, (i) => offsets[i]!)),
  );
}

/** Along each axis of an example `before[axis]` numbers `value` before it and `after[axis]` after it. */
export function padLayer(before: readonly number[], after: readonly number[], value = 0): Layer {
  if ([...before, ...after].some((count) => !Number.isInteger(count) || count < 0)) {
    throw new UsageError(
      `pad: counts are whole numbers from 0, got ${before.join(", ")}; ${after.join(", ")}`,
    );
  }
  return rearranging({ kind: "pad", before, after, value }, value, (input) => {
    if (input.length !== before.length || input.length !== after.length) {
      throw mismatch("pad", input, `${before.length} axes`);
    }
    return offsetsOf(input).map((offsets, axis) => {
      const padded = new Int32Array(before[axis]! + offsets.length + after[axis]!).fill(-1);
      padded.set(offsets, before[axis]);
      return padded;
    });
  });
}

/** An example repeated along axes where its size is 1, and along new axes before them, to the given shape. */
export function repeatLayer(shape: Shape): Layer {
  return rearranging({ kind: "repeat", shape }, 0, (input) => {
    const offsets = offsetsOf(input);
    const first = shape.length - input.length;
    return shape.map((size, axis) => {
      const given = axis < first ? 1 : input[axis - first];
      if (given === size) return offsets[axis - first] ?? new Int32Array(size);
      if (given !== 1) throw mismatch("repeat", input, `sizes of 1 or of ${shape.join(" × ")}`);
      return new Int32Array(size);
    });
  });
}

/**
 * A layer whose every output is one of the inputs, or `fill`: where an output's place is (i, j, …), the input's is the
 * sum of the offsets[axis][i], …, unless one of them is −1.
 */
function rearranging(
  definition: LayerDefinition,
  fill: number,
  offsets: (input: Shape) => readonly Int32Array[],
): Layer {
  const outputShape = (input: Shape): Shape => offsets(input).map(({ length }) => length);
  const move = (x: Tensor, value: number): Tensor => {
    const places = placesOf(offsets(x.shape.slice(1)));
    const size = sizeOf(x.shape.slice(1));
    const [n] = x.shape as [number];
    const data = floatsLike(x.data, n * places.length);
    for (let i = 0, k = 0; i < n; i++) {
      for (const place of places) data[k++] = place < 0 ? value : x.data[i * size + place]!;
    }
    return { shape: [n, ...outputShape(x.shape.slice(1))], data };
  };
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    definition,
    outputShape,
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x) => ({ y: move(x, fill), tape: x.shape }),
    vjp: (_weights, shape, dy) => ({
      dx() {
        const places = placesOf(offsets(shape.slice(1)));
        const size = sizeOf(shape.slice(1));
        const data = floatsLike(dy.data, sizeOf(shape));
        for (let i = 0, k = 0; i < shape[0]!; i++) {
          for (const place of places) {
            if (place >= 0) data[i * size + place]! += dy.data[k]!;
            k++;
          }
        }
        return { shape, data };
      },
      dweights: () => ({}),
    }),
    jvp: (_weights, _tape, dx) => move(dx!, 0),
  };
  return layer as Layer;
}

/** Where each entry along each axis of a row-major example begins. */
function offsetsOf(shape: Shape): Int32Array[] {
  return shape.map((size, axis) => {
    const stride = sizeOf(shape.slice(axis + 1));
    return Int32Array.from({ length: size }, (_, i) => i * stride);
  });
}

/** Every output's place, in order. */
function placesOf(offsets: readonly Int32Array[]): Int32Array {
  return offsets.reduce<Int32Array>((places, along) => {
    const out = new Int32Array(places.length * along.length);
    let k = 0;
    for (const place of places)
      for (const offset of along) out[k++] = place < 0 || offset < 0 ? -1 : place + offset;
    return out;
  }, new Int32Array(1));
}

/** The offsets with those of one axis replaced; the indices that are used must be within it. */
function along(
  kind: string,
  input: Shape,
  axis: number,
  indices: readonly number[],
  change: (offsets: Int32Array) => Int32Array,
): Int32Array[] {
  const size = input[axis];
  const outside = indices.find((i) => !Number.isInteger(i) || !(i >= 0 && i < (size ?? 0)));
  if (size === undefined || outside !== undefined) {
    throw mismatch(kind, input, `an axis ${axis} with an index ${outside ?? 0}`);
  }
  return offsetsOf(input).map((offsets, i) => (i === axis ? change(offsets) : offsets));
}

function mismatch(kind: string, input: Shape, expected: string): ShapeError {
  return new ShapeError(`${kind} takes examples with ${expected}, got shape ${input.join(" × ")}`);
}
