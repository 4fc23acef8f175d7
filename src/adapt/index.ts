export * from "./adapt.ts";
export * from "./compare.ts";
export * from "./scores.ts";
export { conditionInWeightSpace, type WeightPosterior } from "./weight-space.ts";
