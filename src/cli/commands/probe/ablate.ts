import { Command, Option } from "commander";
import { modelInputs, targetOf } from "../../../data/index.ts";
import { bars } from "../../../plot/index.ts";
import { ablate, type Replacement, whereChanged } from "../../../probes/index.ts";
import { key } from "../../../random/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted, short } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { firstRows, layerName, readAll } from "./inputs.ts";

interface Options extends AnswerOptions {
  replacement: Replacement;
  top: number;
  rows?: number;
  seed: number;
}

export function ablateCommand(): Command {
  return new Command("ablate")
    .description("How the function changes when a unit is removed: every hidden unit, largest effect first.")
    .argument(
      "<files...>",
      "a model written by train or adapt, then the table where its function is looked at",
    )
    .addOption(
      new Option("--replacement <kind>", "what a removed unit's value is put to")
        .choices(["zero", "mean", "resample"])
        .default("zero"),
    )
    .option("--top <n>", "how many units to show", wholeNumber(1), 20)
    .option("--rows <n>", "use only the first n rows", wholeNumber(1))
    .option("--seed <n>", "of resample", wholeNumber(0), 0)
    .addOption(figureOption("the effects as bars"))
    .option("--json", "print one JSON object, with all units")
    .addHelpText("after", "\nExample:\n  funspace probe ablate base.safetensors data.csv --figure units.png")
    .action(ablateAction);
}

async function ablateAction(files: string[], options: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 1);
  const { model, path } = models[0]!;
  const x = modelInputs(model, firstRows(table, options.rows));
  const { replacement } = options;
  const target = targetOf(model);
  const units = ablate(model.network, x, { replacement, key: key(options.seed) }).map(
    ({ layer, unit, effect, changes }) => {
      const moved = whereChanged(x, changes);
      const most = moved.reduce((best, v, j) => (Math.abs(v) > Math.abs(moved[best]!) ? j : best), 0);
      return {
        layer,
        unit,
        effect: effect * model.target.scale[0]!,
        where: { column: model.inputs.names[most]!, deviations: moved[most]! },
      };
    },
  );
  const shown = units.slice(0, options.top);
  await answer(
    {
      json: { command: "probe ablate", rows: x.rows, target, replacement, units },
      head: ["layer", "unit", `effect on ${target}`, "mostly where"],
      rows: shown.map(({ layer, unit, effect, where }) => [
        layerName(model, layer),
        String(unit),
        short(effect),
        `${where.column} ${where.deviations < 0 ? "low" : "high"} (${short(Number(where.deviations.toFixed(2)))} sd)`,
      ]),
      notes: [
        `${shown.length} of ${counted(units.length, "unit")}; effect: L2 distance over ${counted(x.rows, "row")} between the function and the one without the unit.`,
        ...(model.adapted ? ["Of the network as it was trained, not of its adaptation."] : []),
      ],
      figure: () =>
        bars({
          title: `The function without a unit: ${path}`,
          subtitle: `${shown.length} of ${counted(units.length, "unit")}, over ${counted(x.rows, "row")}; replaced by ${replacement}`,
          names: shown.map(({ layer, unit }) => `layer ${layer}, unit ${unit}`),
          groups: shown.map(({ layer }) => `layer ${layerName(model, layer)}`),
          panels: [{ label: `L2 distance (${target})`, values: shown.map(({ effect }) => effect) }],
        }),
    },
    options,
  );
}
