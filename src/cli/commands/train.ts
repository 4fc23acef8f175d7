import { join } from "node:path";
import { Command, Option } from "commander";
import { readTable, writeAtomically } from "../../data/files.ts";
import { encodeModel, predictModel, scorePrediction, trainModel } from "../../data/index.ts";
import { column } from "../../data/table.ts";
import { UsageError } from "../../errors/index.ts";
import {
  activations,
  adam,
  constantSchedule,
  cosineSchedule,
  type Network,
  parameterCount,
} from "../../networks/index.ts";
import { trainingCurve } from "../../plot/index.ts";
import { figureBytes, figurePath } from "../figures.ts";
import {
  fraction,
  nameList,
  nonNegativeNumber,
  oneOf,
  positiveNumber,
  unitsList,
  wholeNumber,
} from "../options.ts";
import { counted, print, short, withProgress } from "../report.ts";

interface Options {
  target: string;
  out: string;
  ignore: string[];
  hidden: number[];
  activation: string;
  epochs: number;
  batch: number;
  learningRate: number;
  weightDecay: number;
  schedule: "constant" | "cosine";
  validation?: number;
  patience?: number;
  seed: number;
  keep?: number[];
  checkpoints?: string;
  figure?: string;
  json?: boolean;
}

export function trainCommand(): Command {
  return new Command("train")
    .description("Train a dense network on a table and write it to one file.")
    .argument("<table>", "CSV file with a header row (.csv or .csv.gz)")
    .requiredOption("--target <column>", "the column to predict; all others are inputs")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .addOption(
      new Option("--ignore <columns>", "columns that are neither target nor input, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .addOption(
      new Option("--hidden <units>", "units of the hidden layers")
        .default([64, 64], "64,64")
        .argParser(unitsList),
    )
    .addOption(
      new Option("--activation <name>", `one of ${Object.keys(activations).join(", ")}`)
        .default("tanh")
        .argParser(oneOf(Object.keys(activations))),
    )
    .option("--epochs <n>", "passes over the table", wholeNumber(1), 60)
    .option("--batch <n>", "rows a step", wholeNumber(1), 128)
    .option("--learning-rate <rate>", "of Adam", positiveNumber, 3e-3)
    .option("--weight-decay <share>", "L2 penalty on the weights", nonNegativeNumber, 1e-4)
    .addOption(
      new Option("--schedule <name>", "of the learning rate")
        .choices(["constant", "cosine"])
        .default("constant"),
    )
    .option("--validation <share>", "hold out this share of the rows and keep the best epoch", fraction)
    .option("--patience <n>", "stop after n epochs without improvement (needs --validation)", wholeNumber(1))
    .option("--seed <n>", "of weights, split and order of rows", wholeNumber(0), 0)
    .addOption(
      new Option("--keep <epochs>", "also write the networks of these epochs, such as 1,5,60").argParser(
        unitsList,
      ),
    )
    .option("--checkpoints <folder>", "where the networks of --keep go, as models")
    .option("--figure <file>", "draw the training curve (.svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace train data.csv --target y --out base.safetensors --hidden 64,64 --epochs 60",
    )
    .action(trainAction);
}

async function trainAction(path: string, options: Options): Promise<void> {
  const { target, out, ignore, hidden, epochs, seed } = options;
  if (options.patience !== undefined && options.validation === undefined) {
    throw new UsageError("--patience needs --validation to watch, such as --validation 0.1");
  }
  const { keep = [], checkpoints } = options;
  if (keep.length > 0 !== (checkpoints !== undefined)) {
    throw new UsageError("--keep says which epochs to write and --checkpoints where: give both");
  }
  const late = keep.find((epoch) => epoch > epochs);
  if (late !== undefined) throw new UsageError(`--keep asks for epoch ${late} of ${epochs}: train longer`);
  const start = performance.now();
  const table = await readTable(path);
  const kept: { readonly epoch: number; readonly network: Network }[] = [];
  const model = await withProgress(
    trainModel(table, {
      target,
      ignore,
      hidden,
      activation: activations[options.activation]!,
      epochs,
      batchSize: options.batch,
      seed,
      optimizer: adam({ learningRate: options.learningRate, weightDecay: options.weightDecay }),
      schedule: options.schedule === "cosine" ? cosineSchedule() : constantSchedule(),
      ...(options.validation !== undefined && { validation: options.validation }),
      ...(options.patience !== undefined && { patience: options.patience }),
      onEpoch({ epoch }, network) {
        if (keep.includes(epoch)) kept.push({ epoch, network });
        return true;
      },
    }),
  );
  const { rmse } = scorePrediction(predictModel(model, table), column(table, target));
  const last = model.history[model.keptEpoch - 1];
  const validationRmse =
    last?.validationLoss === undefined ? undefined : Math.sqrt(last.validationLoss) * model.target.scale[0]!;
  const drawn =
    options.figure === undefined
      ? undefined
      : await figureBytes(
          trainingCurve({
            title: `Training on ${path}`,
            loss: "mean squared error (standardised)",
            train: model.history.map((e) => e.trainLoss),
            ...(validationRmse !== undefined && {
              validation: model.history.map((e) => e.validationLoss!),
              chosenEpoch: model.keptEpoch,
            }),
          }),
          options.figure,
        );
  await writeAtomically(out, encodeModel(model));
  for (const { epoch, network } of kept) {
    const history = model.history.slice(0, epoch);
    const name = join(checkpoints!, `epoch-${epoch}.safetensors`);
    await writeAtomically(name, encodeModel({ ...model, network, history, keptEpoch: epoch }));
  }
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const parameters = parameterCount(model.network);
  print(
    {
      json: {
        command: "train",
        out,
        rows: table.rows,
        inputs: model.inputs.names,
        target,
        parameters,
        epochs: model.history.length,
        keptEpoch: model.keptEpoch,
        ...(kept.length > 0 && { checkpoints: kept.map(({ epoch }) => epoch) }),
        trainRmse: rmse,
        ...(validationRmse !== undefined && { validationRmse }),
        seconds,
      },
      text: [
        `Trained on ${counted(table.rows, "row")}: ${counted(model.inputs.names.length, "input")}, ${counted(parameters, "parameter")}, epoch ${model.keptEpoch} of ${model.history.length}, ${seconds.toFixed(1)} s.`,
        `RMSE of ${target} on these rows: ${short(rmse)}${validationRmse === undefined ? "" : `, on the rows held out: ${short(validationRmse)}`}.`,
        ...(kept.length > 0
          ? [`Kept in ${checkpoints}: ${kept.map(({ epoch }) => `epoch ${epoch}`).join(", ")}.`]
          : []),
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}
