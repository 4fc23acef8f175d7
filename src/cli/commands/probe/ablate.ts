import { Command, Option } from "commander";
import { type Model, modelInputs, targetOf } from "../../../data/index.ts";
import { UsageError } from "../../../errors/index.ts";
import type { Matrix } from "../../../linalg/index.ts";
import { bars } from "../../../plot/index.ts";
import {
  ablate,
  ablateHeads,
  ablateLayers,
  type Change,
  type Replacement,
  whereChanged,
} from "../../../probes/index.ts";
import { key } from "../../../random/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, short } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { firstRows, layerName, readAll } from "./inputs.ts";

type Part = "unit" | "head" | "layer";

interface Options extends AnswerOptions {
  part: Part;
  replacement: Replacement | "identity";
  top: number;
  rows?: number;
  seed: number;
}

export function ablateCommand(): Command {
  return new Command("ablate")
    .description(
      "How the function changes when a part of the network is removed: every hidden unit, head of attention or layer, largest effect first.",
    )
    .argument(
      "<files...>",
      "a model written by train or adapt, then the table where its function is looked at",
    )
    .addOption(
      new Option("--part <kind>", "what is removed").choices(["unit", "head", "layer"]).default("unit"),
    )
    .addOption(
      new Option("--replacement <kind>", "what a removed part's value is put to; identity: a layer's input")
        .choices(["zero", "mean", "resample", "identity"])
        .default("zero"),
    )
    .option("--top <n>", "how many parts to show", wholeNumber(1), 20)
    .option("--rows <n>", "use only the first n rows", wholeNumber(1))
    .option("--seed <n>", "of resample", wholeNumber(0), 0)
    .addOption(figureOption("the effects as bars"))
    .option("--json", "print one JSON object, with all parts")
    .addHelpText("after", "\nExample:\n  funspace probe ablate base.safetensors data.csv --figure units.png")
    .action(ablateAction);
}

async function ablateAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 1);
  const { model, path } = models[0]!;
  const x = modelInputs(model, firstRows(table, options.rows));
  const { part, replacement } = options;
  const target = targetOf(model);
  const found = removals(model, x, options).map(({ effect, changes, ...place }) => {
    const moved = whereChanged(x, changes);
    const most = moved.reduce((best, v, j) => (Math.abs(v) > Math.abs(moved[best]!) ? j : best), 0);
    return {
      ...place,
      effect: effect * model.target.scale[0]!,
      where: { column: model.inputs.names[most]!, deviations: moved[most]! },
    };
  });
  const shown = found.slice(0, options.top);
  await answer(
    {
      json: {
        command: "probe ablate",
        rows: x.rows,
        target,
        replacement,
        [`${part}s`]: found.map(({ at, ...rest }) => ({ ...rest, ...(at !== undefined && { [part]: at }) })),
      },
      head: ["layer", ...(part === "layer" ? [] : [part]), `effect on ${target}`, "mostly where"],
      rows: shown.map(({ layer, at, effect, where }) => [
        layerName(model, layer),
        ...(at === undefined ? [] : [String(at)]),
        short(effect),
        `${where.column} ${where.deviations < 0 ? "low" : "high"} (${short(Number(where.deviations.toFixed(2)))} sd)`,
      ]),
      notes: [
        `${shown.length} of ${counted(found.length, part)}; effect: L2 distance over ${counted(x.rows, "row")} between the function and the one without the ${part}.`,
        ...(model.adapted ? ["Of the network as it was trained, not of its adaptation."] : []),
      ],
      figure: () =>
        bars({
          title: `The function without a ${part}: ${path}`,
          subtitle: `${shown.length} of ${counted(found.length, part)}, over ${counted(x.rows, "row")}; replaced by ${replacement}`,
          names: shown.map(({ layer, at }) =>
            at === undefined ? `layer ${layerName(model, layer)}` : `layer ${layer}, ${part} ${at}`,
          ),
          ...(part !== "layer" && { groups: shown.map(({ layer }) => `layer ${layerName(model, layer)}`) }),
          panels: [{ label: `L2 distance (${target})`, values: shown.map(({ effect }) => effect) }],
        }),
    },
    options,
  );
}

/** A part removed: `at` is the unit's or head's number in its layer. */
interface Removal extends Change {
  readonly layer: number;
  readonly at?: number;
}

function removals({ network }: Model, x: Matrix, { part, replacement, seed }: Options): readonly Removal[] {
  if (part === "layer") return ablateLayers(network, x, { replacement, key: key(seed) });
  if (replacement === "identity") {
    throw new UsageError(
      `--replacement identity is for layers: add --part layer, or choose zero for a ${part}`,
    );
  }
  const options = { replacement, key: key(seed) };
  return part === "head"
    ? ablateHeads(network, x, options).map(({ head, ...rest }) => ({ ...rest, at: head }))
    : ablate(network, x, options).map(({ unit, ...rest }) => ({ ...rest, at: unit }));
}
