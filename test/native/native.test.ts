import { describe, expect, it } from "vitest";
import { reference } from "../../src/engine/reference.ts";
import { nativeEngine } from "../../src/native/index.ts";
import { checkEngine } from "../../src/testing/check-engine.ts";

function found(): string | undefined {
  try {
    return nativeEngine().library;
  } catch (error) {
    console.log(`Skipped: ${(error as Error).message}`);
    return undefined;
  }
}

describe.skipIf(found() === undefined)("the native engine", () => {
  it("passes the engine suite", () => {
    checkEngine(nativeEngine(), reference);
  }, 240_000);
});

describe("opening a library", () => {
  it("says what was tried and what to install", () => {
    expect(() => nativeEngine("/nowhere/libblas.so")).toThrow(/\/nowhere\/libblas\.so.*FUNSPACE_BLAS/s);
  });
});
