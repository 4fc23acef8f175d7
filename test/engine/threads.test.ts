import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import {
  currentSettings,
  killWorker,
  poolReady,
  readyThreads,
  restart,
  scratchBytes,
} from "../../src/engine/wasm/machine.ts";
import { wasm } from "../../src/engine/wasm/wasm.ts";

const n = 300;
const block = (value = 0) => ({
  data: new Float64Array(n * n).fill(value),
  offset: 0,
  stride: n,
  transposed: false,
});

function product(): Float64Array {
  const c = block();
  wasm.gemm(n, n, n, 1, block(1), block(2), 0, c);
  return c.data;
}

describe("the worker pool", () => {
  afterAll(() => restart());

  it("finishes a job whose worker has died, alone, and starts a new pool for the next", async () => {
    restart({ threads: 2, startPool: 0, usePool: 0 });
    product();
    await poolReady();
    expect(readyThreads()).toBe(2);
    // Its end is not known here before the event loop turns: the job is posted to a worker that is gone.
    killWorker();
    expect(product().every((x) => x === 2 * n)).toBe(true);
    product();
    await poolReady();
    expect(readyThreads()).toBe(2);
    expect(product().every((x) => x === 2 * n)).toBe(true);
  });

  it("gives the same bits for every number of threads", async () => {
    const values = block();
    for (let i = 0; i < values.data.length; i++) values.data[i] = Math.sin(i);
    const results: Float64Array[] = [];
    for (const threads of [1, 2, 3]) {
      restart({ threads, startPool: 0, usePool: 0 });
      product();
      await poolReady();
      const c = block();
      wasm.gemm(n, n, n, 1 / n, values, { ...values, transposed: true }, 0, c);
      const w = new Float64Array(n);
      wasm.syevd(n, c, w, true);
      results.push(w, c.data);
    }
    expect(results[2]).toEqual(results[0]);
    expect(results[3]).toEqual(results[1]);
    expect(results[4]).toEqual(results[0]);
    expect(results[5]).toEqual(results[1]);
  });

  it("keeps large scratch for the next large job, and gives it back when jobs do without or none comes", async () => {
    restart({ threads: 1 });
    const rows = 6000;
    const tall = { data: new Float64Array(rows * rows), offset: 0, stride: rows };
    const large = () =>
      wasm.syrk(rows, 1, 1, { data: tall.data, offset: 0, stride: 1, transposed: false }, 0, tall);
    const one = { data: new Float64Array(1), offset: 0, stride: 1 };
    large();
    const bytes = scratchBytes();
    expect(bytes).toBeGreaterThan(8 * rows * rows);
    for (let i = 0; i < 31; i++) wasm.potrf(1, one);
    large();
    expect(scratchBytes()).toBe(bytes);
    for (let i = 0; i < 32; i++) wasm.potrf(1, one);
    expect(scratchBytes()).toBe(0);
    large();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(scratchBytes()).toBe(0);
  });

  it("says what to do when a job cannot fit", () => {
    restart({ threads: 1 });
    const huge = {
      data: { length: 30_000 ** 2, [Symbol.toStringTag]: "Float64Array" } as never,
      offset: 0,
      stride: 30_000,
    };
    expect(() => wasm.potrf(30_000, huge)).toThrow(/6867 MiB.*funspace\/native/s);
  });

  it("lets the process end at once, with workers asleep", () => {
    const script = `
      import { engine } from ${JSON.stringify(fileURLToPath(new URL("../../src/engine/index.ts", import.meta.url)))};
      const block = () => ({ data: new Float64Array(90000).fill(1), offset: 0, stride: 300, transposed: false });
      for (let i = 0; i < 3; i++) engine().gemm(300, 300, 300, 1, block(), block(), 0, block());
      console.log("done", engine().threads);
    `;
    const { stdout, status } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", script],
      {
        encoding: "utf8",
        timeout: 20_000,
        env: { ...process.env, FUNSPACE_THREADS: "2" },
      },
    );
    expect(stdout).toContain("done 2");
    expect(status).toBe(0);
  });

  it("obeys FUNSPACE_THREADS", () => {
    process.env.FUNSPACE_THREADS = "3";
    restart();
    expect(currentSettings().threads).toBe(3);
    delete process.env.FUNSPACE_THREADS;
  });
});
