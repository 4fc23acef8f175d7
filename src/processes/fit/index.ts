export { type BayesianFit, type BayesianOptions, fitBayesian, type SamplingReport } from "./bayesian.ts";
export type { FitData } from "./data.ts";
export { type Fit, type FitOptions, fit } from "./fit.ts";
export type { ObjectiveName } from "./objectives.ts";
export type { FitReport, StartReport } from "./report.ts";
export { type NoiseOptions, targetVariance } from "./starts.ts";
export { fitSummary, type SummaryNames } from "./summary.ts";
