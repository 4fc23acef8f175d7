import { FormatError } from "../../errors/index.ts";
import type { Layer, LayerDefinition } from "../layer.ts";
import {
  abs,
  clip,
  cos,
  elu,
  erf,
  exp,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  sin,
  softplus,
  tanh,
} from "./activations.ts";
import { batchNorm } from "./batch-norm.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { fanInSum } from "./fan-in-sum.ts";
import { groupNorm } from "./group-norm.ts";
import { layerNorm } from "./layer-norm.ts";
import { prelu } from "./prelu.ts";
import { logSoftmax, softmax } from "./softmax.ts";

/** The activations by name, as the command line offers them. */
export const activations: Readonly<Record<string, () => Layer>> = {
  tanh,
  relu,
  leakyRelu: () => leakyRelu(),
  gelu,
  silu,
  sigmoid,
  softplus,
  erf,
  sin,
  cos,
  exp,
  abs,
  elu: () => elu(),
  selu,
  hardTanh,
  hardSigmoid: () => hardSigmoid(),
  hardSwish,
  geluTanh,
  prelu: () => prelu(),
};

/** How each kind of layer is made from its definition: the one place a new kind is registered. */
const makers: Readonly<Record<string, (definition: LayerDefinition) => Layer>> = {
  ...activations,
  dense: ({ units }) => dense(Number(units)) as Layer,
  leakyRelu: ({ slope }) => leakyRelu(Number(slope)),
  elu: ({ alpha }) => elu(Number(alpha)),
  hardSigmoid: ({ slope, offset }) => hardSigmoid(Number(slope), Number(offset)),
  clip: ({ lower, upper }) =>
    clip({
      ...(lower !== undefined && { lower: Number(lower) }),
      ...(upper !== undefined && { upper: Number(upper) }),
    }),
  prelu: ({ perChannel }) => prelu({ perChannel: Boolean(perChannel) }),
  batchNorm: ({ epsilon, momentum }) => batchNorm({ epsilon: Number(epsilon), momentum: Number(momentum) }),
  layerNorm: ({ axes, epsilon }) => layerNorm({ axes: Number(axes), epsilon: Number(epsilon) }),
  groupNorm: ({ groups, epsilon }) => groupNorm(Number(groups), { epsilon: Number(epsilon) }),
  embedding: ({ count, features }) => embedding(Number(count), Number(features)),
  dropout: ({ rate }) => dropout(Number(rate)),
  softmax: ({ axis }) => softmax(Number(axis)),
  logSoftmax: ({ axis }) => logSoftmax(Number(axis)),
  fanInSum,
};

/** The layer that a definition describes. Throws FormatError for a kind this version does not know. */
export function layerFrom(definition: LayerDefinition): Layer {
  const make = Object.hasOwn(makers, definition.kind) ? makers[definition.kind] : undefined;
  if (!make) {
    const known = Object.keys(makers).join(", ");
    throw new FormatError(`layer kind "${definition.kind}" is not one of ${known}`);
  }
  return make(definition);
}
