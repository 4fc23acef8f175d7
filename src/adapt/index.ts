export type { LatentProcess } from "../processes/latent/index.ts";
export {
  type Adaptation,
  type AdaptOptions,
  adapt,
  type ConditionOptions,
  conditionTangent,
  type NoisyData,
} from "./adapt.ts";
export type { Approximation } from "./approximation.ts";
export type { BaseOptions, Space } from "./base.ts";
export * from "./class-scores.ts";
export {
  type AdaptedClassifier,
  adaptClassifier,
  type ClassifierMethod,
  type ClassifierOptions,
  conditionClassifier,
  networkProbabilities,
  type PoolPart,
  type PredictiveOptions,
} from "./classify.ts";
export { type Contender, type ContenderName, compare } from "./compare.ts";
export * from "./compare-classifiers.ts";
export { conditionWays, type KnownWay } from "./condition-ways.ts";
export type { FineTuned } from "./fine-tuned.ts";
export type { MeanChoice } from "./known-mean.ts";
export { conditionLabels } from "./label-regression.ts";
export type { LabelledExamples } from "./labelled-examples.ts";
export { meanFn } from "./mean-fn.ts";
export { leading } from "./pool.ts";
export { type Prepared, prepare } from "./prepare.ts";
export * from "./scores.ts";
export { conditionInWeightSpace, type WeightPosterior } from "./weight-space.ts";
