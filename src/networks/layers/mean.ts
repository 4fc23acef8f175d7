import { ShapeError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";

/** The mean over some axes of an example, which are dropped. */
export function meanLayer(axes: readonly number[]): Layer {
  const expectAxes = (input: Shape): void => {
    const wrong = axes.find((axis) => !Number.isInteger(axis) || axis < 0 || axis >= input.length);
    if (wrong !== undefined) {
      throw new ShapeError(`mean: shape ${input.join(" × ")} has no axis ${wrong}`);
    }
  };
  const outputShape = (input: Shape): Shape => input.filter((_, axis) => !axes.includes(axis));
  /** The output's place for each of an example's numbers. */
  const placesOf = (input: Shape): Int32Array => {
    let places = new Int32Array(1);
    input.forEach((size, axis) => {
      const stride = axes.includes(axis) ? 0 : sizeOf(outputShape(input).slice(keptBefore(axis) + 1));
      const next = new Int32Array(places.length * size);
      let k = 0;
      for (const place of places) for (let i = 0; i < size; i++) next[k++] = place + i * stride;
      places = next;
    });
    return places;
  };
  const keptBefore = (axis: number): number => axis - axes.filter((other) => other < axis).length;
  const mean = (x: Tensor): Tensor => {
    const input = x.shape.slice(1);
    const places = placesOf(input);
    const shape = [x.shape[0]!, ...outputShape(input)];
    const size = sizeOf(shape.slice(1));
    const sums = new Float64Array(sizeOf(shape));
    for (let i = 0, k = 0; i < x.shape[0]!; i++)
      for (const place of places) sums[i * size + place]! += x.data[k++]!;
    const data = floatsLike(x.data, sums.length);
    for (let k = 0; k < data.length; k++) data[k] = (sums[k]! * size) / places.length;
    return { shape, data };
  };
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    definition: { kind: "mean", axes },
    outputShape(input) {
      expectAxes(input);
      return outputShape(input);
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x) => ({ y: mean(x), tape: x.shape }),
    vjp: (_weights, shape, dy) => ({
      dx() {
        const places = placesOf(shape.slice(1));
        const size = dy.data.length / shape[0]!;
        const data = floatsLike(dy.data, sizeOf(shape));
        for (let i = 0, k = 0; i < shape[0]!; i++) {
          for (const place of places) data[k++] = (dy.data[i * size + place]! * size) / places.length;
        }
        return { shape, data };
      },
      dweights: () => ({}),
    }),
    jvp: (_weights, _tape, dx) => mean(dx!),
  };
  return layer as Layer;
}
