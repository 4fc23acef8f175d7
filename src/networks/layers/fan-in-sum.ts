import { ShapeError } from "../../errors/index.ts";
import type { Tensor } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";
import { type NetworkPart, type Parallel, parallel } from "../wiring.ts";

/** The sum of its inputs, all of one shape: where the branches of a residual block meet. */
export function fanInSum(): Layer {
  const add = (tensors: readonly (Tensor | undefined)[]): Tensor => {
    const [first, ...more] = tensors.filter((t) => t !== undefined);
    const data = first!.data.slice();
    for (const { data: term } of more) {
      for (let i = 0; i < data.length; i++) data[i]! += term[i]!;
    }
    return { shape: first!.shape, data };
  };
  return {
    definition: { kind: "fanInSum" },
    outputShape(input, ...more) {
      const other = more.find((shape) => shape.join() !== input.join());
      if (other) {
        throw new ShapeError(
          `fanInSum takes inputs of one shape, got ${input.join(" × ")} and ${other.join(" × ")}`,
        );
      }
      return input;
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x, ...more) => ({ y: add([x, ...more]), tape: undefined }),
    vjp: (_weights, _tape, dy) => ({ dx: () => dy, dweights: () => ({}) }),
    jvp: (_weights, _tape, dx, _dweights, ...more) => add([dx, ...more]),
  };
}

/** x + f(x), f the layers in turn (He et al. 2016); with a shortcut s, s(x) + f(x). */
export function residual(body: readonly NetworkPart[], shortcut: readonly NetworkPart[] = []): Parallel {
  return parallel([shortcut, body], fanInSum());
}
