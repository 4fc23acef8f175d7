export {
  fitStateSpace,
  type StateSpaceFit,
  type StateSpaceFitOptions,
  seriesEvidence,
} from "./fit-state-space.ts";
export { conditionByStateSpace, type StateSpacePosterior } from "./posterior.ts";
export { type StateSpace, stateSpace } from "./state-space.ts";
