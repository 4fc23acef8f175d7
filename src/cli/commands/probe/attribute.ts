import { Command } from "commander";
import { modelInputs, standardise, targetOf } from "../../../data/index.ts";
import { DataError } from "../../../errors/index.ts";
import { rowRange } from "../../../linalg/index.ts";
import { bars } from "../../../plot/index.ts";
import { attribute } from "../../../probes/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, short } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { readAll } from "./inputs.ts";

interface Options extends AnswerOptions {
  row: number;
  top: number;
}

export function attributeCommand(): Command {
  return new Command("attribute")
    .description("Which of the rows that a model was adapted to made a prediction what it is.")
    .argument("<files...>", "a model written by adapt, then a table with the rows to explain")
    .option("--row <n>", "which row of the table to explain, from 1", wholeNumber(1), 1)
    .option("--top <n>", "how many of the model's rows to show", wholeNumber(1), 10)
    .addOption(figureOption("the rows' shares as bars"))
    .option("--json", "print one JSON object, with all of the model's rows")
    .addHelpText("after", "\nExample:\n  funspace probe attribute adapted.safetensors data.csv --row 3")
    .action(attributeAction);
}

async function attributeAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 1);
  const { model, path } = models[0]!;
  if (!model.adapted) {
    throw new DataError(
      `${path} was not adapted: its prediction is no sum over rows; \`funspace adapt\` makes one that is`,
    );
  }
  const { approximation } = model.adapted.adaptation;
  if (approximation !== "full" && approximation !== "last-layer") {
    throw new DataError(
      `${path} was adapted with a ${approximation} covariance, under which effects of rows have no closed form: adapt it again without`,
    );
  }
  const { row } = options;
  if (row > table.rows) {
    throw new DataError(`${table.source} has ${counted(table.rows, "row")}, --row asks for row ${row}`);
  }
  const { x, y, adaptation } = model.adapted;
  const point = rowRange(modelInputs(model, table), row - 1, row);
  const { kernel, noiseVariance, prior } = adaptation;
  const found = attribute({ kernel, mean: prior, noiseVariance }, { x, y }, point);
  const scale = model.target.scale[0]!;
  const units = (value: Float64Array) =>
    standardise.undo(model.target, { rows: 1, cols: 1, data: value }).data[0]!;
  const before = units(prior.at(point).data);
  const prediction = units(adaptation.process.at(point).mean.data);
  const examples = Array.from({ length: x.rows }, (_, i) => ({
    row: i + 1,
    contribution: found.contributions.data[i]! * scale,
    leaveOneOut: found.leaveOneOut.data[i]! * scale,
    influence: found.influence.data[i]! * scale,
  })).sort((a, b) => Math.abs(b.leaveOneOut) - Math.abs(a.leaveOneOut));
  const shown = examples.slice(0, options.top);
  const signed = (v: number) => `${v < 0 ? "−" : "+"}${short(Math.abs(v))}`;
  const target = targetOf(model);
  await answer(
    {
      json: { command: "probe attribute", row, target, prediction, before, examples },
      head: ["row adapted to", "leave-one-out effect", "contribution", "influence"],
      rows: shown.map((e) => [
        String(e.row),
        signed(e.leaveOneOut),
        signed(e.contribution),
        signed(e.influence),
      ]),
      notes: [
        `${target} in row ${row}: ${short(before)} before, ${short(prediction)} after adapting; the contributions of all ${counted(x.rows, "row")} add up to the difference.`,
        "Leave-one-out effect: how much the prediction would fall without the row, scales and noise held.",
      ],
      figure: () =>
        bars({
          title: `Which rows made the prediction of row ${row}`,
          subtitle: `${target}: ${short(before)} before, ${short(prediction)} after adapting to ${counted(x.rows, "row")}`,
          names: shown.map((e) => `row ${e.row}`),
          panels: [
            { label: `leave-one-out effect (${target})`, values: shown.map((e) => e.leaveOneOut) },
            { label: `contribution (${target})`, values: shown.map((e) => e.contribution) },
          ],
        }),
    },
    options,
  );
}
