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
  ])(
    "passes the engine suite: %s",
    async (_, settings) => {
      restart(settings);
      startPool();
      await poolReady();
      checkEngine(wasm, reference);
      // The reference is plain loops: slow where others share the machine.
    },
    240_000,
  );

  it("refuses picks that are not their image's, and values that do not fit", () => {
    const one = [1, 1] as const;
    const sliding = {
      kernel: one,
      stride: one,
      dilation: one,
      padding: [0, 0] as const,
      outputs: [2, 2] as const,
    };
    const c = { ...sliding, count: 2, channels: 1, height: 2, width: 2, filters: 3, groups: 1 };
    const pull = (from: readonly number[], values: number, groups = 1) =>
      wasm.pickedPullbackImages(
        { ...c, groups },
        { from: Int32Array.from(from), values: new Float64Array(values) },
        new Float64Array(3),
        new Float64Array(8),
      );
    expect(() => pull([0, 11, 12, -1], 4)).not.toThrow();
    expect(() => pull([0, 12, 12, -1], 4)).toThrow(/Pick 1 is 12/);
    expect(() => pull([0, 11, 11, -1], 4)).toThrow(/Pick 2 is 11.*image \(1\)/);
    expect(() => pull([0, 11, 12, -2], 4)).toThrow(/Pick 3 is -2/);
    expect(() => pull([0, 11, 12, -1], 8)).toThrow(/values should have 4/);
    expect(() => pull([0, 11, 12], 3)).toThrow(/2 images/);
    expect(() => pull([0, 11, 12, -1], 4, 3)).toThrow(/one group/);
  });

  // Larger than the suite's orders: triangles are split, points come in several strips, solves in several blocks.
  it.each([1, 3])("inverts a large covariance on %i threads", async (threads) => {
    restart({ threads, startPool: 0, usePool: 0 });
    startPool();
    await poolReady();
    const n = 1203;
    const square = (data = new Float64Array(n * n)) => ({ data, offset: 0, stride: n, transposed: false });
    const g = square();
    for (let k = 0; k < g.data.length; k++) g.data[k] = Math.sin(k * k);
    const a = square();
    wasm.syrk(n, n, 1 / n, g, 0, a);
    for (let i = 0; i < n; i++) a.data[i * n + i]! += 1;
    const mirror = ({ data }: { data: Float64Array }) => {
      for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) data[j * n + i] = data[i * n + j]!;
    };
    mirror(a);
    const [p, b, product] = [square(a.data.slice()), new Float64Array(n).fill(1), square()];
    const column = { data: b, offset: 0, stride: 1, transposed: false };
    expect(wasm.solveAndInvert(n, p, 1, column).pivot).toBe(-1);
    mirror(p);
    wasm.gemm(n, n, n, 1, a, p, 0, product);
    const back = { ...column, data: new Float64Array(n) };
    wasm.gemm(n, 1, n, 1, a, column, 0, back);
    let worst = 0;
    for (let i = 0; i < n; i++) {
      worst = Math.max(worst, Math.abs(back.data[i]! - 1));
      for (let j = 0; j < n; j++)
        worst = Math.max(worst, Math.abs(product.data[i * n + j]! - (i === j ? 1 : 0)));
    }
    // I + G Gᵀ / n has condition number 5 at most; n u of products and solves each (Higham 2002, §14.3).
    expect(worst).toBeLessThan(5 * 4 * n * 2 ** -53);
  });

  it("refuses a block that its array cannot hold", () => {
    const data = new Float64Array(10);
    const block = { data, offset: 0, stride: 4 };
    expect(() => wasm.potrf(4, block)).toThrow(/needs 16 elements, but its array has 10/);
  });
});
