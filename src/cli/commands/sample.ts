import { Command } from "commander";
import { readTable, writeAtomically } from "../../data/files.ts";
import { formatTable, sampleTable } from "../../data/index.ts";
import { UsageError } from "../../errors/index.ts";
import { key, split } from "../../random/index.ts";
import { bandFigure, figureBytes, figurePath } from "../figures.ts";
import { readTableModel } from "../model-file.ts";
import { wholeNumber } from "../options.ts";
import { beside, counted, print } from "../report.ts";

interface Options {
  out: string;
  count: number;
  seed: number;
  figure?: string;
  json?: boolean;
}

export function sampleCommand(): Command {
  return new Command("sample")
    .description(
      "Draw functions from a model's posterior and write their values at a table's rows, a column each.",
    )
    .argument("<model>", "a model written by fit or adapt")
    .argument("<table>", "CSV file with the model's input columns, in any order")
    .requiredOption("--out <file>", "where the samples go (.csv)")
    .option("--count <n>", "how many functions", wholeNumber(1), 5)
    .option("--seed <n>", "of the draws", wholeNumber(0), 0)
    .option("--figure <file>", "draw the functions (models of one input; .svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace sample gp.safetensors grid.csv --count 5 --out samples.csv")
    .action(sampleAction);
}

async function sampleAction(modelPath: string, tablePath: string, options: Options): Promise<void> {
  const { out, count, seed } = options;
  const model = await readTableModel(modelPath);
  const table = await readTable(tablePath);
  const draws = split(key(seed), "sample");
  const samples = sampleTable(model, table, draws, count);
  const figure =
    options.figure === undefined
      ? undefined
      : bandFigure(model, { beyond: table, samples: { key: draws, count } });
  if (options.figure !== undefined && !figure) throw new UsageError("--figure needs a model of one input");
  const drawn = figure && (await figureBytes(figure, options.figure!));
  const names = samples.map((_, i) => `sample${i + 1}`);
  await writeAtomically(out, formatTable(names, beside(samples.map((s) => s.data))));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  print(
    {
      json: { command: "sample", out, count, rows: table.rows, seed },
      text: `Drew ${counted(count, "function")} at ${counted(table.rows, "row")}: ${out}`,
    },
    options.json,
  );
}
