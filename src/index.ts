export * from "./errors/index.ts";
export * from "./kernels/index.ts";
export * from "./linalg/index.ts";
export * from "./networks/index.ts";
export * from "./processes/index.ts";
export * from "./random/index.ts";
export * from "./tasks/index.ts";
