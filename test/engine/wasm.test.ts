import { describe, expect, it } from "vitest";
import { reference } from "../../src/engine/reference.ts";
import { wasm } from "../../src/engine/wasm/wasm.ts";
import { checkEngine } from "../../src/testing/check-engine.ts";

describe("the wasm engine", () => {
  it("passes the engine suite against the reference", () => {
    checkEngine(wasm, reference);
  });

  it("refuses a block that its array cannot hold", () => {
    const data = new Float64Array(10);
    const block = { data, offset: 0, stride: 4 };
    expect(() => wasm.potrf(4, block)).toThrow(/needs 16 elements, but its array has 10/);
  });
});
