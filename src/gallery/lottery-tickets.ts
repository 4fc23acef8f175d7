import { rmse } from "../adapt/index.ts";
import { armExamples, factoryArm } from "../data/index.ts";
import { adam, dense, network, type Training, tanh } from "../networks/index.ts";
import { type Line, linePanels } from "../plot/index.ts";
import { dataMeasure, distance, lotteryTickets } from "../probes/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { full, percent, type Section, say } from "./section.ts";

const seeds = 3;
const kinds = ["ticket", "reinitialised", "shuffled"] as const;
const hues = { ticket: "blue", reinitialised: "vermillion", shuffled: "green" } as const;

type Run = readonly ({ readonly remaining: number } & Partial<
  Record<(typeof kinds)[number], { readonly error: number; readonly distance: number }>
>)[];

/** A sub-network is a function: tickets stay near the dense one, their controls do not. */
export function* lotteryTicketsSection(key: Key, seed: number): Task<Section> {
  const data = armExamples(factoryArm, split(key, "examples"), 500);
  const test = armExamples(factoryArm, split(key, "test"), 300);
  const measure = dataMeasure(test.x);
  const runs: Run[] = [];
  for (let s = 0; s < seeds; s++) {
    const start = network({
      inputShape: [3],
      layers: [dense(48), tanh(), dense(48), tanh(), dense(2)],
      seed: seed + s,
    });
    const rounds = yield* lotteryTickets(start, data, {
      rounds: 4,
      rate: 0.4,
      seed: seed + s,
      training: { epochs: 50, batchSize: 50, optimizer: adam({ learningRate: 5e-3 }), seed: seed + s },
    });
    const dense0 = rounds[0]!.ticket.network;
    const measured = (of: Training) => ({
      error: 100 * rmse(of.network.at(test.x), test.y),
      distance: 100 * distance(of.network, dense0, measure).value,
    });
    runs.push(
      rounds.map((round) => ({
        remaining: round.remaining,
        ...Object.fromEntries(kinds.flatMap((kind) => (round[kind] ? [[kind, measured(round[kind])]] : []))),
      })),
    );
  }
  const over = (round: number, kind: (typeof kinds)[number], score: "error" | "distance") => {
    const values = runs.map((run) => run[round]![kind]![score]);
    const mean = values.reduce((a, b) => a + b, 0) / seeds;
    const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    return { mean, sd: Math.sqrt(squares / (seeds - 1)) };
  };
  const rounds = runs[0]!;
  const lines = (score: "error" | "distance"): Line[] =>
    kinds.map((kind) => ({
      name: kind,
      hue: hues[kind],
      points: rounds.flatMap((round, r) => {
        // The dense network has no controls, and no distance to itself.
        if (!round[kind] || (r === 0 && score === "distance")) return [];
        const { mean, sd } = over(r, kind, score);
        return [{ x: 100 * round.remaining, y: mean, error: sd }];
      }),
    }));
  const late = rounds.length - 2;
  const at = (kind: (typeof kinds)[number]) => over(late, kind, "error").mean;
  const left = rounds[late]!.remaining;
  return {
    id: "lottery-tickets",
    title: "Sub-networks and lottery tickets",
    text: [
      "A network holds sub-networks that learn as well as it does, if they start where they started in it: winning tickets " +
        "(Frankle & Carbin 2019). Train, remove the smallest weights, put the survivors back to their first values, again. " +
        "Beside each ticket stand two controls: the same mask on freshly drawn weights, and the same weights under a " +
        "shuffled mask.",
      `Here networks learn where a robot arm's tip goes, three times from other first weights. With ${percent(left)} of the ` +
        `weights left the ticket errs by ${say(at("ticket"))} cm, reinitialised by ${say(at("reinitialised"))} cm, shuffled by ` +
        `${say(at("shuffled"))} cm (RMSE; the dense network: ${say(over(0, "ticket", "error").mean)} cm). Below, the same as ` +
        `functions: how far each is from the dense network's.`,
    ],
    pictures: [
      full((width) =>
        linePanels({
          width,
          title: "Error and function distance as weights are removed",
          subtitle: `${seeds} seeds, bars of one standard deviation`,
          input: "weights that remain (%)",
          descending: true,
          panels: [
            { label: "test RMSE (cm)", lines: lines("error") },
            { label: "L2 distance to the dense network (cm)", lines: lines("distance") },
          ],
        }),
      ),
    ],
    code: `const rounds = runSync(lotteryTickets(start, { x, y }, { rounds: 4, rate: 0.4 }));
const { ticket, reinitialised, shuffled, remaining } = rounds.at(-1);
distance(ticket.network, rounds[0].ticket.network, dataMeasure(x));   // with its Monte-Carlo error`,
    numbers: {
      remaining: left,
      ticketError: at("ticket"),
      reinitialisedError: at("reinitialised"),
      shuffledError: at("shuffled"),
      denseError: over(0, "ticket", "error").mean,
    },
  };
}
