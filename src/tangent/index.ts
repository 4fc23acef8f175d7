export type { TangentOutputs } from "./contraction.ts";
export * from "./jacobian.ts";
export * from "./learnable.ts";
export * from "./selection.ts";
export * from "./sites.ts";
export * from "./tangent-kernel.ts";
