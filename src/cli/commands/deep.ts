import { Command, Option } from "commander";
import { readBytes, readTable, writeAtomically } from "../../data/files.ts";
import {
  decodeDeepCheckpoint,
  encodeDeepCheckpoint,
  encodeModel,
  fingerprint,
  fitDeepModel,
  noiseSds,
} from "../../data/index.ts";
import type { DeepCheckpoint } from "../../deep/index.ts";
import { layersFigure } from "../deep-figure.ts";
import { figureBytes, figurePath } from "../figures.ts";
import { nameList, positiveNumber, wholeNumber } from "../options.ts";
import { counted, print, short, withProgress } from "../report.ts";

interface Options {
  target: string;
  out: string;
  ignore: string[];
  layers: number;
  inducing?: number;
  width?: number;
  steps: number;
  batch: number;
  learningRate: number;
  starts: number;
  noise: "constant" | "varying" | "chosen";
  seed: number;
  checkpoint?: string;
  resume?: string;
  figure?: string;
  json?: boolean;
}

// Steps between checkpoints: a file of some megabytes each.
const every = 100;

export function deepCommand(): Command {
  return new Command("deep")
    .description("Fit a deep Gaussian process to a table and write it to one file.")
    .argument("<table>", "CSV file with a header row (.csv or .csv.gz)")
    .requiredOption("--target <column>", "the column to predict; all others are inputs")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .option("--layers <n>", "Gaussian processes one upon the other", wholeNumber(1), 2)
    .option(
      "--inducing <n>",
      "inducing points of each layer (default: a third of the rows, 20 to 100)",
      wholeNumber(1),
    )
    .option("--width <n>", "functions of hidden layers (default: one an input, 30 at most)", wholeNumber(1))
    .addOption(
      new Option("--ignore <columns>", "columns that are neither target nor input, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .option("--steps <n>", "of each search", wholeNumber(1), 1000)
    .option("--batch <n>", "rows a step", wholeNumber(1), 256)
    .option("--learning-rate <rate>", "of Adam", positiveNumber, 0.03)
    .option("--starts <n>", "searches from different starts: the highest bound is kept", wholeNumber(1), 1)
    .addOption(
      new Option(
        "--noise <kind>",
        "of one variance, of a variance that is a function of the inputs, or the one that the bounds speak for (one search more)",
      )
        .choices(["constant", "varying", "chosen"])
        .default("chosen"),
    )
    .option("--seed <n>", "of starts, minibatches and draws", wholeNumber(0), 0)
    .option("--checkpoint <file>", `keep here every ${every} steps where the search is (.safetensors)`)
    .option("--resume <file>", "go on from such a file: the same table and options, and the same numbers")
    .option("--figure <file>", "draw what each layer does (.svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace deep data.csv --target y --layers 2 --inducing 100 --out deep.safetensors",
    )
    .action(deepAction);
}

async function deepAction(path: string, options: Options): Promise<void> {
  const { target, out, ignore, layers, inducing, width, steps, batch, learningRate, starts, noise, seed } =
    options;
  const start = performance.now();
  const table = await readTable(path);
  const fitted = { target, ignore, layers, inducing, width, steps, batch, learningRate, starts, noise, seed };
  // Also what tells two tables apart: their numbers, whatever the file is called.
  const of = JSON.stringify({ ...fitted, rows: table.rows, table: fingerprint(table) });
  const resume =
    options.resume === undefined
      ? undefined
      : decodeDeepCheckpoint(await readBytes(options.resume), of, options.resume);
  let written = Promise.resolve();
  const { model, report } = await withProgress(
    fitDeepModel(table, {
      target,
      ignore,
      layers,
      steps,
      batchSize: batch,
      learningRate,
      starts,
      noise,
      seed,
      ...(inducing !== undefined && { inducing }),
      ...(width !== undefined && { width }),
      ...(resume && { resume }),
      ...(options.checkpoint !== undefined && {
        checkpointEvery: every,
        onCheckpoint(checkpoint: DeepCheckpoint) {
          const bytes = encodeDeepCheckpoint(checkpoint, of);
          written = written.then(() => writeAtomically(options.checkpoint!, bytes));
        },
      }),
    }),
  );
  await written;
  const drawn =
    options.figure === undefined ? undefined : await figureBytes(layersFigure(model, table), options.figure);
  await writeAtomically(out, encodeModel(model));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const kind = report.starts[report.best]!.noise;
  const [leastSd, noiseSd, mostSd] = noiseSds(model, table);
  const widths = model.process.model.layers.map((layer) => layer.width);
  const bounds = report.starts.map(({ bound }) => bound);
  print(
    {
      json: {
        command: "deep",
        out,
        rows: table.rows,
        inputs: model.inputs.names,
        target,
        widths,
        noise: kind,
        noiseSd,
        ...(kind === "varying" && { noiseSdRange: [leastSd, mostSd] }),
        bound: report.bound,
        boundError: report.error,
        bounds,
        steps: report.starts[report.best]!.steps,
        collapsed: report.layers.flatMap(({ collapsed }, l) => (collapsed ? [l] : [])),
        warnings: report.warnings,
        seconds,
      },
      text: [
        `Fitted ${counted(layers, "layer")} (${[model.inputs.names.length, ...widths].join(" → ")}) to ${counted(table.rows, "row")} in ${seconds.toFixed(1)} s.`,
        `Bound on the log evidence ${short(report.bound)} nats in standard units; noise sd ${short(noiseSd)}${
          kind === "varying" ? ` in the middle, from ${short(leastSd)} to ${short(mostSd)} over the rows` : ""
        }.`,
        ...(bounds.length > 1
          ? [
              `Searches reached ${report.starts.map((s) => `${short(s.bound)} (${s.noise} noise)`).join(", ")}; kept is number ${report.best + 1}.`,
            ]
          : []),
        ...report.warnings.map((warning) => `Note: ${warning}.`),
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}
