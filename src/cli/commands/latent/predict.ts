import { Command } from "commander";
import { writeAtomically } from "../../../data/files.ts";
import { formatTable, predictFromViews } from "../../../data/index.ts";
import { matrix } from "../../../linalg/index.ts";
import { counted, print } from "../../report.ts";
import { latentTable } from "./fit.ts";
import { readLatentModel, readViews } from "./views.ts";

interface Options {
  to: string;
  out: string;
  latents?: string;
  json?: boolean;
}

export function predictLatentCommand(): Command {
  return new Command("predict")
    .description("Predict one view of new rows from others of them, or fill the empty cells of its own.")
    .argument("<model>", "a model written by funspace latent")
    .argument("<views...>", "CSV files of new rows, named after their views, or view=file")
    .requiredOption("--to <view>", "the view to predict")
    .requiredOption("--out <file>", "where mean and sd of its columns go (.csv)")
    .option("--latents <file>", "write the rows' latent coordinates too (.csv)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace latent predict views.safetensors angles=new-angles.csv --to pixels --out pixels.csv",
    )
    .action(predictAction);
}

async function predictAction(modelPath: string, places: string[], options: Options): Promise<void> {
  const { to, out } = options;
  const model = await readLatentModel(modelPath);
  const views = await readViews(places);
  const { columns, mean, sd, latents } = predictFromViews(model, views, to);
  const both = matrix(mean.rows, 2 * mean.cols);
  for (let i = 0; i < mean.rows; i++) {
    both.data.set(mean.data.subarray(i * mean.cols, (i + 1) * mean.cols), 2 * i * mean.cols);
    both.data.set(sd.data.subarray(i * mean.cols, (i + 1) * mean.cols), (2 * i + 1) * mean.cols);
  }
  await writeAtomically(out, formatTable([...columns, ...columns.map((name) => `sd ${name}`)], both));
  if (options.latents !== undefined) await writeAtomically(options.latents, latentTable(latents));
  print(
    {
      json: { command: "latent predict", out, from: Object.keys(views), to, rows: mean.rows, columns },
      text: `Predicted ${counted(columns.length, "column")} of ${to} for ${counted(mean.rows, "row")}: ${out}`,
    },
    options.json,
  );
}
