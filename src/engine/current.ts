import type { Engine } from "./engine.ts";
import { reference } from "./reference.ts";

let current: Engine = reference;

/** The engine in use. The one global of the library: it changes speed, never meaning. */
export function engine(): Engine {
  return current;
}

/** Makes `next` the engine of this realm and returns the one that was in use. */
export function useEngine(next: Engine): Engine {
  const before = current;
  current = next;
  return before;
}
