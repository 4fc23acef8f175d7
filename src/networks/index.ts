export * from "../linalg/optimizers.ts";
export { glorotWeights } from "./glorot.ts";
export * from "./layer.ts";
export { layerValues } from "./layer-values.ts";
export * from "./layers/activations.ts";
export { type AffineOptions, affineLayer } from "./layers/affine.ts";
export { type AveragePool2dOptions, averagePool2d } from "./layers/average-pool-2d.ts";
export { type BatchNormOptions, batchNorm } from "./layers/batch-norm.ts";
export { constantLayer } from "./layers/constant.ts";
export { type Conv2dOptions, conv2d } from "./layers/conv-2d.ts";
export { type DenseOptions, dense } from "./layers/dense.ts";
export { dropout } from "./layers/dropout.ts";
export { embedding } from "./layers/embedding.ts";
export { fanInConcatenate } from "./layers/fan-in-concatenate.ts";
export { fanInMatmul } from "./layers/fan-in-matmul.ts";
export { fanInProduct } from "./layers/fan-in-product.ts";
export { fanInSum, residual } from "./layers/fan-in-sum.ts";
export * from "./layers/from-definition.ts";
export { globalAveragePool, globalMaxPool } from "./layers/global-pool.ts";
export { addGramOfGradients, addOwnProducts, gradientTangent } from "./layers/gradient-tangent.ts";
export { groupNorm } from "./layers/group-norm.ts";
export { type LayerNormOptions, layerNorm } from "./layers/layer-norm.ts";
export { type LinearSide, linearSizes, positionsFirst } from "./layers/linear-gradients.ts";
export { type MaxPool2dOptions, maxPool2d } from "./layers/max-pool-2d.ts";
export { meanLayer } from "./layers/mean.ts";
export { multiHeadAttention } from "./layers/multi-head-attention.ts";
export {
  inRole,
  type LinearParametrisation,
  type MeanFieldParametrisation,
  type MupParametrisation,
  type NtkParametrisation,
  type Parametrisation,
  type StandardParametrisation,
} from "./layers/parametrisation.ts";
export { logLayer, powerLayer } from "./layers/power.ts";
export { prelu } from "./layers/prelu.ts";
export {
  padLayer,
  repeatLayer,
  selectLayer,
  sliceLayer,
  transposeLayer,
} from "./layers/rearrange.ts";
export { flattenLayer, reshapeLayer } from "./layers/reshape.ts";
export { logSoftmax, softmax } from "./layers/softmax.ts";
export type { Pair, WindowOptions } from "./layers/windows.ts";
export * from "./network.ts";
export * from "./network-file.ts";
export * from "./passes.ts";
export { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
export * from "./state-dict.ts";
export * from "./training/losses.ts";
export * from "./training/schedules.ts";
export * from "./training/train.ts";
export * from "./weights.ts";
export * from "./wiring.ts";
