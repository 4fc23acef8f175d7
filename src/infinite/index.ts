export type { AttentionForm } from "./attention-limit.ts";
export * from "./gradient-flow.ts";
export * from "./infinite.ts";
export { type Architecture, wideNetwork } from "./wide-network.ts";
