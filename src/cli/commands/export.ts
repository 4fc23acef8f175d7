import { Command } from "commander";
import { leading } from "../../adapt/index.ts";
import { writeAtomically } from "../../data/files.ts";
import { isProcess } from "../../data/index.ts";
import { encodeModelAsOnnx } from "../../data/onnx.ts";
import { DataError } from "../../errors/index.ts";
import { encodeOnnx } from "../../networks/onnx/index.ts";
import { readModel } from "../model-file.ts";
import { print } from "../report.ts";

interface Options {
  out: string;
  json?: boolean;
}

export function exportCommand(): Command {
  return new Command("export")
    .description("Write a network, or the mean of an adapted one, as an ONNX file that other programs run.")
    .argument("<model>", "a model written by train or adapt")
    .requiredOption("--out <file>", "where it goes (.onnx)")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace export adapted.safetensors --out mean.onnx")
    .action(exportAction);
}

async function exportAction(path: string, { out, json }: Options): Promise<void> {
  const model = await readModel(path);
  if (model.kind === "likelihood" || isProcess(model)) {
    throw new DataError(`${path} is a Gaussian process without a network: ONNX files are of networks`);
  }
  await writeAtomically(out, model.kind === "bare" ? encodeOnnx(model.network) : encodeModelAsOnnx(model));
  const adapted = model.kind !== "bare" && model.adapted !== undefined;
  const inputs =
    model.kind === "bare"
      ? "as the network takes them"
      : model.kind === "network"
        ? model.inputs.names.join(", ")
        : model.kind === "classifier" && model.inputs.kind === "columns"
          ? model.inputs.units.names.join(", ")
          : `arrays of ${model.network.inputShape.join(" × ")}${model.inputs.kind === "array" && model.inputs.bytes === "unit" ? ", bytes as 0 to 1" : ""}`;
  const outputs =
    model.kind === "bare"
      ? "the network's outputs"
      : model.kind === "classifier"
        ? `${model.adapted && leading(model.adapted.classifier).method === "regression" ? "scores" : "logits"} of ${model.classes.join(", ")}`
        : model.target.names.join(", ");
  print(
    {
      json: { command: "export", out, adapted, inputs, outputs },
      text: `Wrote ${adapted ? "the adapted mean" : "the network"} to ${out}: x (${inputs}) gives y (${outputs}).`,
    },
    json,
  );
}
