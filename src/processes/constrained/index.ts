export { boundsOf, type Constraint, isMonotone } from "./constraints.ts";
export { type ConstrainedFit, type FitConstrainedOptions, fitConstrained } from "./fit-constrained.ts";
export { type ConstrainedPosterior, conditionConstrained } from "./posterior.ts";
export type { VirtualPoints } from "./virtual-points.ts";
