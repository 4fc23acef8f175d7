import { Command } from "commander";
import { readBytes, readTable, writeAtomically } from "../../data/files.ts";
import { decodeModel, encodeModel, extendGp } from "../../data/index.ts";
import { DataError } from "../../errors/index.ts";
import { counted, print, short } from "../report.ts";

interface Options {
  out: string;
  json?: boolean;
}

export function addCommand(): Command {
  return new Command("add")
    .description("Give a fitted Gaussian process more rows; its parameters stay as they are.")
    .argument("<model>", "a model written by fit or add")
    .argument("<table>", "CSV file with the model's columns, in any order")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace add gp.safetensors new.csv --out gp.safetensors")
    .action(addAction);
}

async function addAction(modelPath: string, tablePath: string, { out, json }: Options): Promise<void> {
  const before = decodeModel(await readBytes(modelPath), modelPath);
  if (before.kind !== "gp") {
    throw new DataError(`${modelPath} is a network: it meets new rows with \`funspace adapt\``);
  }
  const table = await readTable(tablePath);
  const model = extendGp(before, table);
  await writeAtomically(out, encodeModel(model));
  const rows = model.process.solution.x.rows;
  const { logEvidence } = model.process;
  print(
    {
      json: { command: "add", out, added: table.rows, rows, logEvidence },
      text: `Added ${counted(table.rows, "row")}, ${rows} in all; log marginal likelihood ${short(logEvidence)} nats.\nModel: ${out}`,
    },
    json,
  );
}
