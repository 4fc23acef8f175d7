export * from "./adapt.ts";
export * from "./scores.ts";
export { conditionInWeightSpace, type WeightPosterior } from "./weight-space.ts";
