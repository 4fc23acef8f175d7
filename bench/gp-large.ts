import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rbf } from "../src/kernels/index.ts";
import { type Matrix, rowRange, takeRows } from "../src/linalg/index.ts";
import { useNative } from "../src/native/index.ts";
import { fit } from "../src/processes/index.ts";
import { greedyInducing } from "../src/processes/sparse/inducing.ts";
import { key, permutation, split } from "../src/random/index.ts";
import { runSync } from "../src/tasks/index.ts";
import { type Split, uci } from "../test/support/uci.ts";
import type { Row } from "./main.ts";
import { LineWorker } from "./support/line-worker.ts";

export interface Request {
  readonly hand: string;
  readonly method: "sgpr" | "svgp" | "iterative";
  /** A file of doubles: x, y, testX, testY and the inducing points, by rows, standardised on the training part. */
  readonly data: string;
  readonly rows: number;
  readonly tested: number;
  readonly columns: number;
  readonly inducing: number;
  /** Where every search begins: an RBF kernel with a lengthscale a column, a constant mean. */
  readonly start: {
    readonly lengthscale: readonly number[];
    readonly variance: number;
    readonly noiseVariance: number;
    readonly mean: number;
  };
  /** Iterations of L-BFGS (sgpr), of Adam (iterative), or of natural gradients and Adam (svgp). */
  readonly steps: number;
  /** Of Adam; it falls to a tenth by the last step. */
  readonly learningRate: number;
  /** Rows a step, and the rate of natural gradients (svgp). */
  readonly batch: number;
  readonly naturalRate: number;
  /** Random probes, the preconditioner's rank and the solves' tolerance (iterative). */
  readonly probes: number;
  readonly rank: number;
  readonly tolerance: number;
}

export interface Reply {
  /** A step: of svgp and iterative the median, of sgpr the mean. */
  readonly ms: number;
  /** The search, the posterior and its predictions. */
  readonly totalMs: number;
  /** The bound, or the evidence by probes, at the end, in nats. */
  readonly value: number;
  /** In units of the training targets' standard deviation, and nats a row in those units. */
  readonly rmse: number;
  readonly nlpd: number;
  /** Of the whole process, its libraries included. */
  readonly peakMb: number;
}

const threads = process.env.FUNSPACE_THREADS ?? "2";
const hand = process.env.HAND ?? "native";
const inducing = Number(process.env.INDUCING ?? 512);
const python = fileURLToPath(new URL("../.venv/bin/python", import.meta.url));
const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const root = key(0);

const shared = { learningRate: 0.02, batch: 1024, naturalRate: 0.1, probes: 10, rank: 100, tolerance: 0.01 };
/** Budgets: what two cores do in four minutes, both sides together. */
const methods = {
  sgpr: { ...shared, steps: Number(process.env.STEPS ?? 10) },
  svgp: { ...shared, steps: Number(process.env.STEPS ?? 300) },
  iterative: { ...shared, learningRate: 0.1, steps: Number(process.env.STEPS ?? 3) },
} as const;
/** Rows that matrices of their square still fit in memory with, as GPyTorch holds them. */
const mostIterative = { elevators: Infinity, kin40k: 8000, protein: 8000 } as const;

/**
 * Large data beside GPyTorch on UCI regression, split 0: SGPR, SVGP and exact inference by conjugate gradients, each
 * side in a process of its own. Both begin with the parameters of an exact fit to 1,000 rows and the same inducing points,
 * and go as many steps at the same rates with the same search (L-BFGS; natural gradients and Adam; Adam). `ms` is a
 * step's; the note has totals, held-out RMSE and NLPD, and peak memory, ours first. HAND=wasm measures the other hand.
 */
export async function bench(only = ""): Promise<readonly Row[]> {
  if (!existsSync(python)) throw new Error("No .venv: run bench/peers/setup.sh");
  const folder = mkdtempSync(join(tmpdir(), "bench-gp-large-"));
  const out: Row[] = [];
  try {
    for (const method of ["sgpr", "svgp", "iterative"] as const) {
      for (const name of ["elevators", "kin40k", "protein"] as const) {
        if (!`${method} ${name}`.startsWith(only)) continue;
        const own = uci(name, 0);
        if (!own) throw new Error("../shared/data/uci is absent");
        const set = method === "iterative" ? fewer(own, mostIterative[name]) : own;
        const request = { ...prepared(set, join(folder, name)), method, ...methods[method] };
        const ours = await asked(process.execPath, ["--import", "tsx", script("ours/gp-large.ts")], {
          ...request,
          hand,
        });
        console.error(`${method} ${name}, ours: ${text(ours)}`);
        const theirs = await asked(python, [script("peers/gp_large.py"), threads], {
          ...request,
          hand: "gpytorch",
        });
        console.error(`${method} ${name}, GPyTorch: ${text(theirs)}`);
        out.push({
          ...{ workload: method, size: `${name} ${set.train.x.rows}`, hand, ms: ours.ms },
          ...{ peer: "gpytorch", peerMs: theirs.ms, ratio: theirs.ms / ours.ms },
          note: `${text(ours)} | ${text(theirs)}`,
          ...{ ours, theirs },
        });
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return out;
}

async function asked(command: string, args: readonly string[], request: Request): Promise<Reply> {
  const worker = new LineWorker<Request, Reply>(command, args, threads);
  const reply = await worker.ask(request);
  worker.end();
  return reply;
}

function fewer(set: Split, rows: number): Split {
  const { x, y } = set.train;
  if (x.rows <= rows) return set;
  return { ...set, train: { x: rowRange(x, 0, rows), y: rowRange(y, 0, rows) } };
}

/** Writes the data and finds where all begin. */
function prepared({ train, test }: Split, data: string) {
  const { x, y } = train;
  useNative();
  const some = permutation(split(root, "rows"), x.rows).subarray(0, 1000);
  const begun = runSync(
    fit(
      rbf({ ard: x.cols }),
      { x: takeRows(x, some), y: takeRows(y, some) },
      { starts: 1, maxIterations: 50 },
    ),
  );
  const points = greedyInducing(begun.kernel, x, inducing, split(root, "inducing"));
  const parts: readonly Matrix[] = [x, y, test.x, test.y, points];
  writeFileSync(
    data,
    Buffer.concat(parts.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
  );
  const { lengthscale, variance } = begun.kernel.parameters;
  return {
    ...{ data, rows: x.rows, tested: test.x.rows, columns: x.cols, inducing: points.rows },
    start: {
      lengthscale: Array.from(lengthscale!.value),
      variance: variance!.value[0]!,
      noiseVariance: begun.noiseVariance,
      mean: begun.mean.at(points).data[0]!,
    },
  };
}

function text({ ms, totalMs, value, rmse, nlpd, peakMb }: Reply): string {
  return `${ms.toFixed(0)} ms a step, ${(totalMs / 1000).toFixed(1)} s, RMSE ${rmse.toFixed(4)} NLPD ${nlpd.toFixed(4)}, ${value.toFixed(0)} nats, ${peakMb.toFixed(0)} MB`;
}
