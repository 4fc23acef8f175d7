export * from "./acquisition/index.ts";
export { type IntegralMeasure, integrate } from "./bayesian-quadrature.ts";
export * from "./constrained/index.ts";
export * from "./decompose.ts";
export * from "./derivatives.ts";
export * from "./diagnose/index.ts";
export * from "./evidence.ts";
export { type ExactPosterior, expectObservations } from "./exact.ts";
export type { LargeFitReport, StartRowsOptions } from "./fit/begin-with-rows.ts";
export * from "./fit/index.ts";
export * from "./gaussian.ts";
export { conditionOnGrid, type GridData, type GridPosterior } from "./grid.ts";
export type { MomentSlopes } from "./input-slopes.ts";
export type { StochasticEvidence } from "./iterative/evidence.ts";
export { type FitIterativelyOptions, fitIteratively, type IterativeFit } from "./iterative/fit-iterative.ts";
export {
  conditionIteratively,
  type IterativePosterior,
  type IterativePosteriorOptions,
  restoreIterative,
} from "./iterative/posterior.ts";
export type { IterativeOptions, IterativeReport } from "./iterative/system.ts";
export type { VarianceMethod, VarianceOptions } from "./iterative/variances.ts";
export { type CrossValidation, crossValidate } from "./k-fold.ts";
export type { AmplitudePrior } from "./latent/amplitude-prior.ts";
export type { LatentApproximation, LikelihoodModel } from "./latent/approximation.ts";
export { fitLikelihood, type LikelihoodFit, type LikelihoodFitOptions } from "./latent/fit-likelihood.ts";
export {
  conditionLatent,
  type LatentData,
  type LatentMethodName,
  type LikelihoodPosterior,
} from "./latent/likelihood-posterior.ts";
export { fitPreferences, type PreferenceFit, type Preferences } from "./latent/preferences.ts";
export * from "./leave-one-out.ts";
export * as likelihoods from "./likelihoods/index.ts";
export type { Expectation, LatentDerivatives, Likelihood, Predictive } from "./likelihoods/likelihood.ts";
export { logSumExp } from "./likelihoods/one-latent.ts";
export * from "./means.ts";
export {
  chooseMethod,
  conditionBy,
  type DataSize,
  type FitByOptions,
  fitBy,
  type MethodChoice,
  type MethodFit,
  type MethodName,
  type MethodOptions,
  type MethodPosterior,
  methodNames,
} from "./methods.ts";
export * from "./mixture.ts";
export { conditionWithNoise, type NoisyObservations } from "./point-noise.ts";
export * from "./prior.ts";
export * from "./process.ts";
export { allOutputs, linearCoregionalisation, longForm } from "./several-outputs.ts";
export type { Solution } from "./solution.ts";
export { type FitSparseOptions, fitSparse, type SparseFit } from "./sparse/fit-sparse.ts";
export { type FitVariationalOptions, fitVariational, type VariationalFit } from "./sparse/fit-variational.ts";
export { greedyInducing } from "./sparse/inducing.ts";
export {
  conditionSparsely,
  restoreSparse,
  type SparseOptions,
  type SparsePosterior,
} from "./sparse/sparse-posterior.ts";
export { restoreVariational, type VariationalPosterior } from "./sparse/variational-posterior.ts";
export {
  conditionByStateSpace,
  fitStateSpace,
  hasStateSpace,
  restoreStateSpace,
  type StateSpaceFit,
  type StateSpaceFitOptions,
  type StateSpacePosterior,
} from "./state-space/index.ts";
