import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { chooseEngine } from "../../src/cli/engine.ts";
import { adam, crossEntropy, glorotWeights } from "../../src/networks/index.ts";
import { type Figure, type Line, linePanels } from "../../src/plot/index.ts";
import { toPng } from "../../src/plot/png.ts";
import { dataMeasure, distance, lotteryTickets } from "../../src/probes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import type { Digits } from "../support/mnist.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";
import { absent, accuracy, lenet, mean, normalised, points, shuffledDigits, spread } from "./digits.ts";

const kinds = ["ticket", "reinitialised", "shuffled"] as const;
type Kind = (typeof kinds)[number];

/** Of one round of one seed. */
interface Round {
  readonly remaining: number;
  /** How many steps the least validation loss came after, looked at every 50. */
  readonly step: number;
  readonly accuracy: Partial<Record<Kind, number>>;
  /** L2, to the dense network. */
  readonly distance: Partial<Record<Kind, number>>;
}

const rounds = 11;
/** 33 % of the weights remain. */
const third = 5;

/**
 * Design facts, check 3: Glorot's weights, nine epochs of 134 steps (its 1,200 iterations), rates of .2, .2 and .1; the
 * test images choose the step, as there. Each seed has its own weights and its own test images.
 */
function oneSeed(
  seed: number,
  scaled: (part: Digits) => Digits,
  controlRounds: readonly number[],
): readonly Round[] {
  const images = shuffledDigits(seed)!;
  const data = { train: scaled(images.train), test: scaled(images.test) };
  const measure = dataMeasure(data.test.x);
  const draw = (s: number) => glorotWeights(lenet(0), s);
  const found = runSync(
    lotteryTickets(draw(seed), data.train, {
      rounds,
      controlRounds,
      draw,
      seed,
      training: {
        epochs: 9,
        batchSize: 60,
        loss: crossEntropy(),
        optimizer: adam({ learningRate: 1.2e-3 }),
        validation: data.test,
        validateEvery: 50,
        seed,
      },
    }),
  );
  const dense = found[0]!.ticket.network;
  return found.map((round) => {
    const of = (score: (network: typeof dense) => number) =>
      Object.fromEntries(kinds.flatMap((kind) => (round[kind] ? [[kind, score(round[kind].network)]] : [])));
    return {
      remaining: round.remaining,
      step: round.ticket.keptStep,
      accuracy: of((net) => accuracy(net, data.test)),
      distance: of((net) => distance(dense, net, measure).value),
    };
  });
}

function checksOf(runs: readonly (readonly Round[])[]): readonly Check[] {
  const at = (round: number, kind: Kind) => runs.map((run) => run[round]!.accuracy[kind]!);
  const last = (kind: Kind) => at(rounds, kind);
  const gaps = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]!);
  const [dense, ticket] = [at(0, "ticket"), last("ticket")];
  const above = (control: Kind) => gaps(ticket, last(control));
  const steps = (round: number) => runs.map((run) => run[round]!.step);
  const far = (kind: Kind) => mean(runs.map((run) => run[rounds]!.distance[kind]!)).toFixed(2);
  return [
    reported("weights that remain", `${(100 * runs[0]![rounds]!.remaining).toFixed(1)} %`),
    atLeast("ticket less dense, accuracy, mean of seeds", mean(gaps(ticket, dense)), -0.01, 4),
    atLeast("ticket less reinitialised", mean(above("reinitialised")), 0.012, 4),
    atLeast("ticket less shuffled mask", mean(above("shuffled")), 0.02, 4),
    reported(
      "the two of each seed",
      runs
        .map((_, i) =>
          kinds
            .slice(1)
            .map((kind) => above(kind)[i]!.toFixed(4))
            .join(" and "),
        )
        .join("; "),
    ),
    atMost(
      "step of the least validation loss at 33 % of the weights, over the dense network's",
      mean(steps(third)) / mean(steps(0)),
      0.75,
    ),
    reported(
      "the steps of each seed, ticket; dense",
      [third, 0].map((round) => steps(round).join(", ")).join("; "),
    ),
    reported("dense, accuracy", points(dense)),
    ...kinds.map((kind) => reported(kind, points(last(kind)))),
    reported("L2 distance to the dense network: ticket, reinitialised, shuffled", kinds.map(far).join(", ")),
  ];
}

const figure = resolve(import.meta.dirname, "../../docs/lottery-tickets.png");
const hues = { ticket: "blue", reinitialised: "vermillion", shuffled: "green" } as const;

function figureOf(runs: readonly (readonly Round[])[]): Figure {
  const line = (kind: Kind, score: "accuracy" | "distance", scale: number): Line => ({
    name: kind,
    hue: hues[kind],
    points: runs[0]!.flatMap((round, r) => {
      // The dense network is at no distance from itself.
      if (round[score][kind] === undefined || (r === 0 && score === "distance")) return [];
      const values = runs.map((run) => scale * run[r]![score][kind]!);
      return [{ x: 100 * round.remaining, y: mean(values), error: spread(values) }];
    }),
  });
  return linePanels({
    title: "Lottery tickets: LeNet-300-100 on 8,000 handwritten digits",
    subtitle: `2,000 test images; ${runs.length} seeds, bars of one standard deviation`,
    input: "weights that remain (%)",
    descending: true,
    panels: [
      { label: "test accuracy (%)", lines: kinds.map((kind) => line(kind, "accuracy", 100)) },
      {
        label: "L2 distance to the dense network (logits)",
        lines: kinds.map((kind) => line(kind, "distance", 1)),
      },
    ],
  });
}

/** The issue's: normalised images, with the figure. */
export const tickets: Group = {
  title:
    "Lottery tickets: LeNet-300-100 on 8,000 digits, normalised, Glorot, Adam 1.2e-3, 9 epochs a round, 11 rounds, six seeds",
  async run() {
    if (!shuffledDigits(0)) return absent;
    chooseEngine();
    const runs = [0, 1, 2, 3, 4, 5].map((seed) => oneSeed(seed, normalised, [third, rounds]));
    writeFileSync(figure, await toPng(figureOf(runs)));
    return checksOf(runs);
  },
};

/** Design facts, check 3, exactly: pixels from 0 to 1. */
export const ticketsOfPixels: Group = {
  title: "Lottery tickets (design facts, check 3): the same with pixels from 0 to 1",
  run() {
    if (!shuffledDigits(0)) return absent;
    chooseEngine();
    return checksOf([0, 1, 2].map((seed) => oneSeed(seed, (part) => part, [rounds])));
  },
};
