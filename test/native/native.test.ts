import { describe, expect, it } from "vitest";
import { type Convolution, type Engine, wasm } from "../../src/engine/index.ts";
import { reference } from "../../src/engine/reference.ts";
import { nativeEngine } from "../../src/native/index.ts";
import { key, normal, split } from "../../src/random/index.ts";
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

  // Convolutions that are too large for the suite, whose reference is plain loops: those of WASM passed it.
  it.each([
    ["images side by side, groups", 30, 8, 20, 64, 2, 1],
    ["images side by side in several lots, strides", 70, 12, 24, 32, 1, 2],
    ["each image a product of its own", 3, 32, 34, 64, 1, 1],
    ["each image a product of its own, groups", 2, 64, 40, 64, 2, 1],
  ])("convolves as WASM does: %s", (_, count, channels, size, filters, groups, stride) => {
    const across = Math.floor((size - 1) / stride) + 1;
    const c: Convolution = {
      ...{ count, channels, height: size, width: size, filters, groups },
      ...{ kernel: [3, 3], stride: [stride, stride], dilation: [1, 1], padding: [1, 1] },
      outputs: [across, across],
    };
    const native = nativeEngine();
    const values = (name: string, length: number) => normal(split(key(1), name), length);
    const x = values("images", count * channels * size ** 2);
    const w = values("weights", (filters * channels * 9) / groups);
    const dy = values("dy", count * filters * across ** 2);
    for (const [run, out, terms] of [
      [(e: Engine, to: Float64Array) => e.convolve(c, x, w, to), dy, (channels * 9) / groups],
      [(e: Engine, to: Float64Array) => e.convolvePullbackImages(c, dy, w, to), x, (filters * 9) / groups],
      [(e: Engine, to: Float64Array) => e.convolvePullbackWeights(c, x, dy, to), w, count * across ** 2],
    ] as const) {
      const [got, wanted] = [out.slice().fill(Number.NaN), out.slice().fill(Number.NaN)];
      run(native, got);
      run(wasm, wanted);
      // Sums of so many products of normal numbers, each rounded in its own order.
      const allowed = 1e-14 * terms;
      expect(got.every((v, k) => Math.abs(v - wanted[k]!) <= allowed)).toBe(true);
    }
  });
});

describe("opening a library", () => {
  it("says what was tried and what to install", () => {
    expect(() => nativeEngine("/nowhere/libblas.so")).toThrow(/\/nowhere\/libblas\.so.*FUNSPACE_BLAS/s);
  });
});
