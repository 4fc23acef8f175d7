export * from "./current.ts";
export * from "./engine.ts";
export {
  type Convolution,
  type ImageRoutines,
  type Picks,
  positionsOf,
  tapsOf,
  type Windows,
} from "./images.ts";
export { reference } from "./reference.ts";
export { wasm } from "./wasm/wasm.ts";
export type { SparseMap, WideChain, WidePoints, WideRoutines, WideStep } from "./wide.ts";
