import { Command } from "commander";
import { readRows, readTable, writeAtomically } from "../../data/files.ts";
import {
  type ClassifierModel,
  type ConstrainedGpModel,
  encodeModel,
  extendAdapted,
  extendClassifier,
  extendConstrained,
  extendGp,
  extendLarge,
  extendLikelihood,
  type GpModel,
  isProcess,
  type LargeGpModel,
  type LikelihoodTableModel,
  type RegressionModel,
  type Table,
} from "../../data/index.ts";
import { DataError, UsageError } from "../../errors/index.ts";
import { labelled, targeted } from "../answers.ts";
import { readModel } from "../model-file.ts";
import { counted, print, short } from "../report.ts";

interface Options {
  out: string;
  target?: string;
  labels?: string;
  json?: boolean;
}

export function addCommand(): Command {
  return new Command("add")
    .description(
      "Give a fitted Gaussian process, or an adapted network, more rows; its parameters stay as they are.",
    )
    .argument("<model>", "a model written by fit, adapt or add")
    .argument("<rows>", "CSV file with the model's columns, in any order; for images .npy, .npz or IDX")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .option("--target <file>", "the targets of arrays")
    .option("--labels <name>", "the column, or file, of classes, where it is not the model's own")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace add gp.safetensors new.csv --out gp.safetensors")
    .action(addAction);
}

async function addAction(modelPath: string, rowsPath: string, options: Options): Promise<void> {
  const model = await readModel(modelPath);
  if (model.kind === "deep") {
    throw new DataError(
      `${modelPath} is a deep Gaussian process: fit it again, to all rows, with \`funspace deep\``,
    );
  }
  if (model.kind === "bare" || (model.kind !== "likelihood" && !isProcess(model) && !model.adapted)) {
    throw new DataError(`${modelPath} is a network: it meets new rows with \`funspace adapt\``);
  }
  const { grown, added, rows, logEvidence } =
    model.kind === "large"
      ? await withManyRows(model, rowsPath)
      : model.kind === "gp"
        ? await withRows(model, rowsPath)
        : model.kind === "constrained"
          ? await withSeen(model, extendConstrained, rowsPath)
          : model.kind === "likelihood"
            ? await withSeen(model, extendLikelihood, rowsPath)
            : model.kind === "classifier"
              ? await withLabels(model, rowsPath, options)
              : await withTargets(model, rowsPath, options);
  const { out } = options;
  await writeAtomically(out, encodeModel(grown));
  print(
    {
      json: { command: "add", out, added, rows, logEvidence },
      text: `Added ${counted(added, "row")}, ${rows} in all; log marginal likelihood ${short(logEvidence)} nats.\nModel: ${out}`,
    },
    options.json,
  );
}

async function withSeen<M extends LikelihoodTableModel | ConstrainedGpModel>(
  model: M,
  extend: (model: M, table: Table) => M,
  path: string,
) {
  const table = await readTable(path);
  const grown = extend(model, table);
  const { logEvidence, data } = grown.process;
  return { grown, added: table.rows, rows: data.x.rows, logEvidence };
}

async function withRows(model: GpModel, path: string) {
  const table = await readTable(path);
  const grown = extendGp(model, table);
  const { logEvidence, solution } = grown.process;
  return { grown, added: table.rows, rows: solution.x.rows, logEvidence };
}

async function withManyRows(model: LargeGpModel, path: string) {
  const table = await readTable(path);
  const grown = extendLarge(model, table);
  const { process } = grown;
  if (process.method === "variational") throw new DataError(`${path} was not added`);
  const logEvidence = process.method === "iterative" ? process.evidence().value : process.logEvidence;
  return { grown, added: table.rows, rows: process.data.x.rows, logEvidence };
}

async function withTargets(model: RegressionModel, path: string, { target, labels }: Options) {
  if (labels !== undefined) throw new UsageError("--labels is for classifiers: these are numbers");
  const fresh = await targeted(model, await readRows(path), target);
  const grown = extendAdapted(model, fresh);
  const { adaptation, x, target: own } = { ...grown.adapted!, target: grown.target };
  const scales = own.scale.reduce((sum, s) => sum + Math.log(s), 0);
  // A density in the target's units: each value's is divided by the scale.
  return { grown, added: fresh.x.rows, rows: x.rows, logEvidence: adaptation.logEvidence - x.rows * scales };
}

async function withLabels(model: ClassifierModel, path: string, { target, labels }: Options) {
  const fresh = await labelled(model, await readRows(path), labels ?? target);
  const grown = extendClassifier(model, fresh);
  const { classifier, x } = grown.adapted!;
  return { grown, added: fresh.x.rows, rows: x.rows, logEvidence: classifier.logEvidence };
}
