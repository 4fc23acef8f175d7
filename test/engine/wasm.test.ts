import { afterAll, describe, expect, it } from "vitest";
import { reference } from "../../src/engine/reference.ts";
import { poolReady, restart } from "../../src/engine/wasm/machine.ts";
import { wasm } from "../../src/engine/wasm/wasm.ts";
import { checkEngine } from "../../src/testing/check-engine.ts";

/** A product large enough to start the pool, whatever the settings. */
function startPool(): void {
  const block = { data: new Float64Array(300 * 300), offset: 0, stride: 300, transposed: false };
  wasm.gemm(300, 300, 300, 1, block, block, 0, { ...block, data: new Float64Array(300 * 300) });
}

describe("the wasm engine", () => {
  afterAll(() => restart());

  it.each([
    ["one thread, fused multiply-add where the host has it", { threads: 1 }],
    ["one thread, plain SIMD", { threads: 1, fused: false }],
    ["three threads on every job", { threads: 3, startPool: 0, usePool: 0 }],
  ])("passes the engine suite: %s", async (_, settings) => {
    restart(settings);
    startPool();
    await poolReady();
    checkEngine(wasm, reference);
  });

  it("refuses a block that its array cannot hold", () => {
    const data = new Float64Array(10);
    const block = { data, offset: 0, stride: 4 };
    expect(() => wasm.potrf(4, block)).toThrow(/needs 16 elements, but its array has 10/);
  });
});
