export * from "./evidence.ts";
export { type ExactPosterior, expectObservations } from "./exact.ts";
export * from "./gaussian.ts";
export * from "./leave-one-out.ts";
export * from "./means.ts";
export * from "./prior.ts";
export * from "./process.ts";
