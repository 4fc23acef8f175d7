import { adapt, conditionTangent, rmse } from "../../src/adapt/index.ts";
import { type Fn, type Matrix, matrix } from "../../src/linalg/index.ts";
import { adam, dense, type Examples, network, tanh, train } from "../../src/networks/index.ts";
import type { Process } from "../../src/processes/index.ts";
import { type Key, key, normal, split, uniform } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { atLeast, type Group, reported } from "./check.ts";

/**
 * Acceptance check 1 (d): sine tasks of Bayesian MAML, 50 source points, 10 target points, ten seeds. Target tasks
 * are drawn afresh, so the paper's code keeps of the network only its kernel, unscaled, and a constant mean.
 */
export const sines: Group = {
  title: "Fast adaptation (design facts, check 1 d): sines, 1-40-40-1 tanh, f64, ten seeds",
  run() {
    const results = Array.from({ length: 10 }, (_, seed) => transfer(seed));
    const names = Object.keys(results[0]!) as (keyof Transfer)[];
    const wins = (way: keyof Transfer) => results.filter((r) => r[way] <= r["fine-tuned"]).length;
    const median = (way: keyof Transfer) =>
      results
        .map((r) => r[way])
        .sort((p, q) => p - q)[5]!
        .toFixed(2);
    return [
      atLeast("seeds of 10 where the paper's form is no worse than fine-tuning", wins("paper's form"), 7, 0),
      ...names.map((name) =>
        reported(
          `${name}: seeds no worse than fine-tuning; median test nRMSE`,
          `${wins(name)}; ${median(name)}`,
        ),
      ),
    ];
  },
};

type Transfer = ReturnType<typeof transfer>;

function transfer(seed: number) {
  const root = split(key(seed), "sines");
  const source = sine(split(root, "source"), 50);
  const target = task(split(root, "target"));
  const fresh = examples(target, split(root, "fresh"), 10);
  const test = examples(target, split(root, "test"), 500);
  const start = network({
    inputShape: [1],
    layers: [dense(40), tanh(), dense(40), tanh(), dense(1)],
    seed,
    precision: "f64",
  });
  const training = (epochs: number, learningRate: number) => ({
    epochs,
    batchSize: 50,
    optimizer: adam({ learningRate }),
  });
  const { network: net } = runSync(train(start, source, training(2500, 5e-3)));
  const error = (f: Fn) => rmse(f.at(test.x), test.y) / rmse(mean(test.y), test.y);
  const adapted = (process: Process): Fn => ({ inputs: 1, outputs: 1, at: (x) => process.at(x).mean });
  const unscaled = { ...fresh, noiseVariance: 1e-3 };
  return {
    "paper's form": error(
      adapted(
        conditionTangent(tangentKernel(net), unscaled, { space: "function", mean: "constant" }).process,
      ),
    ),
    "adapted, constant mean": error(adapted(adapt(net, fresh, { mean: "constant" }).process)),
    "adapted, network as mean": error(adapted(adapt(net, fresh).process)),
    "adapted about fine-tuned (300 steps at 1e-3)": error(
      adapted(adapt(net, fresh, { mean: "fine-tuned" }).process),
    ),
    "fine-tuned": error(runSync(train(net, fresh, training(1000, 1e-2))).network),
    "from scratch": error(runSync(train(start, fresh, training(2500, 5e-3))).network),
    "network as it is": error(net),
  };
}

interface Sine {
  readonly amplitude: number;
  readonly phase: number;
  readonly frequency: number;
}

function task(k: Key): Sine {
  const [a, b, c] = uniform(k, 3);
  return { amplitude: 0.1 + 4.9 * a!, phase: 2 * Math.PI * b!, frequency: 0.5 + 1.5 * c! };
}

function sine(k: Key, n: number): Examples {
  return examples(task(split(k, "task")), k, n);
}

function examples({ amplitude, phase, frequency }: Sine, k: Key, n: number): Examples {
  const x = matrix(
    n,
    1,
    uniform(split(k, "x"), n).map((u) => 10 * u - 5),
  );
  const noise = normal(split(k, "noise"), n);
  const y = x.data.map((v, i) => amplitude * (Math.sin(frequency * v + phase) + 0.01 * noise[i]!));
  return { x, y: matrix(n, 1, y) };
}

function mean(y: Matrix): Matrix {
  const m = y.data.reduce((sum, v) => sum + v, 0) / y.rows;
  return { ...y, data: y.data.map(() => m) };
}
