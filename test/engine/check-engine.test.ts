import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { reference } from "../../src/engine/reference.ts";
import { wasm } from "../../src/engine/wasm/wasm.ts";
import { checkEngine } from "../../src/testing/check-engine.ts";

/** The wasm engine with one fault. */
const faults: readonly [what: string, fault: Partial<Engine>, message: RegExp][] = [
  [
    "a product that errs in the thirteenth digit",
    { gemm: (m, n, k, alpha, a, b, beta, c) => wasm.gemm(m, n, k, alpha * (1 + 1e-13), a, b, beta, c) },
    /gemm Float64Array/,
  ],
  [
    "a factorisation that writes above the diagonal",
    {
      potrf: (n, a) => {
        if (n > 1) a.data[a.offset + 1] = 0;
        return wasm.potrf(n, a);
      },
    },
    /potrf.*upper triangle/,
  ],
  ["a pivot counted from 1", { potrf: (n, a) => wasm.potrf(n, a) + 1 || -1 }, /potrf.*reports/],
  [
    "NaN that becomes a number",
    {
      trsm: (side, m, n, t, b) => {
        wasm.trsm(side, m, n, t, b);
        for (let i = 0; i < b.data.length; i++) if (Number.isNaN(b.data[i])) b.data[i] = 0;
      },
    },
    /trsm/,
  ],
  [
    "picks of which the last is forgotten",
    {
      pickedPullbackWeights: (c, images, { from, values }, gradients) => {
        const some = from.slice();
        if (c.count > 0) some[some.length - 1] = -1;
        wasm.pickedPullbackWeights(c, images, { from: some, values }, gradients);
      },
    },
    /pickedPullbackWeights/,
  ],
  [
    "a pull-back without one of its two roles",
    {
      kernelPullback: (map, amplitude, x, z, bar) => {
        const all = wasm.kernelPullback(map, amplitude, x, z, bar);
        return { ...all, x: z ? all.x : all.x.map((v) => v / 2) };
      },
    },
    /kernelPullback/,
  ],
];

describe("checkEngine", () => {
  it.each(faults)("finds %s", (_, fault, message) => {
    expect(() => checkEngine({ ...wasm, ...fault }, reference)).toThrow(message);
  });
});
