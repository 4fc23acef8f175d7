export {
  fitStateSpace,
  type StateSpaceFit,
  type StateSpaceFitOptions,
  seriesEvidence,
} from "./fit-state-space.ts";
export { conditionByStateSpace, restoreStateSpace, type StateSpacePosterior } from "./posterior.ts";
export { hasStateSpace, type StateSpace, stateSpace } from "./state-space.ts";
