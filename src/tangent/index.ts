export * from "./jacobian.ts";
export * from "./sites.ts";
export * from "./tangent-kernel.ts";
