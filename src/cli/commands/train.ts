import { join } from "node:path";
import { Command, Option } from "commander";
import { classScores } from "../../adapt/index.ts";
import { readRows, writeAtomically } from "../../data/files.ts";
import {
  type ClassifierModel,
  classNumbers,
  encodeModel,
  isTable,
  predictClasses,
  predictTargets,
  type RegressionModel,
  type Rows,
  rowCount,
  scorePrediction,
  type TrainClassifierOptions,
  trainArrayModel,
  trainClassifier,
  trainModel,
} from "../../data/index.ts";
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
import { type Figure, trainingCurve } from "../../plot/index.ts";
import { labelSource, outputNames, targetArray } from "../answers.ts";
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
import { counted, percent, print, short, withProgress } from "../report.ts";

interface Options {
  target?: string;
  labels?: string;
  classes?: string[];
  out?: string;
  ignore: string[];
  convolutions?: number[];
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
    .description("Train a network on a table, or on images, and write it to one file.")
    .argument("<rows>", "CSV file with a header row (.csv or .csv.gz); for images .npy, .npz or IDX")
    .option(
      "--target <name>",
      "the column of numbers to predict, or several (a,b); for arrays a file of them",
    )
    .option("--labels <name>", "the column, or file, of classes to tell apart")
    .addOption(
      new Option(
        "--classes <names>",
        "the classes in the order of the outputs (default: those of the labels)",
      ).argParser(nameList),
    )
    .option("--out <file>", "where the model goes (.safetensors)")
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
      new Option(
        "--convolutions <filters>",
        "of images: filters of 3 × 3 convolutions before the hidden layers, such as 16,32",
      ).argParser(unitsList),
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
      "\nExamples:\n  funspace train data.csv --target y --out base.safetensors --hidden 64,64 --epochs 60\n  funspace train images.npy --labels labels.npy --convolutions 16,32 --hidden 64 --activation relu --out digits.safetensors",
    )
    .action(trainAction);
}

async function trainAction(path: string, options: Options): Promise<void> {
  const out = expectUsage(options);
  const { checkpoints } = options;
  const start = performance.now();
  const rows = await readRows(path);
  const kept: { readonly epoch: number; readonly network: Network }[] = [];
  const training = {
    ...{ hidden: options.hidden, epochs: options.epochs, batchSize: options.batch, seed: options.seed },
    ...(options.convolutions && { convolutions: options.convolutions }),
    activation: activations[options.activation]!,
    optimizer: adam({ learningRate: options.learningRate, weightDecay: options.weightDecay }),
    schedule: options.schedule === "cosine" ? cosineSchedule() : constantSchedule(),
    ...(options.validation !== undefined && { validation: options.validation }),
    ...(options.patience !== undefined && { patience: options.patience }),
    onEpoch({ epoch }: { readonly epoch: number }, network: Network) {
      if (options.keep?.includes(epoch)) kept.push({ epoch, network });
      return true;
    },
  };
  const { model, json, lines } =
    options.labels !== undefined
      ? await trainedOnClasses(rows, options.labels, options, training)
      : await trainedOnNumbers(rows, options.target!, options, training);
  const drawn =
    options.figure === undefined ? undefined : await figureBytes(curve(path, model), options.figure);
  await writeAtomically(out, encodeModel(model));
  for (const { epoch, network } of kept) {
    const history = model.history.slice(0, epoch);
    const name = join(checkpoints!, `epoch-${epoch}.safetensors`);
    await writeAtomically(name, encodeModel({ ...model, network, history, keptEpoch: epoch }));
  }
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const parameters = parameterCount(model.network);
  const { history, keptEpoch, network } = model;
  const count = rowCount(rows);
  print(
    {
      json: {
        command: "train",
        out,
        rows: count,
        ...json,
        parameters,
        epochs: history.length,
        keptEpoch,
        ...(kept.length > 0 && { checkpoints: kept.map(({ epoch }) => epoch) }),
        seconds,
      },
      text: [
        `Trained on ${counted(count, isTable(rows) ? "row" : "example")}: ${counted(network.inputs, "input")}, ${counted(parameters, "parameter")}, epoch ${keptEpoch} of ${history.length}, ${seconds.toFixed(1)} s.`,
        ...lines,
        ...(kept.length > 0
          ? [`Kept in ${checkpoints}: ${kept.map(({ epoch }) => `epoch ${epoch}`).join(", ")}.`]
          : []),
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}

/** Where the model goes. Throws UsageError for options that do not go together. */
function expectUsage(options: Options): string {
  const { target, labels, classes, out, patience, validation, keep = [], checkpoints, epochs } = options;
  if ((target === undefined) === (labels === undefined)) {
    throw new UsageError(
      "give --target for numbers to predict, or --labels for classes to tell apart: one of them",
    );
  }
  if (out === undefined) throw new UsageError("--out says where the model goes: give it");
  if (classes && labels === undefined) throw new UsageError("--classes are those of --labels: give that too");
  if (patience !== undefined && validation === undefined) {
    throw new UsageError("--patience needs --validation to watch, such as --validation 0.1");
  }
  if (keep.length > 0 !== (checkpoints !== undefined)) {
    throw new UsageError("--keep says which epochs to write and --checkpoints where: give both");
  }
  const late = keep.find((epoch) => epoch > epochs);
  if (late !== undefined) throw new UsageError(`--keep asks for epoch ${late} of ${epochs}: train longer`);
  return out;
}

type Training = Omit<TrainClassifierOptions, "labels" | "classes" | "ignore">;

interface Trained {
  readonly model: RegressionModel | ClassifierModel;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

async function trainedOnNumbers(
  rows: Rows,
  target: string,
  { ignore }: Options,
  { convolutions, ...training }: Training,
): Promise<Trained> {
  let model: RegressionModel;
  let truths: readonly Float64Array[];
  if (isTable(rows)) {
    if (convolutions) throw new UsageError("--convolutions are over images, and this is a table");
    const names = nameList(target);
    model = await withProgress(trainModel(rows, { ...training, target: names, ignore }));
    truths = names.map((name) => column(rows, name));
  } else {
    const y = await targetArray(rows, target);
    const targets = outputNames(y.cols, "target");
    model = await withProgress(
      trainArrayModel(rows, y, { ...training, ...(convolutions && { convolutions }), targets }),
    );
    truths = targets.map((_, t) => y.data.filter((_v, k) => k % y.cols === t));
  }
  const { names, scale } = model.target;
  const predictions = predictTargets(model, rows);
  const errors = names.map((_, t) => scorePrediction(predictions[t]!, truths[t]!).rmse);
  const held = model.history[model.keptEpoch - 1]?.validationLoss;
  const validationRmse = held === undefined || names.length > 1 ? undefined : Math.sqrt(held) * scale[0]!;
  const label = names.join(", ");
  return {
    model,
    json: {
      inputs: model.kind === "network" ? model.inputs.names : model.inputs.shape,
      target: label,
      trainRmse:
        errors.length === 1 ? errors[0] : Object.fromEntries(names.map((name, t) => [name, errors[t]])),
      ...(validationRmse !== undefined && { validationRmse }),
    },
    lines: [
      `RMSE of ${label} on these rows: ${errors.map(short).join(", ")}${validationRmse === undefined ? "" : `, on the rows held out: ${short(validationRmse)}`}.`,
    ],
  };
}

async function trainedOnClasses(
  rows: Rows,
  labels: string,
  { ignore, classes }: Options,
  training: Training,
): Promise<Trained> {
  if (isTable(rows) && training.convolutions) {
    throw new UsageError("--convolutions are over images, and this is a table");
  }
  const source = await labelSource(rows, labels);
  const model = await withProgress(
    trainClassifier(rows, { ...training, labels: source, ignore, ...(classes && { classes }) }),
  );
  const truth = classNumbers(source, model.classes);
  const { accuracy } = classScores(predictClasses(model, rows), truth);
  const held = model.history[model.keptEpoch - 1]?.validationLoss;
  const shown = model.classes.slice(0, 12).join(", ") + (model.classes.length > 12 ? ", …" : "");
  return {
    model,
    json: {
      inputs: model.inputs.kind === "columns" ? model.inputs.units.names : model.inputs.shape,
      classes: model.classes,
      trainAccuracy: accuracy,
      ...(held !== undefined && { validationNll: held }),
    },
    lines: [
      `Classes ${shown}: ${percent(accuracy)} right on these rows${held === undefined ? "" : `, NLL on the rows held out ${short(held)}`}.`,
    ],
  };
}

/** Loss by epoch. */
function curve(path: string, { kind, history, keptEpoch }: Trained["model"]): Figure {
  const validation = history.every((e) => e.validationLoss !== undefined);
  return trainingCurve({
    title: `Training on ${path}`,
    loss: kind === "classifier" ? "cross-entropy (nats)" : "mean squared error (standardised)",
    train: history.map((e) => e.trainLoss),
    ...(validation && { validation: history.map((e) => e.validationLoss!), chosenEpoch: keptEpoch }),
  });
}
