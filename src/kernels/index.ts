export * from "./kernel.ts";
export * from "./parameters.ts";
export * from "./rbf.ts";
