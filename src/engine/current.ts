import type { Engine } from "./engine.ts";
import { reference } from "./reference.ts";
import { environment, hasSimd } from "./wasm/host.ts";
import { wasm } from "./wasm/wasm.ts";

let current: Engine | undefined;

/** The engine in use. The one global of the library: it changes speed, never meaning. */
export function engine(): Engine {
  current ??= environment("FUNSPACE_ENGINE") === "reference" || !hasSimd() ? reference : wasm;
  return current;
}

/** Makes `next` the engine of this realm and returns the one that was in use. */
export function useEngine(next: Engine): Engine {
  const before = engine();
  current = next;
  return before;
}
