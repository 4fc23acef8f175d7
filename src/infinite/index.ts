export type { AttentionForm } from "./attention-limit.ts";
export * from "./function-prior.ts";
export * from "./gradient-flow.ts";
export * from "./infinite.ts";
export * from "./loss-training.ts";
export * from "./match-prior.ts";
export * from "./monte-carlo.ts";
export type { TrainingTime } from "./training-time.ts";
export { type Architecture, wideNetwork } from "./wide-network.ts";
