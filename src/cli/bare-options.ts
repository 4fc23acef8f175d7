import { type Command, InvalidArgumentError, Option } from "commander";
import type { BareInputs } from "../data/index.ts";
import { UsageError } from "../errors/index.ts";
import { nameList } from "./options.ts";

/** What is said on the command line about a network whose file does not say it (.onnx). */
export interface BareOptions {
  inputs?: string[];
  ignore?: string[];
  bytes?: "unit" | "raw";
  inputMean?: number[];
  inputSd?: number[];
}

/** Adds those options to a command. */
export function withBareOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--inputs <columns>",
        "of an .onnx network: the table's columns in the order it takes them (default: all but the answers)",
      ).argParser(nameList),
    )
    .addOption(
      new Option("--ignore <columns>", "of an .onnx network: columns that are not inputs").argParser(
        nameList,
      ),
    )
    .addOption(
      new Option(
        "--bytes <as>",
        "images of bytes, 0 to 255, become 0 to 1 (unit, the default) or stay (raw)",
      ).choices(["unit", "raw"]),
    )
    .option(
      "--input-mean <numbers>",
      "subtracted from array inputs: one number, or one a channel",
      numberList,
    )
    .option("--input-sd <numbers>", "array inputs are then divided by this", numberList);
}

/** Throws UsageError where a model that knows its inputs is told about them. */
export function bareInputs(options: BareOptions, bare: boolean): BareInputs {
  const { inputs, ignore, bytes, inputMean, inputSd } = options;
  if (!bare) {
    const given = Object.entries({
      "--inputs": inputs,
      "--ignore": ignore,
      "--bytes": bytes,
      "--input-mean": inputMean,
      "--input-sd": inputSd,
    }).find(([, value]) => value !== undefined);
    if (given) throw new UsageError(`${given[0]} is for .onnx files: this model knows its inputs`);
  }
  if (inputSd?.some((sd) => sd <= 0)) throw new UsageError("--input-sd should be above 0");
  return {
    ...(inputs && { columns: inputs }),
    ...(ignore && { ignore }),
    arrays: {
      ...(bytes && { bytes }),
      ...(inputMean && { mean: inputMean }),
      ...(inputSd && { scale: inputSd }),
    },
  };
}

function numberList(text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (part.trim() === "" || !Number.isFinite(value)) {
      throw new InvalidArgumentError("expected numbers separated by commas.");
    }
    return value;
  });
}
