import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, LayerDefinition, Shape, Weights } from "../layer.ts";
import { gradientTangent, summedGradient } from "./gradient-tangent.ts";

/** What a normalisation keeps: x̂, and the product of its Jacobian ∂x̂/∂x, which is symmetric, with a tensor. */
export interface Normalised {
  readonly values: Tensor;
  slope(d: Tensor): Tensor;
}

/**
 * What all normalisations share: y = weight · x̂ + bias, one weight and bias a channel, 1 and 0 at first. The tensor
 * is read as [outer, channels, positions]. `parameterShape` throws ShapeError for inputs that the layer cannot take.
 */
export function normalisation(
  definition: LayerDefinition,
  parameterShape: (input: Shape) => Shape,
  positionsOf: (input: Shape) => number,
  normalise: (weights: Weights, x: Tensor) => Normalised,
): Layer<Normalised> & { affine(weights: Weights, normalised: Tensor): Tensor } {
  const layoutOf = ({ shape }: Tensor) => {
    const input = shape.slice(1);
    return { channels: sizeOf(parameterShape(input)), positions: positionsOf(input), size: sizeOf(input) };
  };
  /** factor · d + shift, each of them one a channel where it is given. */
  const perChannel = (d: Tensor, factor: Tensor | undefined, shift: Tensor | undefined): Tensor => {
    const { channels, positions } = layoutOf(d);
    const data = floatsLike(d.data, d.data.length);
    for (let k = 0; k < data.length; ) {
      for (let c = 0; c < channels; c++) {
        const by = factor ? factor.data[c]! : 1;
        const plus = shift ? shift.data[c]! : 0;
        for (const end = k + positions; k < end; k++) data[k] = by * d.data[k]! + plus;
      }
    }
    return { shape: d.shape, data };
  };
  const addGradient = ({ values }: Normalised, dy: Tensor, example: number, row: Float64Array): void => {
    const { channels, positions, size } = layoutOf(values);
    for (let k = example * size; k < (example + 1) * size; ) {
      for (let c = 0; c < channels; c++) {
        let weight = 0;
        let bias = 0;
        for (const end = k + positions; k < end; k++) {
          weight += dy.data[k]! * values.data[k]!;
          bias += dy.data[k]!;
        }
        row[c]! += weight;
        row[channels + c]! += bias;
      }
    }
  };
  const affine = (weights: Weights, values: Tensor) => perChannel(values, weights.weight!, weights.bias!);
  return {
    definition,
    affine,
    outputShape(input) {
      parameterShape(input);
      return input;
    },
    weightShapes: (input) => ({ weight: parameterShape(input), bias: parameterShape(input) }),
    init(_key, input, precision) {
      const shape = parameterShape(input);
      return {
        weight: { shape, data: floats(precision, sizeOf(shape)).fill(1) },
        bias: { shape, data: floats(precision, sizeOf(shape)) },
      };
    },
    forward(weights, x) {
      const tape = normalise(weights, x);
      return { y: affine(weights, tape.values), tape };
    },
    vjp: (weights, tape, dy) => ({
      dx: () => tape.slope(perChannel(dy, weights.weight!, undefined)),
      dweights() {
        const { shape } = weights.weight!;
        const { channels } = layoutOf(dy);
        const both = summedGradient(tape, dy, 2 * channels, addGradient);
        const part = (from: number): Tensor => {
          const data = floatsLike(dy.data, channels);
          data.set(both.subarray(from, from + channels));
          return { shape, data };
        };
        return { weight: part(0), bias: part(channels) };
      },
    }),
    jvp(weights, tape, dx, dweights) {
      const fromWeights = dweights && perChannel(tape.values, dweights.weight!, dweights.bias!);
      if (!dx) return fromWeights ?? zerosLike(tape.values);
      const moved = perChannel(tape.slope(dx), weights.weight!, undefined);
      if (fromWeights) for (let k = 0; k < moved.data.length; k++) moved.data[k]! += fromWeights.data[k]!;
      return moved;
    },
    ...gradientTangent(({ values }: Normalised) => 2 * layoutOf(values).channels, addGradient),
  };
}

function zerosLike({ shape, data }: Tensor): Tensor {
  return { shape, data: floatsLike(data, data.length) };
}
