import { Command } from "commander";
import { readBytes, readTable, writeAtomically } from "../../data/files.ts";
import {
  decodeModel,
  formatTable,
  inputsOfModel,
  predictTable,
  scorePrediction,
  targetOf,
} from "../../data/index.ts";
import { column } from "../../data/table.ts";
import { DataError, UsageError } from "../../errors/index.ts";
import { bandFigure, figureBytes, figurePath, predictionFigure } from "../figures.ts";
import { beside, counted, percent, print, short } from "../report.ts";

interface Options {
  out: string;
  target?: string;
  figure?: string;
  json?: boolean;
}

export function predictCommand(): Command {
  return new Command("predict")
    .description(
      "Predict each row of a table: mean, sd and 95 % interval (mean only from a network not adapted).",
    )
    .argument("<model>", "a model written by train, adapt or fit")
    .argument("<table>", "CSV file with the model's input columns, in any order")
    .requiredOption("--out <file>", "where the predictions go (.csv)")
    .option("--target <column>", "score the predictions against this column")
    .option(
      "--figure <file>",
      "draw predictions against the target, or the function of one input (.svg or .png)",
      figurePath,
    )
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace predict adapted.safetensors more.csv --out predictions.csv --target y",
    )
    .action(predictAction);
}

async function predictAction(modelPath: string, tablePath: string, options: Options): Promise<void> {
  const start = performance.now();
  const model = decodeModel(await readBytes(modelPath), modelPath);
  const table = await readTable(tablePath);
  if (options.target !== undefined && inputsOfModel(model).includes(options.target)) {
    throw new DataError(
      `"${options.target}" is an input of ${modelPath}, which predicts "${targetOf(model)}": score against a column of that`,
    );
  }
  const truth = options.target === undefined ? undefined : column(table, options.target);
  const prediction = predictTable(model, table);
  const scored = truth && scorePrediction(prediction, truth);
  const { mean, spread } = prediction;
  const columns = spread ? { mean, sd: spread.sd, lower95: spread.lower, upper95: spread.upper } : { mean };
  const figure =
    options.figure === undefined
      ? undefined
      : truth
        ? predictionFigure(model, prediction, truth)
        : bandFigure(model, { beyond: table });
  if (options.figure !== undefined && !figure) {
    throw new UsageError(
      "--figure needs --target to compare with (only an adapted network or a Gaussian process of one input does without)",
    );
  }
  const drawn = figure && (await figureBytes(figure, options.figure!));
  await writeAtomically(options.out, formatTable(Object.keys(columns), beside(Object.values(columns))));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const lines = [`Predicted ${counted(table.rows, "row")} in ${seconds.toFixed(1)} s: ${options.out}`];
  if (scored) {
    const { rmse, nlpd, coverage95 } = scored;
    lines.push(
      nlpd === undefined || coverage95 === undefined
        ? `RMSE ${short(rmse)}`
        : `RMSE ${short(rmse)}, NLPD ${short(nlpd)}, 95 % intervals cover ${percent(coverage95)}`,
    );
  }
  print(
    {
      json: { command: "predict", out: options.out, rows: table.rows, ...scored, seconds },
      text: lines.join("\n"),
    },
    options.json,
  );
}
