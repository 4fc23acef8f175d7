export * from "./model.ts";
export * from "./model-file.ts";
export * from "./robot-arm.ts";
export type { Standardiser } from "./standardise.ts";
export * as standardise from "./standardise.ts";
export * from "./table.ts";
