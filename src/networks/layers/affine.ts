import { ShapeError } from "../../errors/index.ts";
import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, Weights } from "../layer.ts";
import { gradientTangent, summedGradient } from "./gradient-tangent.ts";

export interface AffineOptions {
  /** Shape of the factor; no factor unless given. [] is one number for all. */
  readonly weight?: Shape;
  /** Shape of what is added; nothing unless given. */
  readonly bias?: Shape;
  /** Whether the two are parameters; they are unless said otherwise, else buffers. */
  readonly trained?: boolean;
}

/** weight ∘ x + bias, number by number; shapes are aligned with the example's last axes, sizes of 1 are repeated. */
export function affineLayer({ weight, bias, trained = true }: AffineOptions): Layer {
  const shapes: Readonly<Record<string, Shape>> = { ...(weight && { weight }), ...(bias && { bias }) };
  const fitting = (input: Shape) => {
    for (const [name, shape] of Object.entries(shapes)) expectFit(name, shape, input);
    return shapes;
  };
  const first = (precision: "f32" | "f64"): Weights =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        { shape, data: floats(precision, sizeOf(shape)).fill(name === "weight" ? 1 : 0) },
      ]),
    );
  /** factor ∘ d + shift, each where it is given. */
  const apply = (d: Tensor, factor: Tensor | undefined, shift: Tensor | undefined): Tensor => {
    const data = d.data.slice();
    const size = sizeOf(d.shape.slice(1));
    if (factor) eachPlace(factor.shape, d.shape, (k, at) => (data[k]! *= factor.data[at]!), size);
    if (shift) eachPlace(shift.shape, d.shape, (k, at) => (data[k]! += shift.data[at]!), size);
    return { shape: d.shape, data };
  };
  const weights = weight ? sizeOf(weight) : 0;
  const biases = bias ? sizeOf(bias) : 0;
  const width = weights + biases;
  const addGradient = (x: Tensor, dy: Tensor, example: number, row: Float64Array): void => {
    const one = [1, ...x.shape.slice(1)];
    const size = sizeOf(one);
    const from = example * size;
    if (weight) {
      eachPlace(weight, one, (k, at) => (row[at]! += dy.data[from + k]! * x.data[from + k]!), size);
    }
    if (bias) eachPlace(bias, one, (k, at) => (row[weights + at]! += dy.data[from + k]!), size);
  };
  const layer: Layer<Tensor> = {
    definition: {
      kind: "affine",
      ...(weight && { weight }),
      ...(bias && { bias }),
      ...(!trained && { trained }),
    },
    outputShape(input) {
      fitting(input);
      return input;
    },
    weightShapes: (input) => (trained ? fitting(input) : {}),
    init: (_key, input, precision) => (trained && fitting(input) ? first(precision) : {}),
    ...(!trained && { initBuffers: (_input, precision) => first(precision) }),
    forward: (tensors, x) => ({ y: apply(x, tensors.weight, tensors.bias), tape: x }),
    vjp: (tensors, x, dy) => ({
      dx: () => apply(dy, tensors.weight, undefined),
      dweights() {
        if (!trained) return {};
        const sums = summedGradient(x, dy, width, addGradient);
        const part = (shape: Shape, from: number): Tensor => {
          const data = floatsLike(dy.data, sizeOf(shape));
          data.set(sums.subarray(from, from + data.length));
          return { shape, data };
        };
        return { ...(weight && { weight: part(weight, 0) }), ...(bias && { bias: part(bias, weights) }) };
      },
    }),
    jvp(tensors, x, dx, dweights) {
      const still = (): Tensor => ({ shape: x.shape, data: floatsLike(x.data, x.data.length) });
      const moved = dx ? apply(dx, tensors.weight, undefined) : still();
      if (!dweights) return moved;
      const fromWeights = apply(dweights.weight ? x : still(), dweights.weight, dweights.bias);
      for (let k = 0; k < moved.data.length; k++) moved.data[k]! += fromWeights.data[k]!;
      return moved;
    },
    ...(trained && gradientTangent(() => width, addGradient)),
  };
  return layer as Layer;
}

function expectFit(name: string, shape: Shape, input: Shape): void {
  const first = input.length - shape.length;
  if (first < 0 || shape.some((size, axis) => size !== 1 && size !== input[first + axis])) {
    throw new ShapeError(
      `affine: a ${name} of shape ${shape.join(" × ")} does not repeat to ${input.join(" × ")}`,
    );
  }
}

/** Visits the numbers of [n, …input] with the place of the repeated tensor's number that belongs to each. */
function eachPlace(shape: Shape, full: Shape, visit: (k: number, place: number) => void, size: number): void {
  const input = full.slice(1);
  const first = input.length - shape.length;
  let places = new Int32Array(1);
  input.forEach((count, axis) => {
    const stride = axis < first || shape[axis - first] === 1 ? 0 : sizeOf(shape.slice(axis - first + 1));
    const next = new Int32Array(places.length * count);
    let k = 0;
    for (const place of places) for (let i = 0; i < count; i++) next[k++] = place + i * stride;
    places = next;
  });
  for (let i = 0, k = 0; i < full[0]!; i++) for (let j = 0; j < size; j++) visit(k++, places[j]!);
}
