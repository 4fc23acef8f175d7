import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deepStack, startDeep } from "../src/deep/index.ts";
import { type Matrix, matrix, rowRange, takeRows } from "../src/linalg/index.ts";
import { likelihoods } from "../src/processes/index.ts";
import { key, permutation, split } from "../src/random/index.ts";
import { type Split, uci } from "../test/support/uci.ts";
import type { Row } from "./main.ts";
import { LineWorker } from "./support/line-worker.ts";

export interface Request {
  readonly hand: string;
  /** A JSON file: x, y, testX and testY, standardised on the training part. */
  readonly data: string;
  readonly layers: number;
  /** The points that each layer begins with, the same for all. */
  readonly inducing: readonly number[][][];
  readonly steps: number;
  /** Rows a step. */
  readonly batch: number;
  /** Draws of hidden values a row and step. */
  readonly samples: number;
  readonly learningRate: number;
  /** Of predictions. */
  readonly draws: number;
  readonly seed: number;
}

export interface Reply {
  /** A step's median. */
  readonly ms: number;
  /** In units of the training targets' standard deviation, and nats a row in those units. */
  readonly rmse: number;
  readonly logDensity: number;
}

const threads = process.env.FUNSPACE_THREADS ?? "2";
// Budgets: what two cores do in some minutes. STEPS=5000 INDUCING=100 SPLITS=0,1,2 come near to what is published.
const steps = Number(process.env.STEPS ?? 250);
const inducing = Number(process.env.INDUCING ?? 50);
const splits = (process.env.SPLITS ?? "0").split(",").map(Number);
const settings = { steps, batch: 256, samples: 1, learningRate: 0.05, draws: 100, seed: 0 };
const names = { 1: "SVGP", 2: "DGP2", 3: "DGP3" } as const;
const python = fileURLToPath(new URL("../.venv/bin/python", import.meta.url));
const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Sparse (one layer) and deep Gaussian processes on UCI regression beside GPyTorch's DeepGP: the same inducing points to
 * begin with, rows and draws a step, steps, learning rate and precision; each its own means, natural gradients (ours)
 * and starting scales. `ms` is a step's; the note has held-out RMSE and log density, ours first.
 */
export async function bench(only = ""): Promise<readonly Row[]> {
  if (!existsSync(python)) throw new Error("No .venv: run bench/peers/setup.sh");
  const folder = mkdtempSync(join(tmpdir(), "bench-deep-"));
  const ours = new LineWorker<Request, Reply>(
    process.execPath,
    ["--import", "tsx", script("ours/deep.ts")],
    threads,
  );
  const peer = new LineWorker<Request, Reply>(python, [script("peers/deep.py"), threads], threads);
  const out: Row[] = [];
  try {
    for (const name of ["energy", "concrete", "housing", "wine", "kin40k"]) {
      if (!name.startsWith(only)) continue;
      for (const s of splits) {
        const set = splitOf(name, s);
        if (!set) throw new Error("../shared/data/uci is absent");
        const data = join(folder, `${name}-${s}.json`);
        writeFileSync(data, JSON.stringify(written(set)));
        for (const layers of [1, 2, 3] as const) {
          const request = { ...settings, data, layers, inducing: startsOf(set, layers), hand: "wasm" };
          const mine = await ours.ask(request);
          const theirs = await peer.ask({ ...request, hand: "gpytorch" });
          const note = `${text(mine)} | ${text(theirs)}`;
          console.error(
            `${name} split ${s} ${names[layers]}: ${mine.ms.toFixed(1)} ms | ${theirs.ms.toFixed(1)} ms; ${note}`,
          );
          out.push({
            workload: names[layers],
            size: `${name} ${s}`,
            hand: "wasm",
            ms: mine.ms,
            peer: "gpytorch",
            peerMs: theirs.ms,
            ratio: theirs.ms / mine.ms,
            note,
          });
        }
      }
    }
  } finally {
    ours.end();
    peer.end();
    rmSync(folder, { recursive: true });
  }
  return out;
}

const text = ({ rmse, logDensity }: Reply) => `RMSE ${rmse.toFixed(3)} LL ${logDensity.toFixed(3)}`;

/** Split 0 is the data's own; others hold out a tenth of all rows. Of kin40k 8,192 rows are trained on, 2,000 tested. */
function splitOf(name: string, split: number): Split | undefined {
  const own = uci(name, 0);
  if (!own) return undefined;
  const { train, test } = split === 0 ? own : redrawn(own, split);
  const [most, tested] = name === "kin40k" ? [8192, 2000] : [train.x.rows, test.x.rows];
  const first = ({ x, y }: Split["train"], n: number) => ({ x: rowRange(x, 0, n), y: rowRange(y, 0, n) });
  return { ...own, train: first(train, most), test: first(test, tested) };
}

/** Other rows held out; the units stay those of split 0's training part, a linear change that all share. */
function redrawn({ train, test }: Split, seed: number): Pick<Split, "train" | "test"> {
  const n = train.x.rows + test.x.rows;
  const order = permutation(split(split(key(seed), "split"), n), n);
  const held = Math.round(n / 10);
  const part = (rows: Int32Array) => {
    const pick = (of: "x" | "y") => {
      const [a, b] = [train[of], test[of]];
      const all = matrix(n, a.cols);
      all.data.set(a.data);
      all.data.set(b.data, a.data.length);
      return takeRows(all, rows);
    };
    return { x: pick("x"), y: pick("y") };
  };
  return { train: part(order.subarray(held)), test: part(order.subarray(0, held)) };
}

/** Where our fit of that seed begins. */
function startsOf({ train: { x, y } }: Split, layers: number): number[][][] {
  const start = split(split(split(key(settings.seed), "deep"), "start"), 0);
  const options = { inducing, likelihood: likelihoods.gaussian(0.05), targets: y, index: 0, key: start };
  const model = startDeep(deepStack(x.cols, { layers }), x, options);
  return model.layers.map((layer) => (layer.kind === "gp" ? lists(layer.inducing) : []));
}

const lists = (a: Matrix) =>
  Array.from({ length: a.rows }, (_, i) => Array.from(a.data.subarray(i * a.cols, (i + 1) * a.cols)));

const written = ({ train, test }: Split) => ({
  x: lists(train.x),
  y: Array.from(train.y.data),
  testX: lists(test.x),
  testY: Array.from(test.y.data),
});
