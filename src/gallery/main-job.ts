import { adapt, rmse } from "../adapt/index.ts";
import { columnVector, type Matrix, matrix } from "../linalg/index.ts";
import {
  adam,
  cosineSchedule,
  dense,
  type Examples,
  type Network,
  network,
  parameterCount,
  tanh,
  train,
} from "../networks/index.ts";
import { functionBand } from "../plot/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { armPath, armPathFigure, changedExamples, trainArm } from "./robot-arm.ts";
import { evenly, half, heightOf, percent, type Section, say, shareInside } from "./section.ts";

const old = (x: number) => Math.sin(2 * x) + 0.3 * x;
const changed = (x: number) => 1.25 * Math.sin(2 * x + 0.35) + 0.3 * x + 0.3;
const noise = 0.05;
const seen = 8;
const armSamples = 20;
const shown = evenly(-3, 3, 181);

/** A trained network meets new data: its weights become a kernel, its function the mean of a Gaussian process. */
export function* mainJobSection(key: Key, seed: number): Task<Section> {
  const net = yield* trainedOn(old, split(key, "old"), seed);
  const data = examples(changed, split(key, "changed"), seen, [-2.8, 1.6]);
  const adapted = adapt(net, data);
  const f = adapted.process.at(shown);
  const bands = f.interval(0.95);
  const truth = columnVector(Array.from(shown.data, changed));
  const before = net.at(shown);
  const errors = { before: rmse(before, truth), after: rmse(f.mean, truth) };
  const covered = shareInside(truth.data, bands);
  const samples = adapted.process.sample(split(key, "samples"), 5).map((path) => path.at(shown).data);

  const arm = yield* trainArm(seed);
  const path = armPath(arm, changedExamples(seed, armSamples));
  const armErrors = { before: distance(path.before, path.truth), after: distance(path.mean, path.truth) };
  const armFigure = (width: number) => armPathFigure(path, armSamples, width);
  return {
    id: "main-job",
    title: "The main job: a trained network meets new data",
    text: [
      "A network was trained on one function; then the function changed, and only a few new observations are there. " +
        "Around its weights the network is a Gaussian process: its function is the mean, J(x)J(x′)ᵀ, from the " +
        "derivatives by its weights, the kernel. Adapting is conditioning, with no descent and no local optima.",
      `In the first figure ${seen} observations take the error from ${say(errors.before)} to ${say(errors.after)} ` +
        `(RMSE over the range shown); the 95 % band holds ${percent(covered)} of the changed function and opens where ` +
        `nothing was seen. In the second a network of ${say(parameterCount(arm.network), 4)} weights learned where a robot arm's tip goes; after the ` +
        `arm's middle link was replaced and it picked up a load, ${armSamples} sightings take the mean error along this sweep ` +
        `from ${(100 * armErrors.before).toFixed(1)} cm to ${(100 * armErrors.after).toFixed(1)} cm.`,
    ],
    pictures: [
      half((width) =>
        functionBand({
          width,
          height: heightOf(armFigure(width)),
          title: `A changed function after ${seen} observations`,
          input: "x",
          output: "f(x)",
          x: shown.data,
          mean: f.mean.data,
          lower: bands.lower.data,
          upper: bands.upper.data,
          before: before.data,
          truth: truth.data,
          samples,
          observations: { x: data.x.data, y: data.y.data },
        }),
      ),
      half(armFigure),
    ],
    code: `const x = columnVector(Array.from({ length: 200 }, (_, i) => -3 + (6 * i) / 199));
const y = columnVector(Array.from(x.data, (v) => Math.sin(2 * v)));
const start = network({ inputShape: [1], layers: [dense(40), tanh(), dense(40), tanh(), dense(1)], seed });
const { network: net } = runSync(train(start, { x, y }));

const xNew = columnVector([-2, -1, 0, 1]);                       // the function has changed
const yNew = columnVector(Array.from(xNew.data, (v) => 1.3 * Math.sin(2 * v + 0.4)));
const { process } = adapt(net, { x: xNew, y: yNew });            // p(f | new data)
process.at(x).interval(0.95);
const functions = process.sample(key(seed), 5);`,
    numbers: {
      errorBefore: errors.before,
      errorAfter: errors.after,
      covered,
      armErrorBefore: armErrors.before,
      armErrorAfter: armErrors.after,
    },
  };
}

function* trainedOn(f: (x: number) => number, key: Key, seed: number): Task<Network> {
  const layers = [dense(40), tanh(), dense(40), tanh(), dense(1)];
  const trained = yield* train(network({ inputShape: [1], layers, seed }), examples(f, key, 300, [-3, 3]), {
    epochs: 200,
    batchSize: 50,
    optimizer: adam({ learningRate: 5e-3 }),
    schedule: cosineSchedule(),
    seed,
  });
  return trained.network;
}

function examples(
  f: (x: number) => number,
  key: Key,
  count: number,
  [from, to]: readonly [number, number],
): Examples {
  const x = uniform(split(key, "places"), count).map((u) => from + (to - from) * u);
  const errors = normal(split(key, "noise"), count);
  return {
    x: matrix(count, 1, x),
    y: matrix(
      count,
      1,
      x.map((v, i) => f(v) + noise * errors[i]!),
    ),
  };
}

/** The mean distance between places, one a row. */
function distance(a: Matrix, b: Matrix): number {
  let sum = 0;
  for (let i = 0; i < a.rows; i++) {
    sum += Math.hypot(a.data[2 * i]! - b.data[2 * i]!, a.data[2 * i + 1]! - b.data[2 * i + 1]!);
  }
  return sum / a.rows;
}
