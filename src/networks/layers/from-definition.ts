import { FormatError } from "../../errors/index.ts";
import type { Layer, LayerDefinition, Shape } from "../layer.ts";
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
import { affineLayer } from "./affine.ts";
import { averagePool2d } from "./average-pool-2d.ts";
import { batchNorm } from "./batch-norm.ts";
import { constantLayer } from "./constant.ts";
import { conv2d } from "./conv-2d.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { fanInConcatenate } from "./fan-in-concatenate.ts";
import { fanInMatmul } from "./fan-in-matmul.ts";
import { fanInProduct } from "./fan-in-product.ts";
import { fanInSum } from "./fan-in-sum.ts";
import { globalAveragePool, globalMaxPool } from "./global-pool.ts";
import { groupNorm } from "./group-norm.ts";
import { layerNorm } from "./layer-norm.ts";
import { maxPool2d } from "./max-pool-2d.ts";
import { meanLayer } from "./mean.ts";
import { multiHeadAttention } from "./multi-head-attention.ts";
import { parametrisationOf } from "./parametrisation.ts";
import { logLayer, powerLayer } from "./power.ts";
import { prelu } from "./prelu.ts";
import { padLayer, repeatLayer, selectLayer, sliceLayer, transposeLayer } from "./rearrange.ts";
import { flattenLayer, reshapeLayer } from "./reshape.ts";
import { logSoftmax, softmax } from "./softmax.ts";

import { type Pair, windowOptionsOf } from "./windows.ts";

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
  dense: (d) => dense(Number(d.units), { ...parametrisationOf(d), bias: d.bias !== false }),
  conv2d: (d) =>
    conv2d(Number(d.filters), d.kernel as Pair, {
      ...windowOptionsOf(d),
      ...parametrisationOf(d),
      groups: Number(d.groups ?? 1),
      bias: d.bias !== false,
    }),
  maxPool2d: (d) => maxPool2d(d.kernel as Pair, { ...windowOptionsOf(d), ceil: Boolean(d.ceil) }),
  averagePool2d: (d) =>
    averagePool2d(d.kernel as Pair, {
      ...windowOptionsOf(d),
      ceil: Boolean(d.ceil),
      countPadding: d.countPadding !== false,
    }),
  globalAveragePool,
  globalMaxPool,
  flatten: flattenLayer,
  reshape: ({ shape }) => reshapeLayer(shape as Shape),
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
  embedding: (d) => embedding(Number(d.count), Number(d.features), parametrisationOf(d)),
  multiHeadAttention: (d) => multiHeadAttention(Number(d.heads), parametrisationOf(d)),
  dropout: ({ rate }) => dropout(Number(rate)),
  softmax: ({ axis }) => softmax(Number(axis)),
  logSoftmax: ({ axis }) => logSoftmax(Number(axis)),
  fanInSum,
  fanInProduct,
  fanInMatmul,
  affine: ({ weight, bias, trained }) =>
    affineLayer({
      ...(weight !== undefined && { weight: weight as Shape }),
      ...(bias !== undefined && { bias: bias as Shape }),
      trained: trained !== false,
    }),
  constant: ({ shape, trained }) => constantLayer(shape as Shape, trained !== false),
  power: ({ exponent }) => powerLayer(Number(exponent)),
  log: logLayer,
  mean: ({ axes }) => meanLayer(axes as Shape),
  transpose: ({ order }) => transposeLayer(order as Shape),
  slice: ({ axis, start, count, step }) =>
    sliceLayer(Number(axis), Number(start), Number(count), Number(step)),
  select: ({ axis, indices }) => selectLayer(Number(axis), indices as Shape),
  pad: ({ before, after, value }) => padLayer(before as Shape, after as Shape, Number(value)),
  repeat: ({ shape }) => repeatLayer(shape as Shape),
  fanInConcatenate: ({ axis }) => fanInConcatenate(Number(axis)),
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
