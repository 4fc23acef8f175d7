import { Command, Option } from "commander";
import { rmse } from "../../../adapt/index.ts";
import { targetOf } from "../../../data/index.ts";
import { drawWeights, type Training } from "../../../networks/index.ts";
import { type Line, linePanels } from "../../../plot/index.ts";
import { dataMeasure, distance, lotteryTickets } from "../../../probes/index.ts";
import type { Task } from "../../../tasks/index.ts";
import { fraction, wholeNumber } from "../../options.ts";
import { counted, percent, short, withProgress } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { examplesOf, readAll } from "./inputs.ts";
import { staged, type TrainingFlags, trainingOf, withTrainingOptions } from "./training.ts";

interface Options extends AnswerOptions, TrainingFlags {
  rounds: number;
  rate: number;
  scope: "layer" | "global";
  oneShot?: boolean;
  rewind: number;
  seeds: number;
}

const kinds = ["ticket", "reinitialised", "shuffled"] as const;
type Kind = (typeof kinds)[number];

/** RMSE on the rows held out and L2 distance to the dense network of one trained network, in the target's units. */
interface Measured {
  readonly rmse: number;
  readonly distance: number;
}

interface Round {
  readonly remaining: number;
  readonly measured: Readonly<Partial<Record<Kind, Measured>>>;
}

export function ticketsCommand(): Command {
  const command = new Command("tickets")
    .description(
      "Lottery tickets: networks of the model's structure trained on the table, pruned by magnitude and put back to their first weights, round by round, beside the same sub-networks with other weights and with weights at other places.",
    )
    .argument("<files...>", "a model whose structure and columns are used, then the table to train on")
    .option("--rounds <n>", "of pruning", wholeNumber(1), 6)
    .option("--rate <share>", "of the surviving weights that a round removes", fraction, 0.4)
    .addOption(
      new Option("--scope <kind>", "compare magnitudes within a layer, or over all of them")
        .choices(["layer", "global"])
        .default("layer"),
    )
    .option("--one-shot", "prune the dense network at once to what each round leaves, not the last ticket")
    .option(
      "--rewind <steps>",
      "put survivors back to where they were after so many steps",
      wholeNumber(0),
      0,
    )
    .option("--seeds <n>", "how many times, from other first weights", wholeNumber(1), 3);
  return withTrainingOptions(command)
    .addOption(figureOption("error and function distance against the weights that remain"))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace probe tickets base.safetensors data.csv --figure tickets.png",
    )
    .action(ticketsAction);
}

async function ticketsAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 1);
  const { model, path } = models[0]!;
  const target = targetOf(model);
  const unit = model.target.scale[0]!;
  const data = examplesOf(model, table, 0.25, options.seed);
  const measure = dataMeasure(data.test.x);
  const measured = (of: Training, dense: Training): Measured => ({
    rmse: unit * rmse(of.network.at(data.test.x), data.test.y),
    distance: unit * distance(of.network, dense.network, measure).value,
  });

  function* oneSeed(seed: number): Task<readonly Round[]> {
    const found = yield* lotteryTickets(drawWeights(model.network, seed), data.train, {
      rounds: options.rounds,
      rate: options.rate,
      scope: options.scope,
      oneShot: options.oneShot ?? false,
      rewindStep: options.rewind,
      seed,
      training: trainingOf({ ...options, seed }),
    });
    const dense = found[0]!.ticket;
    return found.map((round) => ({
      remaining: round.remaining,
      measured: Object.fromEntries(
        kinds.flatMap((kind) => (round[kind] ? [[kind, measured(round[kind], dense)]] : [])),
      ),
    }));
  }
  function* allSeeds(): Task<readonly (readonly Round[])[]> {
    const runs: (readonly Round[])[] = [];
    for (let s = 0; s < options.seeds; s++) {
      runs.push(yield* staged(`seed ${s + 1} of ${options.seeds}`, oneSeed(options.seed + s)));
    }
    return runs;
  }
  const rounds = together(await withProgress(allSeeds()));
  const shown = (m: Moments | undefined) =>
    m === undefined
      ? ""
      : options.seeds > 1
        ? `${short(m.mean)} ± ${short(Number(m.sd.toPrecision(2)))}`
        : short(m.mean);
  const line = (kind: Kind, score: keyof Measured): Line => ({
    name: kind,
    hue: ({ ticket: "blue", reinitialised: "vermillion", shuffled: "green" } as const)[kind],
    points: rounds.flatMap((round) => {
      // The dense network is at no distance from itself.
      const at = score === "distance" && round.remaining === 1 ? undefined : round[kind]?.[score];
      const x = 100 * round.remaining;
      return at ? [{ x, y: at.mean, ...(options.seeds > 1 && { error: at.sd }) }] : [];
    }),
  });
  await answer(
    {
      json: {
        command: "probe tickets",
        target,
        rows: table.rows,
        heldOut: data.test.x.rows,
        seeds: options.seeds,
        scope: options.scope,
        oneShot: options.oneShot ?? false,
        rewind: options.rewind,
        rounds,
      },
      head: ["weights left", ...kinds.map((kind) => `RMSE ${kind}`), "distance ticket", "distance shuffled"],
      rows: rounds.map((r) => [
        percent(r.remaining),
        ...kinds.map((kind) => shown(r[kind]?.rmse)),
        shown(r.ticket?.distance),
        shown(r.shuffled?.distance),
      ]),
      notes: [
        `${target}, on ${counted(data.test.x.rows, "row")} held out; mean ± sd of ${counted(options.seeds, "seed")}. Distance: L2, to the dense network.`,
      ],
      figure: () =>
        linePanels({
          title: `Lottery tickets of ${path}`,
          subtitle: `${counted(data.test.x.rows, "row")} held out; ${counted(options.seeds, "seed")}, bars of one sd; pruned ${options.oneShot ? "at once" : "round by round"}, ${options.scope === "global" ? "over all layers" : "within each layer"}`,
          input: "weights that remain (%)",
          descending: true,
          panels: [
            { label: `RMSE of ${target}`, lines: kinds.map((kind) => line(kind, "rmse")) },
            {
              label: `L2 distance to the dense network (${target})`,
              lines: kinds.map((kind) => line(kind, "distance")),
            },
          ],
        }),
    },
    options,
  );
}

interface Moments {
  readonly mean: number;
  readonly sd: number;
}

/** Mean and standard deviation over the seeds, round by round. */
function together(runs: readonly (readonly Round[])[]) {
  return runs[0]!.map(({ remaining }, r) => ({
    remaining,
    ...Object.fromEntries(
      kinds
        .filter((kind) => runs[0]![r]!.measured[kind])
        .map((kind) => {
          const over = (score: keyof Measured) => moments(runs.map((run) => run[r]!.measured[kind]![score]));
          return [kind, { rmse: over("rmse"), distance: over("distance") }];
        }),
    ),
  })) as readonly ({ readonly remaining: number } & Partial<Record<Kind, Record<keyof Measured, Moments>>>)[];
}

function moments(values: readonly number[]): Moments {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((s, v) => s + (v - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
