import { describe, expect, it } from "vitest";
import { openLibrary } from "../../src/native/library.ts";
import { betterCore, processorFlags } from "../../src/native/openblas-core.ts";

const avx2 = ["sse4_2", "avx", "avx2", "fma"];
const avx512 = [...avx2, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"];

describe("betterCore", () => {
  it.each([
    ["Prescott", avx512, "SkylakeX"],
    ["Sandybridge", avx512, "SkylakeX"],
    ["Nehalem", avx2, "Haswell"],
    ["Prescott", avx512.slice(0, -1), "Haswell"],
    ["Prescott", ["sse4_2", "avx"], undefined], // an old processor indeed
    ["Haswell", avx512, undefined], // a library built without AVX-512
    ["Zen", avx512, undefined],
    ["SkylakeX", avx512, undefined],
    ["neoversen1", [], undefined],
  ])("of %s with %j is %s", (taken, flags, expected) => {
    expect(betterCore(taken, flags)).toBe(expected);
  });
});

function opened(): string | undefined {
  try {
    return openLibrary().core;
  } catch (error) {
    console.log(`Skipped: ${(error as Error).message}`);
    return undefined;
  }
}

describe.skipIf(opened() === undefined)("an OpenBLAS of this machine", () => {
  it("ends on kernels that use the processor, and leaves the environment as it was", () => {
    const { core } = openLibrary();
    expect(betterCore(core!, processorFlags())).toBeUndefined();
    expect(process.env.OPENBLAS_CORETYPE).toBeUndefined();
  });
});
