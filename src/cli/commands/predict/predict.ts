import { Command, Option } from "commander";
import { readRows, writeAtomically } from "../../../data/files.ts";
import {
  inputsFor,
  isProcess,
  isTable,
  plainUnits,
  type RegressionModel,
  type Rows,
  rowCount,
} from "../../../data/index.ts";
import { DataError, UsageError } from "../../../errors/index.ts";
import { type AnswerOptions, outputNames, taskOf } from "../../answers.ts";
import { bareInputs, withBareOptions } from "../../bare-options.ts";
import { figureBytes, figurePath } from "../../figures.ts";
import { type BareNetwork, readModel } from "../../model-file.ts";
import { wholeNumber } from "../../options.ts";
import { counted, print } from "../../report.ts";
import { predictedClasses } from "./classes.ts";
import { predictedByLikelihood } from "./likelihood.ts";
import { predictedNumbers } from "./numbers.ts";
import type { Predicted } from "./predicted.ts";

export interface Options extends AnswerOptions {
  out: string;
  predictive?: "probit" | "monte-carlo";
  draws?: number;
  figure?: string;
  json?: boolean;
}

export function predictCommand(): Command {
  const command = new Command("predict")
    .description(
      "Predict each row: mean, sd and 95 % interval (mean only from a network not adapted), or class probabilities.",
    )
    .argument("<model>", "a model written by train, adapt, fit or deep, or an .onnx file")
    .argument("<rows>", "CSV file with the model's input columns, in any order; for images .npy, .npz or IDX")
    .requiredOption("--out <file>", "where the predictions go (.csv)")
    .option("--target <name>", "score the predictions against this column (or, for arrays, this file)")
    .option("--labels <name>", "score class probabilities against this column or file")
    .option(
      "--classes <names>",
      "of an .onnx classifier: the classes in the order of its outputs, or how many",
    )
    .addOption(
      new Option(
        "--predictive <kind>",
        "how an adapted classifier's uncertain logits become probabilities (default: probit)",
      ).choices(["probit", "monte-carlo"]),
    )
    .option("--draws <n>", "of monte-carlo (default: 1000)", wholeNumber(1))
    .option(
      "--figure <file>",
      "draw predictions against the target, how reliable class probabilities are, or the function of one input (.svg or .png)",
      figurePath,
    )
    .option("--json", "print one JSON object");
  return withBareOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  funspace predict adapted.safetensors more.csv --out predictions.csv --target y\n  funspace predict adapted.safetensors images.npy --out predictions.csv --labels labels.npy",
    )
    .action(predictAction);
}

async function predictAction(modelPath: string, rowsPath: string, options: Options): Promise<void> {
  const start = performance.now();
  const model = await readModel(modelPath);
  const rows = await readRows(rowsPath);
  const { kind } = model;
  const named = options.target ?? options.labels ?? options.classes;
  const task =
    model.kind === "likelihood" || isProcess(model)
      ? model
      : kind === "bare" && named === undefined
        ? plainOutputs(model, rows, options)
        : await taskOf(model, rows, options, modelPath);
  if (task.kind === "likelihood" || isProcess(task)) bareInputs(options, false);
  if (options.draws !== undefined && options.predictive !== "monte-carlo") {
    throw new UsageError("--draws is for --predictive monte-carlo");
  }
  let found: Predicted;
  if (task.kind === "classifier") found = await predictedClasses(task, rows, options);
  else {
    if (options.predictive !== undefined) throw new UsageError("--predictive is for adapted classifiers");
    if (task.kind !== "likelihood" && options.labels !== undefined) {
      throw new DataError(`${modelPath} predicts numbers: score them against --target, not --labels`);
    }
    found =
      task.kind === "likelihood"
        ? predictedByLikelihood(task, rows, options, modelPath)
        : await predictedNumbers(task, rows, options, modelPath, kind === "bare" && named === undefined);
  }
  const drawn = options.figure === undefined ? undefined : await figureBytes(found.figure(), options.figure);
  await writeAtomically(options.out, found.csv);
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const count = rowCount(rows);
  const what = counted(count, isTable(rows) ? "row" : "example");
  print(
    {
      json: { command: "predict", out: options.out, rows: count, ...found.scores, seconds },
      text: [`Predicted ${what} in ${seconds.toFixed(1)} s: ${options.out}`, ...found.lines].join("\n"),
    },
    options.json,
  );
}

/** A network that came alone, as the numbers that it gives. */
function plainOutputs({ network }: BareNetwork, rows: Rows, options: Options): RegressionModel {
  const target = plainUnits(outputNames(network.outputs, "output"));
  const inputs = inputsFor(network, rows, [], bareInputs(options, true));
  const rest = { network, target, history: [], keptEpoch: 0 };
  return inputs.kind === "array"
    ? { kind: "array", inputs, ...rest }
    : { kind: "network", inputs: inputs.units, ...rest };
}
