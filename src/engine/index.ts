export * from "./current.ts";
export * from "./engine.ts";
export { reference } from "./reference.ts";
export { wasm } from "./wasm/wasm.ts";
