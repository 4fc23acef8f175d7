export type { TangentOutputs } from "./contraction.ts";
export * from "./fisher.ts";
export { jacobian, jacobianOperator, tangentFn } from "./jacobian.ts";
export * from "./learnable.ts";
export * from "./selection.ts";
export * from "./sites.ts";
export * from "./sketch.ts";
export * from "./tangent-kernel.ts";
export * from "./tangent-operator.ts";
