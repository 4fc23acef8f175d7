export * from "./acquisition/index.ts";
export * from "./decompose.ts";
export * from "./derivatives.ts";
export * from "./diagnose/index.ts";
export * from "./evidence.ts";
export { type ExactPosterior, expectObservations } from "./exact.ts";
export * from "./fit/index.ts";
export * from "./gaussian.ts";
export type { MomentSlopes } from "./input-slopes.ts";
export { type CrossValidation, crossValidate } from "./k-fold.ts";
export type { LatentApproximation, LikelihoodModel } from "./latent/approximation.ts";
export { fitLikelihood, type LikelihoodFit, type LikelihoodFitOptions } from "./latent/fit-likelihood.ts";
export {
  conditionLatent,
  type LatentData,
  type LatentMethodName,
  type LikelihoodPosterior,
} from "./latent/likelihood-posterior.ts";
export * from "./leave-one-out.ts";
export * as likelihoods from "./likelihoods/index.ts";
export type { Expectation, LatentDerivatives, Likelihood, Predictive } from "./likelihoods/likelihood.ts";
export { logSumExp } from "./likelihoods/one-latent.ts";
export * from "./means.ts";
export * from "./mixture.ts";
export * from "./prior.ts";
export * from "./process.ts";
export type { Solution } from "./solution.ts";
export {
  type FitSparseOptions,
  fitSparse,
  type LargeFitReport,
  type SparseFit,
} from "./sparse/fit-sparse.ts";
export { greedyInducing } from "./sparse/inducing.ts";
export { conditionSparsely, type SparseOptions, type SparsePosterior } from "./sparse/sparse-posterior.ts";
