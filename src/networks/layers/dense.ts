import { engine } from "../../engine/index.ts";
import { ShapeError, UsageError } from "../../errors/index.ts";
import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import { split, uniform } from "../../random/index.ts";
import type { Layer, Shape, TangentSide, Weights } from "../layer.ts";
import {
  addLinearTangentDiagonal,
  addLinearTangentGram,
  type LinearSide,
  writeLinearJacobian,
} from "./linear-tangent.ts";

/** A dense layer's tape: its input, [n, inputs]. */
type Tape = Tensor;

/**
 * y = x Wᵀ + b: weight [units, inputs] as PyTorch keeps it, bias [units], both drawn uniformly between ±1/√inputs
 * as PyTorch does. Takes a flat input.
 */
export function dense(units: number): Layer<Tape> {
  if (!Number.isInteger(units) || units < 1) {
    throw new UsageError(`dense(units): units is a whole number of at least 1, got ${units}`);
  }
  return {
    definition: { kind: "dense", units },
    outputShape(input: Shape): Shape {
      if (input.length !== 1) {
        throw new ShapeError(`dense takes flat inputs, got shape ${input.join(" × ")}`);
      }
      return [units];
    },
    weightShapes: (input) => ({ weight: [units, input[0]!], bias: [units] }),
    init(key, input, precision): Weights {
      const inputs = input[0]!;
      const bound = 1 / Math.sqrt(inputs);
      const draw = (name: string, shape: Shape): Tensor => {
        const data = floats(precision, sizeOf(shape));
        uniform(split(key, name), data.length).forEach((u, i) => {
          data[i] = bound * (2 * u - 1);
        });
        return { shape, data };
      };
      return { weight: draw("weight", [units, inputs]), bias: draw("bias", [units]) };
    },
    forward(weights, x) {
      return { y: affine(x, weights.weight!, weights.bias!), tape: x };
    },
    vjp(weights, x, dy) {
      const [n, inputs] = sizes(x);
      return {
        dx() {
          const data = floatsLike(x.data, n * inputs);
          engine().gemm(n, inputs, units, 1, flat(dy, units), flat(weights.weight!, inputs), 0, {
            data,
            offset: 0,
            stride: inputs,
          });
          return { shape: [n, inputs], data };
        },
        dweights() {
          const weight = floatsLike(x.data, units * inputs);
          engine().gemm(units, inputs, n, 1, { ...flat(dy, units), transposed: true }, flat(x, inputs), 0, {
            data: weight,
            offset: 0,
            stride: inputs,
          });
          return {
            weight: { shape: [units, inputs], data: weight },
            bias: { shape: [units], data: columnSums(dy, units) },
          };
        },
      };
    },
    jvp(weights, x, dx, dweights) {
      const [n] = sizes(x);
      const fromInput = dx && affine(dx, weights.weight!, undefined);
      const fromWeights = dweights && affine(x, dweights.weight!, dweights.bias!);
      if (fromInput && fromWeights) {
        const data = fromInput.data;
        for (let i = 0; i < data.length; i++) data[i]! += fromWeights.data[i]!;
        return fromInput;
      }
      return fromInput ?? fromWeights ?? { shape: [n, units], data: floatsLike(x.data, n * units) };
    },
    addTangentGram(a, b, scale, out) {
      const left = linearSide(a);
      addLinearTangentGram(left, a === b ? left : linearSide(b), scale, out);
    },
    addTangentDiagonal: (side, scale, out) => addLinearTangentDiagonal(linearSide(side), scale, out),
    writeJacobian: (side, out, column) => writeLinearJacobian(linearSide(side), out, column),
  };
}

/** Every axis between the examples and the features counts as positions. */
function linearSide({ tape, cotangents }: TangentSide<Tape>): LinearSide {
  const positioned = ({ shape, data }: Tensor): Tensor => {
    const last = shape.at(-1)!;
    return { shape: [shape[0]!, data.length / (shape[0]! * last), last], data };
  };
  return { inputs: positioned(tape), cotangents: cotangents.map(positioned), bias: true };
}

function sizes(x: Tensor): [examples: number, inputs: number] {
  return [x.shape[0]!, x.shape[1]!];
}

function flat(t: Tensor, stride: number) {
  return { data: t.data, offset: 0, stride, transposed: false };
}

/** x Wᵀ + b. */
function affine(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [n, inputs] = sizes(x);
  const units = weight.shape[0]!;
  const data = floatsLike(x.data, n * units);
  if (bias) for (let i = 0; i < n; i++) data.set(bias.data, i * units);
  engine().gemm(
    n,
    units,
    inputs,
    1,
    flat(x, inputs),
    { ...flat(weight, inputs), transposed: true },
    bias ? 1 : 0,
    { data, offset: 0, stride: units },
  );
  return { shape: [n, units], data };
}

function columnSums(t: Tensor, cols: number) {
  const sums = new Float64Array(cols);
  for (let k = 0; k < t.data.length; ) {
    for (let j = 0; j < cols; j++, k++) sums[j]! += t.data[k]!;
  }
  const out = floatsLike(t.data, cols);
  out.set(sums);
  return out;
}
