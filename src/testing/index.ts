export { checkEngine } from "./check-engine.ts";
export { checkKernel } from "./check-kernel.ts";
export { type CheckLayerOptions, checkLayer } from "./check-layer.ts";
