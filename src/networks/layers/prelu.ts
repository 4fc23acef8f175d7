import { ShapeError } from "../../errors/index.ts";
import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, Weights } from "../layer.ts";
import { gradientTangent, summedGradient } from "./gradient-tangent.ts";

/**
 * x for x > 0, weight · x below, with a trained slope (He et al. 2015): one for all, or one a channel of
 * [channels, …]. ¼ at first, as in PyTorch.
 */
export function prelu({ perChannel = false }: { readonly perChannel?: boolean } = {}): Layer {
  const slopes = (input: Shape): number => (perChannel ? input[0]! : 1);
  const positions = (input: Shape): number => sizeOf(perChannel ? input.slice(1) : input);
  /** Above and below 0 in x, d is multiplied by these, the second one a channel. */
  const bend = (x: Tensor, d: Tensor, above: number, below: Tensor): Tensor => {
    const data = floatsLike(d.data, d.data.length);
    const run = positions(x.shape.slice(1));
    for (let k = 0; k < data.length; ) {
      for (const slope of below.data) {
        for (const end = k + run; k < end; k++) data[k] = (x.data[k]! > 0 ? above : slope) * d.data[k]!;
      }
    }
    return { shape: d.shape, data };
  };
  const addGradient = (x: Tensor, dy: Tensor, example: number, row: Float64Array): void => {
    const run = positions(x.shape.slice(1));
    const from = example * row.length * run;
    for (let k = from; k < from + row.length * run; k++) {
      if (!(x.data[k]! > 0)) row[Math.floor((k - from) / run)]! += dy.data[k]! * x.data[k]!;
    }
  };
  const width = (x: Tensor) => slopes(x.shape.slice(1));
  const layer: Layer<Tensor> = {
    definition: { kind: "prelu", perChannel },
    outputShape(input) {
      if (perChannel && input.length === 0) throw new ShapeError("prelu: a single number has no channels");
      return input;
    },
    weightShapes: (input) => ({ weight: [slopes(input)] }),
    init(_key, input, precision): Weights {
      const shape = [slopes(input)];
      return { weight: { shape, data: floats(precision, shape[0]!).fill(0.25) } };
    },
    forward: (weights, x) => ({ y: bend(x, x, 1, weights.weight!), tape: x }),
    vjp: (weights, x, dy) => ({
      dx: () => bend(x, dy, 1, weights.weight!),
      dweights() {
        const data = floatsLike(dy.data, width(x));
        data.set(summedGradient(x, dy, data.length, addGradient));
        return { weight: { shape: [data.length], data } };
      },
    }),
    jvp(weights, x, dx, dweights) {
      const fromWeights = dweights && bend(x, x, 0, dweights.weight!);
      if (!dx) return fromWeights ?? { shape: x.shape, data: floatsLike(x.data, x.data.length) };
      const moved = bend(x, dx, 1, weights.weight!);
      if (fromWeights) for (let k = 0; k < moved.data.length; k++) moved.data[k]! += fromWeights.data[k]!;
      return moved;
    },
    ...gradientTangent(width, addGradient),
  };
  return layer as Layer;
}
