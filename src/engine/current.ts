import { FunspaceError } from "../errors/index.ts";
import type { Engine } from "./engine.ts";
import { reference } from "./reference.ts";
import { environment, hasSimd } from "./wasm/host.ts";
import { wasm } from "./wasm/wasm.ts";

let current: Engine | undefined;

/** The engine in use. The one global of the library: it changes speed, never meaning. */
export function engine(): Engine {
  current ??= first();
  return current;
}

/** What FUNSPACE_ENGINE asks for; "native" is for `useNative` to bring, as nothing here may load a library. */
function first(): Engine {
  const wanted = environment("FUNSPACE_ENGINE") ?? "wasm";
  if (!["reference", "wasm", "native"].includes(wanted)) {
    throw new FunspaceError(
      "usage",
      `FUNSPACE_ENGINE should be reference, wasm or native, got "${wanted}": set one of these, or unset it.`,
    );
  }
  return wanted === "reference" || !hasSimd() ? reference : wasm;
}

/** Makes `next` the engine of this realm and returns the one that was in use. */
export function useEngine(next: Engine): Engine {
  const before = engine();
  current = next;
  return before;
}
