import { fileURLToPath } from "node:url";
import type { Row } from "./main.ts";
import { LineWorker } from "./support/line-worker.ts";

export interface Request {
  readonly hand: string;
  readonly method: "exact" | "iterative" | "sparse";
  /** The first of kin40k's. */
  readonly rows: number;
}

export interface Reply {
  /** One value with its gradient: what a step of a fit costs. */
  readonly ms: number;
  /** The posterior and its predictions at 1,000 rows. */
  readonly predictMs: number;
  readonly rmse: number;
  /** Products with the matrix in that step (iterative). */
  readonly products: number;
  /** Of the whole process. */
  readonly peakMb: number;
}

const threads = process.env.FUNSPACE_THREADS ?? "2";
const hand = process.env.HAND ?? "native";
const sizes = (process.env.ROWS ?? "1000,2000,4000,8000,16000").split(",").map(Number);
// An evaluation takes a minute and 2 GB beyond.
const mostExact = 8000;

/**
 * Exact, iterative and sparse inference beside each other against the number of rows (kin40k, its parameters given), each
 * in a process of its own: what `chooseMethod` goes by. The peer is exact inference; where that is too large, itself.
 */
export async function bench(only = ""): Promise<readonly Row[]> {
  const out: Row[] = [];
  for (const rows of sizes) {
    let exact: Reply | undefined;
    for (const method of ["exact", "iterative", "sparse"] as const) {
      if (!method.startsWith(only) || (method === "exact" && rows > mostExact)) continue;
      const script = fileURLToPath(new URL("ours/gp-methods.ts", import.meta.url));
      const worker = new LineWorker<Request, Reply>(process.execPath, ["--import", "tsx", script], threads);
      const reply = await worker.ask({ hand, method, rows });
      worker.end();
      if (method === "exact") exact = reply;
      const peerMs = exact?.ms ?? Number.NaN;
      const { ms, predictMs, rmse, products, peakMb } = reply;
      const note = `posterior ${predictMs.toFixed(0)} ms, RMSE ${rmse.toFixed(4)}, ${products} products, ${peakMb.toFixed(0)} MB`;
      console.error(`${method} ${rows}: ${ms.toFixed(0)} ms, ${note}`);
      out.push({
        workload: method,
        size: `${rows}x8`,
        hand,
        ms,
        peer: "exact",
        peerMs,
        ratio: peerMs / ms,
        note,
      });
    }
  }
  return out;
}
