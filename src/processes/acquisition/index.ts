export type { Box } from "./box.ts";
export { expectedImprovement, logExpectedImprovement, type Score } from "./expected-improvement.ts";
export * from "./search.ts";
export * from "./suggest.ts";
