import { afterEach, describe, expect, it, vi } from "vitest";

/** The engine room anew, as a process with this setting would load it. */
async function engineWith(setting: string) {
  vi.resetModules();
  vi.stubEnv("FUNSPACE_ENGINE", setting);
  const { engine } = await import("../../src/engine/index.ts");
  return engine();
}

describe("FUNSPACE_ENGINE", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    ["", "wasm"],
    ["wasm", "wasm"],
    ["reference", "reference"],
    ["native", "wasm"], // until useNative brings it
  ])("%j starts with the %s engine", async (setting, name) => {
    expect((await engineWith(setting)).name).toBe(name);
  });

  it("is refused where it names no engine", async () => {
    await expect(engineWith("fast")).rejects.toThrow(/reference, wasm or native, got "fast"/);
  });
});
