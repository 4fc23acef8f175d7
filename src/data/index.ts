export * from "./gp-model.ts";
export * from "./model.ts";
export * from "./model-file.ts";
export * from "./prediction.ts";
export * from "./robot-arm.ts";
export type { Standardiser } from "./standardise.ts";
export * as standardise from "./standardise.ts";
export * from "./table.ts";
export * from "./table-model.ts";
