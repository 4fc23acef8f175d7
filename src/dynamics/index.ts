export type { Descent } from "./descent.ts";
export * from "./kernel-statistics.ts";
export * from "./learned-modes.ts";
export * from "./learning-rate-transfer.ts";
export * from "./log-slope.ts";
export * from "./training-dynamics.ts";
export * from "./width-study.ts";
