export { type Fit, type FitData, type FitOptions, fit } from "./fit.ts";
export type { ObjectiveName } from "./objectives.ts";
export type { FitReport, StartReport } from "./report.ts";
export type { NoiseOptions } from "./starts.ts";
