import { ShapeError, UsageError } from "../../errors/index.ts";
import { sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, LayerDefinition, Shape } from "../layer.ts";

/** Each example as one row of numbers, in the order in which they lie. */
export function flattenLayer(): Layer {
  return reshaping({ kind: "flatten" }, (input) => [sizeOf(input)]);
}

/** Each example in another shape, its numbers in the order in which they lie; one size may be −1: what is left. */
export function reshapeLayer(shape: Shape): Layer {
  const open = shape.filter((size) => size === -1).length;
  if (open > 1 || shape.some((size) => !Number.isInteger(size) || size < -1)) {
    throw new UsageError(
      `reshapeLayer(shape): sizes are whole numbers, one of them −1 at most, got ${shape.join(", ")}`,
    );
  }
  return reshaping({ kind: "reshape", shape }, (input) => {
    const size = sizeOf(input);
    const known = sizeOf(shape.filter((s) => s !== -1));
    const full = shape.map((s) => (s === -1 ? size / known : s));
    if (sizeOf(full) !== size || full.some((s) => !Number.isInteger(s))) {
      throw new ShapeError(`reshape: ${input.join(" × ")} does not become ${shape.join(" × ")}`);
    }
    return full;
  });
}

function reshaping(definition: LayerDefinition, shapeOf: (input: Shape) => Shape): Layer {
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    definition,
    outputShape: shapeOf,
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x) => ({ y: there(x), tape: x.shape }),
    vjp: (_weights, shape, dy) => ({ dx: () => ({ shape, data: dy.data }), dweights: () => ({}) }),
    jvp: (_weights, _tape, dx) => there(dx!),
  };
  const there = ({ shape, data }: Tensor): Tensor => ({
    shape: [shape[0]!, ...shapeOf(shape.slice(1))],
    data,
  });
  return layer as Layer;
}
