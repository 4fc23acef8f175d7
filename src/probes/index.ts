export * from "./ablate.ts";
export * from "./distance.ts";
export type { Estimate } from "./estimate.ts";
export * from "./inner-product.ts";
export * from "./input-gradient.ts";
export * from "./measure.ts";
export * from "./process-distance.ts";
