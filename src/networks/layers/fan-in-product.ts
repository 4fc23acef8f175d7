import { ShapeError } from "../../errors/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";

/** The product of its inputs, number by number, all of one shape: gates. */
export function fanInProduct(): Layer {
  /** `by` times all inputs but one. */
  const timesOthers = (inputs: readonly Tensor[], left: number, by: Tensor): Tensor => {
    const data = by.data.slice();
    inputs.forEach((x, i) => {
      if (i !== left) for (let k = 0; k < data.length; k++) data[k]! *= x.data[k]!;
    });
    return { shape: by.shape, data };
  };
  // The tape holds the inputs.
  const layer: Layer<readonly Tensor[]> = {
    definition: { kind: "fanInProduct" },
    outputShape(input, ...more) {
      const other = more.find((shape) => shape.join() !== input.join());
      if (other) {
        throw new ShapeError(
          `fanInProduct takes inputs of one shape, got ${input.join(" × ")} and ${other.join(" × ")}`,
        );
      }
      return input;
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, ...inputs) => ({ y: timesOthers(inputs, 0, inputs[0]!), tape: inputs }),
    vjp: (_weights, inputs, dy) => ({
      dx: (input = 0) => timesOthers(inputs, input, dy),
      dweights: () => ({}),
    }),
    jvp(_weights, inputs, first, _dweights, ...more) {
      const { shape, data } = inputs[0]!;
      const sum = floatsLike(data, data.length);
      [first, ...more].forEach((d, i) => {
        if (!d) return;
        const term = timesOthers(inputs, i, d).data;
        for (let k = 0; k < sum.length; k++) sum[k]! += term[k]!;
      });
      return { shape, data: sum };
    },
  };
  return layer as Layer;
}
