import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Matrix } from "../src/linalg/index.ts";
import { key, normal, split } from "../src/random/index.ts";
import { uci } from "../test/support/uci.ts";
import type { Row } from "./main.ts";
import { LineWorker } from "./support/line-worker.ts";

export interface Request {
  readonly task: "evidence" | "fit";
  readonly hand: string;
  /** A JSON file: x, y and, to be scored, testX and testY. */
  readonly data: string;
  readonly kernel: "rbf" | "matern52";
  /** Measured one after the other; the reply has the median time. */
  readonly repeats: number;
  readonly starts: number;
  /** Of each start. */
  readonly iterations: number;
  /** For all starts of a peer. */
  readonly seconds: number;
}

export interface Reply {
  readonly ms: number;
  /** Log marginal likelihood, in nats. */
  readonly value: number;
  /** Values with gradients, of all starts. */
  readonly evaluations?: number;
  /** Whether time ran out before the search ended. */
  readonly stopped?: boolean;
  /** In units of the training targets' standard deviation. */
  readonly rmse?: number;
  readonly nlpd?: number;
  /** Of the whole process, its libraries included. */
  readonly peakMb?: number;
}

// Budgets of fits. PEER_SECONDS=600 lets the peers finish: a search that was cut off says little by its scores.
const seconds = Number(process.env.PEER_SECONDS ?? 25);
const once = { starts: 1, iterations: 30, seconds };
const thrice = { starts: 3, iterations: 200, seconds };
const THREADS = "2";
const OURS = ["wasm", "native"];
const PEERS = ["gpytorch", "scikit-learn"];
const python = fileURLToPath(new URL("../.venv/bin/python", import.meta.url));
const workers = {
  ours: [process.execPath, "--import", "tsx", fileURLToPath(new URL("ours/gp.ts", import.meta.url))],
  peers: [python, fileURLToPath(new URL("peers/gp.py", import.meta.url)), THREADS],
};

function worker(hand: string): LineWorker<Request, Reply> {
  const [command, ...values] = OURS.includes(hand) ? workers.ours : workers.peers;
  return new LineWorker(command!, values, THREADS);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** A draw that an ARD kernel of eight columns can learn: smooth in some, indifferent to others, noisy. */
function drawn(n: number): { x: number[][]; y: number[] } {
  const d = 8;
  const x = normal(split(key(8), n), n * d);
  const noise = normal(split(key(9), n), n);
  const rows = Array.from({ length: n }, (_, i) => Array.from(x.subarray(i * d, (i + 1) * d)));
  const y = rows.map((r, i) => Math.sin(2 * r[0]!) + 0.5 * r[1]! * r[2]! + Math.cos(r[3]!) + 0.3 * noise[i]!);
  return { x: rows, y };
}

const list = (a: Matrix) => Array.from(a.data);
const lists = (a: Matrix) =>
  Array.from({ length: a.rows }, (_, i) => Array.from(a.data.subarray(i * a.cols, (i + 1) * a.cols)));

/** OpenBLAS's threads spin for a while after a call: the next hand must not share the cores with them. */
const rest = () => new Promise((resolve) => setTimeout(resolve, 100));

/** Medians over rounds in which the hands take turns, so that a drift of the machine's speed meets all alike. */
async function inTurn(hands: readonly string[], rounds: number, request: Omit<Request, "hand">) {
  const running = new Map<string, LineWorker<Request, Reply>>();
  const replies = new Map<string, Reply[]>(hands.map((hand) => [hand, []]));
  for (let round = 0; round < rounds; round++) {
    for (const hand of hands) {
      // Started when it is its turn: a process that loads its libraries disturbs nobody.
      if (!running.has(hand)) running.set(hand, worker(hand));
      const reply = await running.get(hand)!.ask({ ...request, hand });
      replies.get(hand)!.push(reply);
      console.error(
        `${basename(request.data, ".json")} ${request.kernel} ${hand}: ${reply.ms.toFixed(1)} ms, ${text(reply)}`,
      );
      if (round === rounds - 1) running.get(hand)!.end();
      await rest();
    }
  }
  return new Map(
    [...replies].map(([hand, all]) => [hand, { ...all.at(-1)!, ms: median(all.map((r) => r.ms)) }]),
  );
}

function rows(workload: string, size: string, replies: ReadonlyMap<string, Reply>): Row[] {
  return OURS.filter((hand) => replies.has(hand)).flatMap((hand) =>
    [...replies]
      .filter(([other]) => !OURS.includes(other))
      .map(([peer, theirs]) => {
        const ours = replies.get(hand)!;
        return {
          ...{ workload, size, hand, ms: ours.ms, peer, peerMs: theirs.ms, ratio: theirs.ms / ours.ms },
          note: `${text(ours)} | ${text(theirs)}`,
          ours,
          theirs,
        };
      }),
  );
}

function text({ value, evaluations, rmse, nlpd, peakMb, stopped }: Reply): string {
  return [
    rmse === undefined ? "" : `RMSE ${rmse.toFixed(4)} NLPD ${nlpd!.toFixed(3)}`,
    `evidence ${value.toFixed(2)}`,
    evaluations === undefined ? "" : `${evaluations} evaluations`,
    rmse === undefined ? "" : `${peakMb!.toFixed(0)} MB`,
    stopped ? "(stopped by the clock)" : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/**
 * Exact Gaussian processes beside GPyTorch and scikit-learn, on two threads each: one value and gradient of the log
 * marginal likelihood ("evidence"), whole fits of at most 30 iterations from one start ("fit"), and UCI regression,
 * split 0, with three starts of at most 200 iterations ("uci"), each fit in a process of its own. Capped to keep the
 * whole under ten minutes on two quiet cores: peers' fits at 25 s (PEER_SECONDS), said where it happened; no fit of 5,000 points.
 */
export async function bench(only = ""): Promise<readonly Row[]> {
  if (!existsSync(python)) throw new Error("No .venv: run bench/peers/setup.sh");
  const folder = mkdtempSync(join(tmpdir(), "bench-gp-"));
  const write = (name: string, parts: unknown) => {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(parts));
    return path;
  };
  const out: Row[] = [];
  try {
    const wanted = (part: string) => part.startsWith(only) || only.startsWith(part);
    for (const [n, rounds, repeats] of [
      [500, 5, 9],
      [2000, 3, 3],
      [5000, 1, 1],
    ] as const) {
      if (!wanted("evidence")) break;
      const data = write(`drawn-${n}`, drawn(n));
      const request = { task: "evidence", data, kernel: "rbf", repeats, ...once } as const;
      const hands = [...OURS, "gpytorch", "gpytorch cg", "scikit-learn"];
      out.push(...rows("evidence", `${n}x8`, await inTurn(hands, rounds, request)));
    }
    for (const [n, rounds] of [
      [500, 3],
      [2000, 1],
    ] as const) {
      if (!wanted("fit")) break;
      const data = write(`drawn-${n}`, drawn(n));
      const request = { task: "fit", data, kernel: "rbf", repeats: 1, ...once } as const;
      out.push(...rows("fit", `${n}x8`, await inTurn([...OURS, ...PEERS], rounds, request)));
    }
    for (const name of ["energy", "concrete", "housing", "wine"]) {
      if (!wanted(`uci ${name}`)) continue;
      const set = uci(name, 0);
      if (!set) throw new Error("../shared/data/uci is absent");
      const { train, test } = set;
      const parts = { x: lists(train.x), y: list(train.y), testX: lists(test.x), testY: list(test.y) };
      const data = write(name, parts);
      for (const kernel of ["rbf", "matern52"] as const) {
        const request = { task: "fit", data, kernel, repeats: 1, ...thrice } as const;
        out.push(...rows(`uci ${name}`, kernel, await inTurn([...OURS, ...PEERS], 1, request)));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return out;
}
