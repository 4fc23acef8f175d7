export { checkEngine } from "./check-engine.ts";
export { checkKernel } from "./check-kernel.ts";
