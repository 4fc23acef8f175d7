import { Command, Option } from "commander";
import { readBytes, readTable, writeAtomically } from "../../data/files.ts";
import { decodeModel, formatTable, type GpModel } from "../../data/index.ts";
import { column } from "../../data/table.ts";
import { DataError } from "../../errors/index.ts";
import { matrix } from "../../linalg/index.ts";
import { type Acquisition, type Box, suggest } from "../../processes/index.ts";
import { key, split } from "../../random/index.ts";
import { figureBytes, figurePath, suggestionFigure } from "../figures.ts";
import { positiveNumber, wholeNumber } from "../options.ts";
import { counted, print, short, textTable } from "../report.ts";

interface Options {
  out?: string;
  count: number;
  goal: "minimise" | "maximise";
  acquisition: Acquisition;
  width: number;
  box?: string;
  figure?: string;
  seed: number;
  json?: boolean;
}

export function suggestCommand(): Command {
  return new Command("suggest")
    .description("Say where to evaluate next, to find the smallest (or largest) value of the target.")
    .argument("<model>", "a Gaussian process written by fit or add")
    .option("--count <n>", "points to evaluate together", wholeNumber(1), 1)
    .addOption(
      new Option("--goal <goal>", "what is sought").choices(["minimise", "maximise"]).default("minimise"),
    )
    .addOption(
      new Option("--acquisition <name>", "how points are judged")
        .choices(["expectedImprovement", "confidenceBound", "thompson"])
        .default("expectedImprovement"),
    )
    .option("--width <sds>", "standard deviations of the confidence bound", positiveNumber, 2)
    .option(
      "--box <table>",
      "CSV file whose two or more rows span where points may lie (default: the rows seen)",
    )
    .option("--seed <n>", "of the search and of Thompson's draws", wholeNumber(0), 0)
    .option("--out <file>", "also write the points to a table (.csv)")
    .option(
      "--figure <file>",
      "draw slices of the function through the first point (.svg or .png)",
      figurePath,
    )
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace suggest gp.safetensors --count 3 --goal maximise")
    .action(suggestAction);
}

async function suggestAction(modelPath: string, options: Options): Promise<void> {
  const { count, goal, acquisition, width, seed, out } = options;
  const model = decodeModel(await readBytes(modelPath), modelPath);
  if (model.kind !== "gp") {
    throw new DataError(
      `${modelPath} holds no exact Gaussian process: suggest needs one, made by \`funspace fit --method exact\` under Gaussian noise`,
    );
  }
  const box = await boxOf(model, options.box);
  const draws = split(key(seed), "suggest");
  const { x, prediction } = suggest(model.process, box, { count, goal, acquisition, width, key: draws });
  const { lower, upper } = prediction.interval(0.95);
  const points = Array.from({ length: count }, (_, i) => ({
    ...Object.fromEntries(model.inputs.map((name, c) => [name, x.data[i * x.cols + c]!])),
  }));
  const drawn =
    options.figure === undefined
      ? undefined
      : await figureBytes(suggestionFigure(model, x, box), options.figure);
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  if (out !== undefined) await writeAtomically(out, formatTable(model.inputs, matrix(count, x.cols, x.data)));
  print(
    {
      json: {
        command: "suggest",
        goal,
        acquisition,
        points,
        mean: Array.from(prediction.mean.data),
        lower95: Array.from(lower.data),
        upper95: Array.from(upper.data),
        ...(out !== undefined && { out }),
      },
      text: [
        `To ${goal} ${model.target}, evaluate ${counted(count, "point")}:`,
        textTable(
          ["", ...model.inputs, `${model.target} expected`, "95 % interval"],
          points.map((point, i) => [
            String(i + 1),
            ...Object.values(point).map(short),
            short(prediction.mean.data[i]!),
            `${short(lower.data[i]!)} to ${short(upper.data[i]!)}`,
          ]),
        ),
        ...(out === undefined ? [] : [`Points: ${out}`]),
      ].join("\n"),
    },
    options.json,
  );
}

/** The smallest box around the rows of a table, or around those the model has seen. */
async function boxOf({ inputs, process }: GpModel, path: string | undefined): Promise<Box> {
  const table = path === undefined ? undefined : await readTable(path);
  const { x } = process.solution;
  const ranges = inputs.map((name, c) => {
    const values = table
      ? column(table, name)
      : Float64Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!);
    const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    if (!(high > low)) throw new DataError(`column "${name}" spans no range: give one with --box`);
    return [low, high] as const;
  });
  return { lower: ranges.map(([low]) => low), upper: ranges.map(([, high]) => high) };
}
