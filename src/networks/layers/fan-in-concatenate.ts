import { ShapeError, UsageError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";

/**
 * Its inputs one after another along an axis of an example: 0, the channels of images and the features of a table,
 * unless given; −1 is the last. All other sizes are equal.
 */
export function fanInConcatenate(axis = 0): Layer {
  if (!Number.isInteger(axis)) throw new UsageError(`fanInConcatenate(axis): a whole number, got ${axis}`);
  const axisOf = (rank: number): number => (axis < 0 ? rank + axis : axis);
  const outputShape = (first: Shape, ...more: readonly Shape[]): Shape => {
    const at = axisOf(first.length);
    const others = (shape: Shape) => shape.map((size, i) => (i === at ? "any" : size)).join(" × ");
    const other = more.find((shape) => others(shape) !== others(first));
    if (other || !(at >= 0 && at < first.length)) {
      throw new ShapeError(
        `fanInConcatenate takes inputs that differ along axis ${axis} alone, got ${[first, ...more].map((s) => s.join(" × ")).join(" and ")}`,
      );
    }
    return first.map((size, i) =>
      i === at ? [first, ...more].reduce((sum, shape) => sum + shape[i]!, 0) : size,
    );
  };
  /** Copies between parts of the given shapes and the whole, in runs that lie together in both. */
  const eachRun = (
    shapes: readonly Shape[],
    copy: (part: number, from: number, length: number, at: number) => void,
  ): void => {
    const first = shapes[0]!;
    const before = sizeOf(first.slice(0, axisOf(first.length - 1) + 1));
    const runs = shapes.map((shape) => sizeOf(shape) / before);
    for (let i = 0, at = 0; i < before; i++) {
      runs.forEach((run, part) => {
        copy(part, i * run, run, at);
        at += run;
      });
    }
  };
  const concatenate = (shapes: readonly Shape[], parts: readonly (Tensor | undefined)[]): Tensor => {
    const [n] = shapes[0]!;
    const examples = shapes.map((shape) => shape.slice(1));
    const shape = [n!, ...outputShape(...(examples as [number[]]))];
    const data = floatsLike(parts.find((part) => part)!.data, sizeOf(shape));
    eachRun(shapes, (part, from, length, at) => {
      const given = parts[part];
      if (given) data.set(given.data.subarray(from, from + length), at);
    });
    return { shape, data };
  };
  // The tape holds the inputs' shapes.
  const layer: Layer<readonly Shape[]> = {
    definition: { kind: "fanInConcatenate", axis },
    outputShape,
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, ...inputs) {
      const shapes = inputs.map(({ shape }) => shape);
      return { y: concatenate(shapes, inputs), tape: shapes };
    },
    vjp: (_weights, shapes, dy) => ({
      dx(input = 0) {
        const data = floatsLike(dy.data, sizeOf(shapes[input]!));
        eachRun(shapes, (part, from, length, at) => {
          if (part === input) data.set(dy.data.subarray(at, at + length), from);
        });
        return { shape: shapes[input]!, data };
      },
      dweights: () => ({}),
    }),
    jvp: (_weights, shapes, dx, _dweights, ...more) => concatenate(shapes, [dx, ...more]),
  };
  return layer as Layer;
}
