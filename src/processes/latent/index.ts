export * from "./approximation.ts";
export * from "./block-root.ts";
export * from "./fit-likelihood.ts";
export * from "./function-mode.ts";
export * from "./function-posterior.ts";
export { laplace } from "./laplace.ts";
export * from "./likelihood-posterior.ts";
export * from "./seen.ts";
export { variational } from "./variational.ts";
