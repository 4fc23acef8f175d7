import { Command, Option } from "commander";
import type { Approximation, ClassifierMethod, MeanChoice, Space } from "../../../adapt/index.ts";
import { readRows, writeAtomically } from "../../../data/files.ts";
import { encodeModel } from "../../../data/index.ts";
import { UsageError } from "../../../errors/index.ts";
import type { Scales, TangentLayers } from "../../../tangent/index.ts";
import { type AnswerOptions, taskOf } from "../../answers.ts";
import { withBareOptions } from "../../bare-options.ts";
import { figureBytes, figurePath } from "../../figures.ts";
import { readModel } from "../../model-file.ts";
import { fraction, wholeNumber } from "../../options.ts";
import { print } from "../../report.ts";
import { adaptClasses } from "./classes.ts";
import { adaptNumbers } from "./numbers.ts";
import type { PartOptions } from "./parts.ts";

export interface Options extends AnswerOptions, PartOptions {
  out?: string;
  scales?: Scales;
  mean?: MeanChoice;
  method?: ClassifierMethod | "auto";
  approximation?: Approximation;
  rank?: number;
  layers?: TangentLayers;
  space?: Space;
  fineTuning: boolean;
  noiseSd?: string;
  testTarget?: string;
  testLabels?: string;
  figure?: string;
  json?: boolean;
}

export function adaptCommand(): Command {
  const command = new Command("adapt")
    .description("Adapt a trained network to new rows: a Gaussian process with the network's own kernel.")
    .argument(
      "<model>",
      "a model written by train (or by adapt: then the new rows join the old), or an .onnx file",
    )
    .argument("<rows>", "CSV file with the model's columns, in any order; for images .npy, .npz or IDX")
    .option("--out <file>", "where the adapted model goes (.safetensors)")
    .option("--target <name>", "the column or columns (a,b) of numbers to predict; for arrays a file of them")
    .option("--labels <name>", "the column, or file, of classes (for a classifier)")
    .option(
      "--classes <names>",
      "of an .onnx classifier: the classes in the order of its outputs, or how many",
    )
    .option("--rows <n>", "use only the first n rows", wholeNumber(1))
    .addOption(
      new Option(
        "--scales <kind>",
        "one scale for the kernel, or one a layer, of highest evidence (default: as the posterior expects them, one a layer of up to 500 numbers or of labels)",
      ).choices(["shared", "layer"]),
    )
    .addOption(
      new Option(
        "--mean <kind>",
        "far from the new rows: the network, a constant (for another task), or the network trained on with them by gradient, which takes six such trainings (default: network; of classes, a pool of all)",
      ).choices(["network", "constant", "fine-tuned"]),
    )
    .addOption(
      new Option(
        "--method <kind>",
        "of classes: the softmax's own likelihood, or the labels regressed as numbers (default: auto, a pool of both by what predicts left-out labels)",
      ).choices(["auto", "laplace", "regression"]),
    )
    .addOption(
      new Option(
        "--approximation <kind>",
        "of the posterior, where the exact one is too large (default: chosen by size)",
      ).choices(["full", "last-layer", "diagonal", "kronecker", "low-rank"]),
    )
    .option("--rank <n>", "directions that low-rank keeps (default: 50)", wholeNumber(1))
    .option(
      "--layers <which>",
      "whose weights move: all (the default), last, biases, or places such as 0,3",
      layersOf,
    )
    .addOption(
      new Option(
        "--space <kind>",
        "where the algebra is done; the answer is the same (default: the smaller)",
      ).choices(["function", "weight"]),
    )
    .option(
      "--no-fine-tuning",
      "of classes: no way about the network trained on with the new rows (which takes a minute at most)",
    )
    .option("--noise-sd <sd>", "known noise of the target: a number, or the column that holds each row's")
    .option("--compare", "also meet the rows in other ways, and say how each does on rows held out")
    .option("--test <file>", "rows to compare on")
    .option("--test-target <file>", "their targets, where the rows are arrays")
    .option("--test-labels <file>", "their labels, where those are a file")
    .option(
      "--held-out <share>",
      "of the rows, to compare on (default: those after --rows, else 0.3)",
      fraction,
    )
    .option(
      "--figure <file>",
      "draw the adapted function, the leave-one-out predictions, or the comparison (.svg or .png)",
      figurePath,
    )
    .option("--json", "print one JSON object");
  return withBareOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  funspace adapt base.safetensors new.csv --target y --out adapted.safetensors --rows 500\n  funspace adapt cnn.onnx images.npy --labels labels.npy --rows 100 --compare --out adapted.safetensors",
    )
    .action(adaptAction);
}

function layersOf(text: string): TangentLayers {
  if (text === "all" || text === "last" || text === "biases") return text;
  return text.split(",").map(wholeNumber(0));
}

async function adaptAction(modelPath: string, rowsPath: string, options: Options): Promise<void> {
  const start = performance.now();
  expectUsage(options);
  const model = await readModel(modelPath);
  const rows = await readRows(rowsPath);
  const task = await taskOf(model, rows, options, modelPath);
  const found =
    task.kind === "classifier"
      ? await adaptClasses(task, rows, options)
      : await adaptNumbers(task, rows, options, modelPath);
  const drawn = options.figure === undefined ? undefined : await figureBytes(found.figure(), options.figure);
  const { out } = options;
  if (out !== undefined) await writeAtomically(out, encodeModel(found.model()));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  print(
    {
      json: { command: "adapt", ...(out !== undefined && { out }), ...found.json, seconds },
      text: [found.text(seconds), ...(out === undefined ? [] : [`Model: ${out}`])].join("\n"),
    },
    options.json,
  );
}

function expectUsage({
  out,
  compare,
  test,
  heldOut,
  testLabels,
  testTarget,
  approximation,
  rank,
}: Options): void {
  if (out === undefined && !compare) {
    throw new UsageError(
      "--out says where the adapted model goes: give it, or --compare to see only how adapting would do",
    );
  }
  if (!compare && (test ?? heldOut ?? testLabels ?? testTarget) !== undefined) {
    throw new UsageError("--test and --held-out say what to compare on: give --compare too");
  }
  if (test !== undefined && heldOut !== undefined) {
    throw new UsageError("--test and --held-out both say what to compare on: give one of them");
  }
  if (rank !== undefined && approximation !== "low-rank") {
    throw new UsageError("--rank is for --approximation low-rank");
  }
}
