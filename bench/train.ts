import type { Engine } from "../src/engine/engine.ts";
import { useEngine } from "../src/engine/index.ts";
import { poolReady, restart } from "../src/engine/wasm/machine.ts";
import { wasm } from "../src/engine/wasm/wasm.ts";
import { matrix } from "../src/linalg/index.ts";
import { nativeEngine } from "../src/native/index.ts";
import {
  conv2d,
  crossEntropy,
  dense,
  flattenLayer,
  maxPool2d,
  type Network,
  network,
  relu,
  sgd,
  train,
} from "../src/networks/index.ts";
import { key, normal } from "../src/random/index.ts";
import { Peers } from "./engine/peers.ts";
import type { Row } from "./main.ts";

const THREADS = 2;
/** Hands and peer are measured in turn, so often, for the machine's speed drifts; medians count. */
const ROUNDS = 4;
const STEPS = 16;

interface Work {
  readonly workload: string;
  readonly batch: number;
  readonly net: Network;
}

const works: readonly Work[] = [
  {
    workload: "cnn",
    batch: 64,
    net: network({
      inputShape: [3, 32, 32],
      layers: [
        ...[conv2d(16, 3, { padding: 1 }), relu(), maxPool2d(2)],
        ...[conv2d(32, 3, { padding: 1 }), relu(), maxPool2d(2)],
        ...[flattenLayer(), dense(10)],
      ],
    }),
  },
  {
    workload: "mlp",
    batch: 128,
    net: network({ inputShape: [784], layers: [dense(256), relu(), dense(256), relu(), dense(10)] }),
  },
];

/** Milliseconds of each step of one epoch; the first one is left out, for it draws the order. */
function steps({ net, batch }: Work): readonly number[] {
  const n = batch * (STEPS + 1);
  const x = matrix(n, net.inputs, normal(key(1), n * net.inputs));
  const y = matrix(
    n,
    1,
    Float64Array.from({ length: n }, (_, i) => i % 10),
  );
  const optimizer = sgd({ learningRate: 1e-2, momentum: 0.9 });
  const task = train(net, { x, y }, { epochs: 1, batchSize: batch, loss: crossEntropy(), optimizer });
  task.next();
  return Array.from({ length: STEPS }, () => {
    const start = performance.now();
    task.next();
    return performance.now() - start;
  });
}

/** One training step of a small CNN and of an MLP, beside torch's. */
export async function bench(only = ""): Promise<readonly Row[]> {
  const hands: readonly Engine[] = [wasm, nativeEngine()];
  const peers = new Peers(THREADS, "train.py");
  const rows: Row[] = [];
  for (const work of works.filter(({ workload }) => workload.startsWith(only))) {
    const times = new Map<string, number[]>();
    const add = (name: string, more: readonly number[]) =>
      times.set(name, [...(times.get(name) ?? []), ...more]);
    for (let round = 0; round < ROUNDS; round++) {
      for (const hand of hands) {
        restart({ threads: THREADS, startPool: 0 });
        useEngine(hand);
        // The first epoch in a fresh memory warms, and starts the threads.
        steps(work);
        await poolReady();
        add(`${hand.name} ${THREADS}`, steps(work));
      }
      const theirs = await peers.measure(work.workload, String(2 * STEPS));
      for (const [name, all] of Object.entries(theirs)) add(name, all.slice(STEPS));
    }
    const median = (name: string) => times.get(name)!.toSorted((a, b) => a - b)[(ROUNDS * STEPS) >> 1]!;
    for (const { name } of times.has("torch") ? hands : []) {
      const hand = `${name} ${THREADS}`;
      const [ms, peerMs] = [median(hand), median("torch")];
      const size = String(work.batch);
      rows.push({
        workload: work.workload,
        size,
        hand,
        ms,
        peer: `torch ${THREADS}`,
        peerMs,
        ratio: peerMs / ms,
      });
    }
  }
  peers.end();
  return rows;
}
