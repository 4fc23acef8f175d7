export { type Batch, type BoundOptions, type DeepBound, deepBound, type LayerSlopes } from "./bound.ts";
export type { Link } from "./chain.ts";
export type { DeepCheckpoint, FinishedStart, ModelNumbers } from "./checkpoint.ts";
export { compose, type DeepProcess } from "./compose.ts";
export type { DeepModel } from "./deep-model.ts";
export { DeepMarginal, type DeepPosterior, deepPosterior } from "./deep-posterior.ts";
export type { DeepReport, LayerReport, StartRecord } from "./deep-report.ts";
export { type BoundEstimate, type EstimateOptions, estimateBound } from "./estimate.ts";
export { type DeepData, type DeepFit, type FitDeepOptions, fitDeep } from "./fit-deep.ts";
export { type ImportanceOptions, importanceBound } from "./importance-bound.ts";
export { jacobianSpectrum } from "./jacobian-spectrum.ts";
export {
  type DeepLayer,
  type FnLayer,
  type GpLayer,
  type GpLayerOptions,
  type GpLayerPlan,
  gpLayer,
  type LayerMean,
  type LayerPart,
} from "./layer.ts";
export { layerRelevances } from "./layer-relevances.ts";
export type { FittedLayer, SparseLayer } from "./sparse-layer.ts";
export { deepStack, type StackOptions } from "./stack.ts";
export { type StartOptions, startDeep } from "./start.ts";
