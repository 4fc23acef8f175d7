import type { Block, Floats, Points } from "../../src/engine/engine.ts";
import { poolReady, readyThreads, restart } from "../../src/engine/wasm/machine.ts";
import { wasm } from "../../src/engine/wasm/wasm.ts";

/** What a host computed: a digest of the bits of each routine's result, and with how many threads. */
export interface Outcome {
  readonly threads: number;
  readonly digests: Readonly<Record<string, string>>;
}

/** FNV-1a over the bytes: equal digests mean equal bits. */
function digest(data: Floats): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(16);
}

/** Numbers from integers alone, the same on every host. */
function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return new Float64Array(count).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Runs every kind of routine, large enough for all blocks and tiles, on so many threads. */
export async function workload(threads: number): Promise<Outcome> {
  restart({ threads, startPool: 0, usePool: 0 });
  const n = 301;
  const block = (data: Float64Array, stride = n): Block => ({ data, offset: 0, stride });
  const a = { ...block(numbers(n * n, 1)), transposed: false };
  const gram = block(new Float64Array(n * n));
  wasm.gemm(n, n, n, 1 / n, a, { ...a, transposed: true }, 0, gram);
  await poolReady();
  wasm.gemm(n, n, n, 1 / n, a, { ...a, transposed: true }, 0, gram);
  const digests: Record<string, string> = { gemm: digest(gram.data) };
  for (let i = 0; i < n; i++) gram.data[i * n + i]! += 1;
  const factor = block(gram.data.slice());
  digests.potrf = `${wasm.potrf(n, factor)} ${digest(factor.data)}`;
  const right = block(numbers(n * 40, 2), 40);
  wasm.trsm("left", n, 40, { ...factor, lower: true, transposed: false }, right);
  digests.trsm = digest(right.data);
  wasm.potri(n, factor);
  digests.potri = digest(factor.data);
  const values = new Float64Array(n);
  wasm.syevd(n, gram, values, true);
  digests.syevd = `${digest(values)} ${digest(gram.data)}`;
  const x: Points = { ...block(numbers(n * 5, 3), 5), count: n, dims: 5 };
  const k = block(new Float64Array(n * n));
  wasm.kernelMatrix({ name: "matern52" }, 1.5, x, undefined, k);
  digests.kernelMatrix = digest(k.data);
  const v = block(numbers(n * 3, 4), 3);
  const out = block(new Float64Array(n * 3), 3);
  wasm.kernelMultiply({ name: "rbf" }, 1, x, undefined, 3, v, out);
  digests.kernelMultiply = digest(out.data);
  const pullback = wasm.kernelPullback({ name: "rationalQuadratic", alpha: 2 }, 1, x, undefined, k);
  digests.kernelPullback = digest(pullback.x);
  const f32 = Float32Array.from(numbers(5000, 5), (t) => 8 * t);
  for (const f of ["exp", "tanh", "softplus", "gelu", "sin"] as const) {
    const y = new Float32Array(f32.length);
    wasm.elementwise(f, f32, y);
    digests[f] = digest(y);
  }
  return { threads: readyThreads(), digests };
}
