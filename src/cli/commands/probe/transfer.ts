import { Command } from "commander";
import { rmse } from "../../../adapt/index.ts";
import { targetOf } from "../../../data/index.ts";
import { bars } from "../../../plot/index.ts";
import { layerContributions } from "../../../probes/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, percent, short, withProgress } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { examplesOf, layerName, readAll } from "./inputs.ts";
import { type TrainingFlags, trainingOf, withTrainingOptions } from "./training.ts";

interface Options extends AnswerOptions, TrainingFlags {
  evidenceRows: number;
}

export function transferCommand(): Command {
  const command = new Command("transfer")
    .description(
      "What each layer of a model is worth on new rows: by function distance, by the error of networks trained with it held and with a fresh one held, and by the evidence of its scale in the tangent kernel.",
    )
    .argument("<files...>", "a model, then a table of the new task, half of which is held out")
    .option("--evidence-rows <n>", "how many rows the evidence uses", wholeNumber(2), 200);
  return withTrainingOptions(command)
    .addOption(figureOption("the layers' contributions as bars"))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace probe transfer base.safetensors new.csv --figure layers.png",
    )
    .action(transferAction);
}

async function transferAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 1);
  const { model, path } = models[0]!;
  const target = targetOf(model);
  const unit = model.target.scale[0]!;
  const { train, test } = examplesOf(model, table, 0.5, options.seed);
  const found = await withProgress(
    layerContributions(model.network, train, test, {
      training: trainingOf(options),
      seed: options.seed + 1,
      score: (predicted, y) => -rmse(predicted, y),
      evidenceRows: options.evidenceRows,
    }),
  );
  const layers = found.map((c) => ({
    layer: c.layer,
    kind: c.kind,
    functionDistance: unit * c.functionDistance,
    rmseTransferred: -unit * c.scoreTransferred,
    rmseFresh: -unit * c.scoreFresh,
    scale: c.scale,
    varianceShare: c.varianceShare,
    // Finer differences are the tolerance of the search for scales.
    evidence: Math.round(100 * c.evidence) / 100,
  }));
  await answer(
    {
      json: {
        command: "probe transfer",
        target,
        rows: table.rows,
        heldOut: test.x.rows,
        evidenceRows: Math.min(options.evidenceRows, train.x.rows),
        layers,
      },
      head: ["layer", "distance", "RMSE held", "RMSE fresh", "evidence (nats)", "share of variance"],
      rows: layers.map((l) => [
        layerName(model, l.layer),
        short(l.functionDistance),
        short(l.rmseTransferred),
        short(l.rmseFresh),
        short(l.evidence),
        percent(l.varianceShare),
      ]),
      notes: [
        `${target} on ${counted(test.x.rows, "row")} held out of ${table.source}. Distance: L2, to the model with the layer drawn afresh. RMSE: all other layers trained from fresh weights, this one held at the model's, or at fresh ones. Evidence: log p(y) less that without the layer's kernel, other scales and noise chosen anew.`,
      ],
      figure: () => {
        const names = layers.map((l) => `layer ${layerName(model, l.layer)}`);
        return bars({
          title: `What each layer of ${path} is worth`,
          subtitle: `on ${table.source}`,
          names,
          panels: [
            {
              label: `L2 distance when drawn afresh (${target})`,
              values: layers.map((l) => l.functionDistance),
            },
            {
              label: `RMSE gained by holding it (${target})`,
              values: layers.map((l) => l.rmseFresh - l.rmseTransferred),
            },
            { label: "evidence of its kernel (nats)", values: layers.map((l) => l.evidence) },
          ],
        });
      },
    },
    options,
  );
}
