import { Command } from "commander";
import { modelInputs, targetOf } from "../../../data/index.ts";
import { DataError } from "../../../errors/index.ts";
import { linePanels } from "../../../plot/index.ts";
import { dataMeasure, distance, drifts } from "../../../probes/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, short } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { type NamedModel, readAll, spreadRows } from "./inputs.ts";

interface Options extends AnswerOptions {
  kernelRows: number;
}

export function trajectoryCommand(): Command {
  return new Command("trajectory")
    .description(
      "How the function, the weights and the tangent kernel move from checkpoint to checkpoint, and how far the network is a kernel machine in between.",
    )
    .argument("<files...>", "checkpoints of one training (train --keep), then the table")
    .option("--kernel-rows <n>", "form kernels on at most so many rows, evenly spaced", wholeNumber(2), 200)
    .addOption(figureOption("the distances and the drift of the kernel"))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace train data.csv --target y --out base.safetensors --keep 1,5,60 --checkpoints kept\n  funspace probe trajectory kept/*.safetensors data.csv --figure drift.png",
    )
    .action(trajectoryAction);
}

async function trajectoryAction(files: string[], options: Options): Promise<void> {
  const { models: given, table } = await readAll(files, 2);
  for (const other of given.slice(1)) expectOneTraining(given[0]!, other);
  // A shell lists epoch-10 before epoch-5.
  const models = [...given].sort((a, b) => a.model.keptEpoch - b.model.keptEpoch);
  const { model } = models[0]!;
  const target = targetOf(model);
  const unit = model.target.scale[0]!;
  const x = modelInputs(model, table);
  const measure = dataMeasure(x);
  const checkpoints = models.map((m) => ({ epoch: m.model.keptEpoch, network: m.model.network }));
  const steps = drifts(checkpoints, measure, spreadRows(x, options.kernelRows)).map((drift) => ({
    ...drift,
    functionDistance: unit * drift.functionDistance,
  }));
  const last = checkpoints.at(-1)!.network;
  const toLast = checkpoints.map(({ epoch, network }) => ({
    epoch,
    distance: unit * distance(network, last, measure).value,
  }));
  await answer(
    {
      json: { command: "probe trajectory", target, rows: x.rows, steps, toLast },
      head: [
        "epochs",
        `distance (${target})`,
        "left to the last",
        "weights moved",
        "kernel change",
        "alignment",
        "gap",
      ],
      rows: steps.map((s, i) => [
        `${s.from} → ${s.to}`,
        short(s.functionDistance),
        short(toLast[i + 1]!.distance),
        short(s.weightDistance),
        short(s.kernelChange),
        s.kernelAlignment.toFixed(4),
        short(s.linearisationGap),
      ]),
      notes: [
        `L2 distances over ${counted(x.rows, "row")}. Gap: how far the network's linearisation at the earlier epoch misses the later function, as a share of the distance; near 0 the network is a kernel machine there.`,
      ],
      figure: () =>
        linePanels({
          title: `Training in function space: ${target}`,
          subtitle: `${counted(models.length, "checkpoint")}, over ${counted(x.rows, "row")}`,
          input: "epoch",
          panels: [
            {
              label: `L2 distance (${target})`,
              lines: [
                {
                  name: "to the last",
                  hue: "blue",
                  points: toLast.map((p) => ({ x: p.epoch, y: p.distance })),
                },
                {
                  name: "from the one before",
                  hue: "sky",
                  dashed: true,
                  points: steps.map((s) => ({ x: s.to, y: s.functionDistance })),
                },
              ],
            },
            {
              label: "share of the kernel, of the step",
              lines: [
                {
                  name: "kernel change",
                  hue: "vermillion",
                  points: steps.map((s) => ({ x: s.to, y: s.kernelChange })),
                },
                {
                  name: "linearisation gap",
                  hue: "green",
                  points: steps.map((s) => ({ x: s.to, y: s.linearisationGap })),
                },
              ],
            },
          ],
        }),
    },
    options,
  );
}

/** Weights and kernels can be compared within one structure and one choice of units. */
function expectOneTraining(first: NamedModel, other: NamedModel): void {
  const facts = ({ model }: NamedModel) =>
    JSON.stringify([
      model.inputs,
      model.target,
      model.network.layers.map(({ definition }) => definition),
      model.network.weights.map((record) => Object.values(record).map(({ shape }) => shape)),
    ]);
  if (facts(first) === facts(other)) return;
  throw new DataError(
    `${first.path} and ${other.path} are no checkpoints of one training: their layers or units differ; make some with \`funspace train --keep\`, or compare any models with \`funspace probe map\``,
  );
}
