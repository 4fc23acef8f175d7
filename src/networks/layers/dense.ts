import { engine } from "../../engine/index.ts";
import { ShapeError, UsageError } from "../../errors/index.ts";
import { floatsLike, joinTensors, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, TangentSide, Weights } from "../layer.ts";
import { allLinearGradients, type LinearSide } from "./linear-gradients.ts";
import { addLinearTangentDiagonal, addLinearTangentGram, writeLinearJacobian } from "./linear-tangent.ts";
import { type LinearParametrisation, parametrised } from "./parametrisation.ts";
import { drawFan } from "./uniform-fan.ts";

/** A dense layer's tape: its input, [n, …, features]. */
type Tape = Tensor;

export type DenseOptions = LinearParametrisation & {
  /** Whether there is a bias; there is unless said otherwise. */
  readonly bias?: boolean;
};

/**
 * y = x Wᵀ + b over the last axis of [features] or [positions …, features]: weight [units, features] as PyTorch keeps
 * it, bias [units], both drawn uniformly between ±1/√features as PyTorch does.
 */
export function dense(units: number, { bias = true, ...parametrisation }: DenseOptions = {}): Layer {
  if (!Number.isInteger(units) || units < 1) {
    throw new UsageError(`dense(units): units is a whole number of at least 1, got ${units}`);
  }
  const linearSide = ({ tape, cotangents }: TangentSide<Tape>): LinearSide => ({
    inputs: positioned(tape),
    cotangents: cotangents.map(positioned),
    order: "positions first",
    bias,
  });
  const layer: Layer<Tape> = {
    definition: { kind: "dense", units, ...(!bias && { bias }) },
    outputShape(input: Shape): Shape {
      if (input.length === 0)
        throw new ShapeError("dense takes features on the last axis, got a single number");
      return [...input.slice(0, -1), units];
    },
    weightShapes: (input) => ({ weight: [units, input.at(-1)!], ...(bias && { bias: [units] }) }),
    init(key, input, precision): Weights {
      return drawFan(key, layer.weightShapes(input), input.at(-1)!, precision);
    },
    forward: (weights, x) => ({ y: affine(x, weights.weight!, weights.bias), tape: x }),
    vjp(weights, x, dy) {
      const features = x.shape.at(-1)!;
      const rows = x.data.length / features;
      return {
        dx() {
          const data = floatsLike(x.data, x.data.length);
          const to = { data, offset: 0, stride: features };
          engine().gemm(rows, features, units, 1, flat(dy, units), flat(weights.weight!, features), 0, to);
          return { shape: x.shape, data };
        },
        dweights() {
          const data = floatsLike(x.data, units * features);
          const to = { data, offset: 0, stride: features };
          const d = { ...flat(dy, units), transposed: true };
          engine().gemm(units, features, rows, 1, d, flat(x, features), 0, to);
          return {
            weight: { shape: [units, features], data },
            ...(bias && { bias: { shape: [units], data: columnSums(dy, units) } }),
          };
        },
      };
    },
    jvp(weights, x, dx, dweights) {
      const fromInput = dx && affine(dx, weights.weight!, undefined);
      const fromWeights = dweights && affine(x, dweights.weight!, dweights.bias);
      if (fromInput && fromWeights) {
        const data = fromInput.data;
        for (let i = 0; i < data.length; i++) data[i]! += fromWeights.data[i]!;
        return fromInput;
      }
      const still = () => ({
        shape: outputOf(x, units),
        data: floatsLike(x.data, sizeOf(outputOf(x, units))),
      });
      return fromInput ?? fromWeights ?? still();
    },
    addTangentGram(a, b, scale, out) {
      const left = linearSide(a);
      addLinearTangentGram(left, a === b ? left : linearSide(b), scale, out);
    },
    addTangentDiagonal: (side, scale, out) => addLinearTangentDiagonal(linearSide(side), scale, out),
    joinTapes: joinTensors,
    linearSide,
    unorderedGradients: (side) => allLinearGradients(linearSide(side)),
    writeJacobian: (side, out, column) => writeLinearJacobian(linearSide(side), out, column),
  };
  return parametrised(layer, parametrisation as LinearParametrisation, {
    fans: (weight) => [weight[1]!, weight[0]!],
    unitAxis: -1,
  });
}

/** Every axis between the examples and the features counts as positions. */
function positioned({ shape, data }: Tensor): Tensor {
  const last = shape.at(-1)!;
  return { shape: [shape[0]!, data.length / (shape[0]! * last), last], data };
}

function flat(t: Tensor, stride: number) {
  return { data: t.data, offset: 0, stride, transposed: false };
}

function outputOf(x: Tensor, units: number): Shape {
  return [...x.shape.slice(0, -1), units];
}

/** x Wᵀ + b. */
function affine(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [units, features] = weight.shape as [number, number];
  const rows = x.data.length / features;
  const data = floatsLike(x.data, rows * units);
  if (bias) for (let i = 0; i < rows; i++) data.set(bias.data, i * units);
  const w = { ...flat(weight, features), transposed: true };
  const to = { data, offset: 0, stride: units };
  engine().gemm(rows, units, features, 1, flat(x, features), w, bias ? 1 : 0, to);
  return { shape: outputOf(x, units), data };
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
