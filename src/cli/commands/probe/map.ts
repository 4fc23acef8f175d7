import { Command, Option } from "commander";
import { inputsOf, targetOf } from "../../../data/index.ts";
import { functionScatter } from "../../../plot/index.ts";
import { type DistanceKind, dataMeasure, distanceMatrix, functionMap } from "../../../probes/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, percent, short } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { functionOf, type NamedModel, readAll, spreadRows } from "./inputs.ts";

interface Options extends AnswerOptions {
  distance: Extract<DistanceKind, "l2" | "sup" | "angle">;
  rows: number;
}

export function mapCommand(): Command {
  return new Command("map")
    .description(
      "Models as points in the plane, as far apart as their functions are: checkpoints, seeds, adapted ones. Models of one folder that differ in epochs are joined to a path.",
    )
    .argument("<files...>", "two models or more, then the table")
    .addOption(
      new Option("--distance <kind>", "between functions").choices(["l2", "sup", "angle"]).default("l2"),
    )
    .option("--rows <n>", "compare on at most so many rows, evenly spaced", wholeNumber(1), 2000)
    .addOption(figureOption("the map"))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace probe map checkpoints/*.safetensors adapted.safetensors data.csv --figure map.png",
    )
    .action(mapAction);
}

async function mapAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 2);
  const { names } = models[0]!.model.inputs;
  const x = spreadRows(inputsOf(names, table), options.rows);
  const kind = options.distance;
  const distances = distanceMatrix(
    models.map(({ model }) => functionOf(model, names)),
    dataMeasure(x),
    { kind },
  );
  const { places, stress } = functionMap(distances);
  const at = models.map(({ name, path }, i) => ({
    name,
    path,
    x: places.data[2 * i]!,
    y: places.data[2 * i + 1]!,
    distances: Array.from(distances.data.subarray(i * models.length, (i + 1) * models.length)),
  }));
  const unit = kind === "angle" ? "rad" : targetOf(models[0]!.model);
  await answer(
    {
      json: { command: "probe map", distance: kind, rows: x.rows, stress, models: at },
      head: ["model", "x", "y", ...models.map((_, i) => `to ${i + 1}`)],
      rows: at.map((m, i) => [`${i + 1} ${m.name}`, short(m.x), short(m.y), ...m.distances.map(short)]),
      notes: [
        `${kind} distances (${unit}) over ${counted(x.rows, "row")}; the plane misses them by ${percent(stress)} (stress).`,
      ],
      figure: () =>
        functionScatter({
          title: `A map of function space: ${targetOf(models[0]!.model)}`,
          subtitle: `${counted(models.length, "model")}, over ${counted(x.rows, "row")}; stress ${percent(stress)}`,
          distance: `${kind === "l2" ? "L2 distance" : kind} (${unit})`,
          points: at.map((m, i) => ({ ...m, group: groupOf(models[i]!) })),
          paths: pathsOf(models),
        }),
    },
    options,
  );
}

function groupOf({ path, model }: NamedModel): string {
  if (model.adapted) return "adapted";
  const folder = folderOf(path);
  return folder === "" ? "trained" : folder;
}

function folderOf(path: string): string {
  return path.replace(/[\\/]?[^\\/]*$/, "");
}

/** Networks of one folder, not adapted, in the order of their epochs where these all differ. */
function pathsOf(models: readonly NamedModel[]): number[][] {
  const folders = new Map<string, number[]>();
  models.forEach(({ path, model }, i) => {
    if (!model.adapted) folders.set(folderOf(path), [...(folders.get(folderOf(path)) ?? []), i]);
  });
  const epoch = (i: number) => models[i]!.model.keptEpoch;
  return [...folders.values()]
    .filter((members) => members.length > 1 && new Set(members.map(epoch)).size === members.length)
    .map((members) => members.sort((a, b) => epoch(a) - epoch(b)));
}
