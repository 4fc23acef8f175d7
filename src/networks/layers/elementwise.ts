import { floatsLike, type Tensor } from "../../linalg/index.ts";
import type { Layer, LayerDefinition } from "../layer.ts";

/** How a function of one number is applied to many, and its pull-back. */
export interface Applied {
  forward(x: Tensor["data"], out: Tensor["data"]): void;
  /** out ← by · f′(x). */
  pullback(x: Tensor["data"], by: Tensor["data"], out: Tensor["data"]): void;
}

/** A layer that applies one function to every number; its tape is its input. */
export function elementwise(definition: LayerDefinition, { forward, pullback }: Applied): Layer {
  const timesDerivative = (x: Tensor, d: Tensor): Tensor => {
    const data = floatsLike(x.data, x.data.length);
    pullback(x.data, d.data, data);
    return { shape: x.shape, data };
  };
  const layer: Layer<Tensor> = {
    definition,
    elementwise: true,
    outputShape: (input) => input,
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, x) {
      const data = floatsLike(x.data, x.data.length);
      forward(x.data, data);
      return { y: { shape: x.shape, data }, tape: x };
    },
    vjp: (_weights, x, dy) => ({ dx: () => timesDerivative(x, dy), dweights: () => ({}) }),
    jvp: (_weights, x, dx) =>
      dx ? timesDerivative(x, dx) : { shape: x.shape, data: floatsLike(x.data, x.data.length) },
  };
  return layer as Layer;
}

/** The layer of a function of one number and its slope. */
export function ofFunction(
  definition: LayerDefinition,
  value: (x: number) => number,
  slope: (x: number) => number,
): Layer {
  return elementwise(definition, {
    forward(x, out) {
      for (let i = 0; i < x.length; i++) out[i] = value(x[i]!);
    },
    pullback(x, by, out) {
      for (let i = 0; i < x.length; i++) out[i] = by[i]! * slope(x[i]!);
    },
  });
}
