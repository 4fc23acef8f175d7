import { adapt } from "../adapt/index.ts";
import type { Fn } from "../linalg/index.ts";
import { train } from "../networks/index.ts";
import { functionScatter } from "../plot/index.ts";
import {
  ablate,
  dataMeasure,
  distanceMatrix,
  functionMap,
  lotteryTickets,
  trainTrajectory,
} from "../probes/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import {
  changedTruth,
  examplesOf,
  shown,
  startNetwork,
  trainingOf,
  truth,
  withoutUnit,
} from "./learned-function.ts";
import { full, percent, type Section, say } from "./section.ts";

interface Place {
  readonly name: string;
  readonly group: string;
  readonly fn: Fn;
}

const kept = [0, 1, 3, 10, 30, 90];

/** Checkpoints, seeds, tickets, ablations and an adapted network in one picture. */
export function* mapSection(key: Key, seed: number): Task<Section> {
  const examples = examplesOf(truth, split(key, "examples"), 200);
  const { checkpoints, training } = yield* trainTrajectory(startNetwork(seed), examples, {
    ...trainingOf(seed),
    keep: kept,
  });
  const net = training.network;
  const places: Place[] = checkpoints.map(({ epoch, network }) => ({
    name: `epoch ${epoch}`,
    group: "checkpoints",
    fn: network,
  }));
  for (const other of [1, 2, 3]) {
    const { network } = yield* train(startNetwork(seed + other), examples, trainingOf(seed + other));
    places.push({ name: `seed ${other}`, group: "other seeds", fn: network });
  }
  const rounds = yield* lotteryTickets(startNetwork(seed), examples, {
    rounds: 5,
    rate: 0.5,
    controlRounds: [],
    training: trainingOf(seed),
  });
  for (const { remaining, ticket } of rounds.slice(1)) {
    places.push({ name: percent(remaining), group: "tickets, weights left", fn: ticket.network });
  }
  for (const { layer, unit } of ablate(net, shown).slice(0, 3)) {
    const fn = withoutUnit(net, layer + 1, unit);
    places.push({ name: `without unit ${unit} of layer ${layer}`, group: "a unit removed", fn });
  }
  const adapted = adapt(net, examplesOf(changedTruth, split(key, "new"), 8));
  places.push({ name: "adapted", group: "adapted to 8 observations", fn: meanOf(adapted.process) });
  places.push({ name: "the new task", group: "truths", fn: plain(changedTruth) });
  places.push({ name: "the old task", group: "truths", fn: plain(truth) });

  const distances = distanceMatrix(
    places.map(({ fn }) => fn),
    dataMeasure(shown),
  );
  const map = functionMap(distances);
  const between = (a: string, b: string) =>
    distances.data[
      places.findIndex(({ name }) => name === a) * places.length + places.findIndex(({ name }) => name === b)
    ]!;
  const [before, after] = [between("epoch 90", "the new task"), between("adapted", "the new task")];
  return {
    id: "map-of-functions",
    title: "A map of function space",
    text: [
      "Networks of different weights, sizes and histories are points of one space once they are functions: the distance is L2 " +
        "over the inputs, and multidimensional scaling lays the points out in the plane. Training is a path; other first " +
        "weights end beside it, though their weights lie far apart; tickets stray as weights go; a removed unit is a step aside.",
      `Adapting jumps: from the trained network, ${say(before)} away from the changed task, 8 observations lead to a function ` +
        `${say(after)} away. The plane misses the true distances by ${percent(map.stress)} (stress).`,
    ],
    pictures: [
      full((width) =>
        functionScatter({
          width,
          title: "Functions, as far apart as they are",
          distance: "L2 distance",
          points: places.map(({ name, group }, i) => ({
            name,
            group,
            x: map.places.data[2 * i]!,
            y: map.places.data[2 * i + 1]!,
          })),
          paths: [kept.map((_, i) => i)],
        }),
      ),
    ],
    code: `const distances = distanceMatrix([net, other, ticket, mean], dataMeasure(x));
const { places, stress } = functionMap(distances);`,
    numbers: { stress: map.stress, adaptedBefore: before, adaptedAfter: after },
  };
}

function meanOf(process: { at(x: Parameters<Fn["at"]>[0]): { readonly mean: ReturnType<Fn["at"]> } }): Fn {
  return { inputs: 1, outputs: 1, at: (x) => process.at(x).mean };
}

function plain(f: (x: number) => number): Fn {
  return { inputs: 1, outputs: 1, at: (x) => ({ ...x, data: x.data.map(f) }) };
}
