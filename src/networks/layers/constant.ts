import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, Weights } from "../layer.ts";
import { gradientTangent, summedGradient } from "./gradient-tangent.ts";

/** The same numbers for every example, whatever the input: a learned token, or (`trained` false) a buffer. */
export function constantLayer(shape: Shape, trained = true): Layer {
  const size = sizeOf(shape);
  const zeros = (precision: "f32" | "f64"): Weights => ({ weight: { shape, data: floats(precision, size) } });
  const addGradient = (_tape: Shape, dy: Tensor, example: number, row: Float64Array): void => {
    for (let k = 0; k < size; k++) row[k]! += dy.data[example * size + k]!;
  };
  const repeated = ({ data }: Tensor, n: number): Tensor => {
    const out = floatsLike(data, n * size);
    for (let i = 0; i < n; i++) out.set(data, i * size);
    return { shape: [n, ...shape], data: out };
  };
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    definition: { kind: "constant", shape, ...(!trained && { trained }) },
    outputShape: () => shape,
    weightShapes: () => (trained ? { weight: shape } : {}),
    init: (_key, _input, precision) => (trained ? zeros(precision) : {}),
    ...(!trained && { initBuffers: (_input, precision) => zeros(precision) }),
    forward: ({ weight }, x) => ({ y: repeated(weight!, x.shape[0]!), tape: x.shape }),
    vjp: (_weights, input, dy) => ({
      dx: () => ({ shape: input, data: floatsLike(dy.data, sizeOf(input)) }),
      dweights() {
        if (!trained) return {};
        const data = floatsLike(dy.data, size);
        data.set(summedGradient(input, dy, size, addGradient));
        return { weight: { shape, data } };
      },
    }),
    jvp: ({ weight }, input, _dx, dweights) =>
      repeated(dweights?.weight ?? { shape, data: floatsLike(weight!.data, size) }, input[0]!),
    ...(trained && gradientTangent<Shape>(() => size, addGradient)),
  };
  return layer as Layer;
}
