import { Command } from "commander";
import { writeAtomically } from "../../../data/files.ts";
import { formatTable, sampleView } from "../../../data/index.ts";
import { key, split } from "../../../random/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, print } from "../../report.ts";
import { readLatentModel } from "./views.ts";

interface Options {
  view: string;
  out: string;
  count: number;
  seed: number;
  json?: boolean;
}

export function sampleLatentCommand(): Command {
  return new Command("sample")
    .description(
      "Make new rows of a view: latents drawn from their prior, mapped by a function from the posterior.",
    )
    .argument("<model>", "a model written by funspace latent")
    .requiredOption("--view <name>", "of which rows are made")
    .requiredOption("--out <file>", "where they go (.csv)")
    .option("--count <n>", "how many", wholeNumber(1), 10)
    .option("--seed <n>", "of the draws", wholeNumber(0), 0)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace latent sample views.safetensors --view pixels --out new.csv",
    )
    .action(sampleAction);
}

async function sampleAction(path: string, options: Options): Promise<void> {
  const { view, out, count, seed } = options;
  const model = await readLatentModel(path);
  const rows = sampleView(model, view, split(key(seed), "latent sample"), count);
  const { names } = model.units[model.posterior.views.findIndex(({ name }) => name === view)]!;
  await writeAtomically(out, formatTable(names, rows));
  print(
    {
      json: { command: "latent sample", out, view, count, seed },
      text: `Made ${counted(count, "row")} of ${view}: ${out}`,
    },
    options.json,
  );
}
