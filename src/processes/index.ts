export * from "./evidence.ts";
export * from "./exact.ts";
export * from "./gaussian.ts";
export * from "./prior.ts";
export * from "./process.ts";
