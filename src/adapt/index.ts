export {
  type Adaptation,
  type AdaptOptions,
  adapt,
  type ConditionOptions,
  conditionTangent,
  type MeanChoice,
} from "./adapt.ts";
export type { Approximation } from "./approximation.ts";
export type { BaseOptions, Space } from "./base.ts";
export {
  type AdaptedClassifier,
  adaptClassifier,
  type ClassifierOptions,
  conditionClassifier,
  type LabelledExamples,
  networkProbabilities,
  type PredictiveOptions,
} from "./classify.ts";
export * from "./compare.ts";
export type { LatentProcess } from "./function-posterior.ts";
export * from "./scores.ts";
export { conditionInWeightSpace, type WeightPosterior } from "./weight-space.ts";
