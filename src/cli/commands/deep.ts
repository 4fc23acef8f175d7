import { Command, Option } from "commander";
import { readTable, writeAtomically } from "../../data/files.ts";
import { encodeModel, fitDeepModel } from "../../data/index.ts";
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
  seed: number;
  json?: boolean;
}

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
    .option("--seed <n>", "of starts, minibatches and draws", wholeNumber(0), 0)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace deep data.csv --target y --layers 2 --inducing 100 --out deep.safetensors",
    )
    .action(deepAction);
}

async function deepAction(path: string, options: Options): Promise<void> {
  const { target, out, ignore, layers, inducing, width, steps, batch, learningRate, starts, seed } = options;
  const start = performance.now();
  const table = await readTable(path);
  const { model, report } = await withProgress(
    fitDeepModel(table, {
      target,
      ignore,
      layers,
      steps,
      batchSize: batch,
      learningRate,
      starts,
      seed,
      ...(inducing !== undefined && { inducing }),
      ...(width !== undefined && { width }),
    }),
  );
  await writeAtomically(out, encodeModel(model));
  const seconds = (performance.now() - start) / 1000;
  const noise = Math.sqrt(model.process.model.likelihood.parameters.noiseVariance!.value[0]!);
  const noiseSd = noise * model.target.scale[0]!;
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
        noiseSd,
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
        `Bound on the log evidence ${short(report.bound)} nats in standard units; noise sd ${short(noiseSd)}.`,
        ...(starts > 1
          ? [`${starts} starts reached ${bounds.map((b) => short(b)).join(", ")}; the highest is kept.`]
          : []),
        ...report.warnings.map((warning) => `Note: ${warning}.`),
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}
