import { Command, InvalidArgumentError } from "commander";
import { UsageError } from "../../../errors/index.ts";
import { type FindingKind, findingKinds } from "../../../processes/index.ts";
import { figurePath } from "../../figures.ts";
import { nameList, wholeNumber } from "../../options.ts";
import { examineEngines } from "./engines.ts";
import { examineFit } from "./fit.ts";

export interface DoctorOptions {
  engine?: boolean;
  apply?: true | FindingKind[];
  out?: string;
  starts?: number;
  seed: number;
  figure?: string;
  json?: boolean;
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description(
      "Explain what ails a fitted Gaussian process, and mend it; or say which engines this machine has.",
    )
    .argument("[model]", "a Gaussian process written by fit or add")
    .argument("[table]", "CSV file of rows to predict: are there data near them?")
    .option(
      "--apply [kinds]",
      "treat what was found, or these kinds of it (separated by commas), and write the model to --out",
      kindList,
    )
    .option("--out <file>", "where the treated model goes (.safetensors)")
    .option(
      "--starts <n>",
      "searches for other optima; 0 for none (default: 4, 0 beyond 1,000 rows)",
      wholeNumber(0),
    )
    .option("--seed <n>", "of the searches", wholeNumber(0), 0)
    .option(
      "--figure <file>",
      "draw the function of one input, or the leave-one-out predictions; before and after with --apply (.svg or .png)",
      figurePath,
    )
    .option("--engine", "examine the engines")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExamples:\n  funspace doctor gp.safetensors\n  funspace doctor gp.safetensors --apply outliers,scale --out fixed.safetensors\n  funspace doctor --engine",
    )
    .action(doctorAction);
}

async function doctorAction(
  model: string | undefined,
  table: string | undefined,
  options: DoctorOptions,
): Promise<void> {
  const { apply, out, engine, json } = options;
  if (model === undefined) {
    if (apply !== undefined || out !== undefined)
      throw new UsageError("--apply and --out need a model to treat");
    examineEngines(json);
    return;
  }
  if (engine) throw new UsageError("--engine examines the machine: give no model with it");
  if ((apply === undefined) !== (out === undefined)) {
    throw new UsageError("--apply and --out go together: what to treat, and where the treated model goes");
  }
  await examineFit(model, table, options);
}

function kindList(text: string): FindingKind[] {
  return nameList(text).map((name) => {
    const kind = findingKinds.find((known) => known === name);
    if (!kind)
      throw new InvalidArgumentError(`there is no finding "${name}"; there are ${findingKinds.join(", ")}.`);
    return kind;
  });
}
