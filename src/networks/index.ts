export * from "./layer.ts";
export * from "./layers/activations.ts";
export { dense } from "./layers/dense.ts";
export * from "./layers/from-definition.ts";
export * from "./network.ts";
export * from "./training/losses.ts";
export * from "./training/optimizers.ts";
export * from "./training/schedules.ts";
export * from "./training/train.ts";
