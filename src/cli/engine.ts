import { FunspaceError, UsageError } from "../errors/index.ts";
import { useNative } from "../native/index.ts";

/**
 * Chooses the command line's engine: FUNSPACE_ENGINE when it is set, else a native BLAS when one is found, else WASM.
 * Throws UsageError for an unknown name, and what the native engine throws when it was asked for and cannot be had.
 */
export function chooseEngine(): void {
  const wanted = process.env.FUNSPACE_ENGINE || undefined;
  if (wanted !== undefined && !["reference", "wasm", "native"].includes(wanted)) {
    throw new UsageError(`FUNSPACE_ENGINE should be reference, wasm or native, got "${wanted}"`);
  }
  if (wanted === "reference" || wanted === "wasm") return; // the engine room reads these itself
  try {
    useNative();
  } catch (error) {
    if (wanted === "native" || !(error instanceof FunspaceError)) throw error;
  }
}
