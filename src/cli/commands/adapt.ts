import { Command, Option } from "commander";
import type { MeanChoice } from "../../adapt/index.ts";
import { readBytes, readTable, writeAtomically } from "../../data/files.ts";
import { adaptModel, decodeModel, encodeModel, type Model, standardise, targetOf } from "../../data/index.ts";
import { column, head } from "../../data/table.ts";
import { DataError } from "../../errors/index.ts";
import { predictionTruth } from "../../plot/index.ts";
import type { Scales } from "../../tangent/index.ts";
import { bandFigure, figureBytes, figurePath } from "../figures.ts";
import { wholeNumber } from "../options.ts";
import { counted, print, short } from "../report.ts";

interface Options {
  target?: string;
  out: string;
  rows?: number;
  scales: Scales;
  mean: MeanChoice;
  figure?: string;
  json?: boolean;
}

export function adaptCommand(): Command {
  return new Command("adapt")
    .description("Adapt a trained network to new rows: a Gaussian process with the network's own kernel.")
    .argument("<model>", "a model written by train (or by adapt: then the new rows join the old)")
    .argument("<table>", "CSV file with the model's columns, in any order")
    .option("--target <column>", "must be the column the model was trained to predict (the default)")
    .requiredOption("--out <file>", "where the adapted model goes (.safetensors)")
    .option("--rows <n>", "use only the first n rows", wholeNumber(1))
    .addOption(
      new Option("--scales <kind>", "one scale for the kernel, or one a layer")
        .choices(["shared", "layer"])
        .default("shared"),
    )
    .addOption(
      new Option("--mean <kind>", "far from the new rows: the network, or (for another task) a constant")
        .choices(["network", "constant"])
        .default("network"),
    )
    .option(
      "--figure <file>",
      "draw the adapted function, or the leave-one-out predictions (.svg or .png)",
      figurePath,
    )
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace adapt base.safetensors new.csv --target y --out adapted.safetensors --rows 500",
    )
    .action(adaptAction);
}

async function adaptAction(modelPath: string, tablePath: string, options: Options): Promise<void> {
  const start = performance.now();
  const base = decodeModel(await readBytes(modelPath), modelPath);
  if (base.kind !== "network") {
    throw new DataError(
      `${modelPath} is a Gaussian process, not a network: give it more rows with \`funspace add\``,
    );
  }
  const target = targetOf(base);
  const table = await readTable(tablePath);
  if (options.target !== undefined && options.target !== target) {
    column(table, options.target);
    throw new DataError(`${modelPath} was trained to predict "${target}", not "${options.target}"`);
  }
  const rows = Math.min(options.rows ?? table.rows, table.rows);
  if (options.rows !== undefined && options.rows > table.rows) {
    throw new DataError(`${tablePath} has ${counted(table.rows, "row")}, --rows asks for ${options.rows}`);
  }
  const model = adaptModel(base, head(table, rows), { scales: options.scales, mean: options.mean });
  const summary = summarise(model);
  const drawn = options.figure === undefined ? undefined : await figureBytes(figure(model), options.figure);
  await writeAtomically(options.out, encodeModel(model));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const scales = Object.entries(summary.scales).map(([name, s]) => `${name} ${short(s)}`);

  print(
    {
      json: { command: "adapt", out: options.out, rows, target, ...summary, seconds },
      text: [
        `Adapted to ${counted(rows, "row")} in ${summary.space} space, ${seconds.toFixed(1)} s.`,
        `Log marginal likelihood of ${target}: ${short(summary.logEvidence)} nats; ${scales.join(", ")}; noise sd ${short(summary.noiseSd)}.`,
        `Leave-one-out RMSE on these rows: ${short(summary.looRmse)}; of the network as it was: ${short(summary.beforeRmse)}.`,
        ...(summary.jitter > 0
          ? [`Jitter added to the diagonal: ${short(summary.jitter)} (in standardised units).`]
          : []),
        `Model: ${options.out}`,
      ].join("\n"),
    },
    options.json,
  );
}

/** What adapting found, in the target's units. */
function summarise({ adapted, target, network }: Model) {
  const { adaptation, x, y } = adapted!;
  const scale = target.scale[0]!;
  const size = (values: Float64Array) =>
    Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length) * scale;
  const before = network.at(x).data.map((v, i) => y.data[i]! - v);
  const { parameters } = adaptation.kernel;
  return {
    space: adaptation.space,
    scales: Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value[0]!])),
    noiseSd: Math.sqrt(adaptation.noiseVariance) * scale,
    // A density in the target's units: each value's is divided by the scale.
    logEvidence: adaptation.logEvidence - y.data.length * Math.log(scale),
    looRmse: size(adaptation.process.leaveOneOut().residual.data),
    beforeRmse: size(before),
    engine: adaptation.process.report.engine,
    jitter: adaptation.process.report.jitter,
  };
}

function figure(model: Model) {
  const band = bandFigure(model);
  if (band) return band;
  const { adaptation, y } = model.adapted!;
  const { mean, variance } = adaptation.process.leaveOneOut();
  const units = (values: Float64Array) => standardise.undo(model.target, { ...y, data: values }).data;
  const end = (sign: number) =>
    units(mean.data.map((m, i) => m + sign * 1.959964 * Math.sqrt(variance.data[i]!)));
  return predictionTruth({
    title: `Leave-one-out predictions of ${targetOf(model)}`,
    target: targetOf(model),
    truth: units(y.data),
    mean: units(mean.data),
    interval: { lower: end(-1), upper: end(1) },
  });
}
