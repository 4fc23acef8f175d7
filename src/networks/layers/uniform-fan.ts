import { floats, type Precision, sizeOf, type Tensor } from "../../linalg/index.ts";
import { type Key, split, uniform } from "../../random/index.ts";
import type { Shape, Weights } from "../layer.ts";

/** Tensors drawn uniformly between ±1/√fanIn, as PyTorch draws the weights and biases of linear maps. */
export function drawFan(
  key: Key,
  shapes: Readonly<Record<string, Shape>>,
  fanIn: number,
  precision: Precision,
): Weights {
  const bound = 1 / Math.sqrt(fanIn);
  const draw = (name: string, shape: Shape): Tensor => {
    const data = floats(precision, sizeOf(shape));
    uniform(split(key, name), data.length).forEach((u, i) => {
      data[i] = bound * (2 * u - 1);
    });
    return { shape, data };
  };
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, draw(name, shape)]));
}
