import { join } from "node:path";
import { Command } from "commander";
import { type Contender, compare } from "../../adapt/index.ts";
import { writeAtomically } from "../../data/files.ts";
import { armExamples, changedArm, formatTable } from "../../data/index.ts";
import {
  angleNames,
  armKey,
  armPath,
  armPathFigure,
  changedExamples,
  firstRows,
  type TrainedArm,
  tipNames,
  trainArm,
} from "../../gallery/robot-arm.ts";
import { matrix } from "../../linalg/index.ts";
import type { Examples } from "../../networks/index.ts";
import { errorBySamples, type Figure, trainingCurve } from "../../plot/index.ts";
import { toPng } from "../../plot/png.ts";
import { split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { wholeNumber } from "../options.ts";
import { percent, print, textTable, withProgress } from "../report.ts";

const sizes = [20, 100] as const;
const testRows = 2000;

export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "The main job on a simulated robot arm: train on one arm, adapt to a changed one from 20 and 100 samples.",
    )
    .option("--out <folder>", "where tables and figures go", "demo")
    .option("--seed <n>", "of the simulation and the network", wholeNumber(0), 0)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace demo --out demo/")
    .action(demoAction);
}

async function demoAction({ out, seed, json }: { out: string; seed: number; json?: boolean }): Promise<void> {
  const start = performance.now();
  const { changed, test, arm, results } = await withProgress(experiment(seed));
  const figures: Record<string, Figure> = {
    "arm-path": armPathFigure(armPath(arm, firstRows(changed, sizes[0])), sizes[0]),
    "arm-error": errorFigure(results),
    "arm-training": trainingCurve({
      title: "Training on the factory arm",
      loss: "mean squared error (standardised)",
      train: arm.history,
    }),
  };
  const files = {
    "arm.csv": tableOf(arm.factory),
    "arm-changed.csv": tableOf(changed),
    "arm-test.csv": tableOf(test),
  };
  for (const [name, text] of Object.entries(files)) await writeAtomically(join(out, name), text);
  for (const [name, figure] of Object.entries(figures)) {
    await writeAtomically(join(out, `${name}.svg`), figure.svg);
    await writeAtomically(join(out, `${name}.png`), await toPng(figure));
  }
  const seconds = (performance.now() - start) / 1000;
  const written = [...Object.keys(files), ...Object.keys(figures).map((name) => `${name}.svg/.png`)];
  print(
    {
      json: {
        command: "demo",
        out,
        unit: "cm",
        results: results.map(({ samples, contenders }) => ({
          samples,
          rmse: Object.fromEntries(contenders.map((c) => [c.name, c.rmse])),
          coverage95: contenders.at(-1)!.scores.coverage95,
        })),
        files: written,
        seconds,
      },
      text: [
        "A network learned where a robot arm's tip goes from its three joint angles (2,000 camera sightings).",
        "Then the middle link was replaced by a longer one and the arm picked up a load. Test RMSE on the changed arm, in cm:",
        "",
        resultTable(results),
        "",
        `Figures and tables in ${out}: ${written.join(", ")} (${seconds.toFixed(1)} s).`,
        `Look at ${join(out, "arm-path.png")} first.`,
      ].join("\n"),
    },
    json,
  );
}

interface Result {
  readonly samples: number;
  /** Errors in cm. */
  readonly contenders: readonly Contender[];
}

/** Trains on the first arm, and lets every contender meet the second. Positions are in m. */
function* experiment(seed: number): Task<{
  changed: Examples;
  test: Examples;
  arm: TrainedArm;
  results: Result[];
}> {
  const arm = yield* trainArm(seed);
  const { units } = arm;
  const changed = changedExamples(seed, sizes.at(-1)!);
  const test = armExamples(changedArm, split(armKey(seed), "test"), testRows);
  const results: Result[] = [];
  for (const samples of sizes) {
    const contenders = yield* compare(
      arm.network,
      units.standard(firstRows(changed, samples)),
      units.standard(test),
      // A few seconds for the whole: not with the mean that takes six trainings.
      { mean: "network" },
    );
    const centimetres = 100 * units.tip.scale[0]!;
    results.push({ samples, contenders: contenders.map((c) => ({ ...c, rmse: centimetres * c.rmse })) });
  }
  return { changed, test, arm, results };
}

function tableOf({ x, y }: Examples): string {
  const rows = matrix(x.rows, 5);
  for (let i = 0; i < x.rows; i++) {
    rows.data.set(x.data.subarray(3 * i, 3 * i + 3), 5 * i);
    rows.data.set(y.data.subarray(2 * i, 2 * i + 2), 5 * i + 3);
  }
  return formatTable([...angleNames, ...tipNames], rows);
}

function resultTable(results: readonly Result[]): string {
  const names = results[0]!.contenders.map((c) => c.name);
  return textTable(
    ["samples", ...names, "95 % interval covers"],
    results.map(({ samples, contenders }) => [
      String(samples),
      ...contenders.map((c) => c.rmse.toFixed(2)),
      percent(contenders.at(-1)!.scores.coverage95),
    ]),
  );
}

function errorFigure(results: readonly Result[]): Figure {
  const names = results[0]!.contenders.map((c) => c.name);
  return errorBySamples({
    title: "Learning a changed arm from few samples",
    subtitle: `Tip position, ${testRows.toLocaleString("en")} test postures`,
    error: "test RMSE (cm)",
    methods: names.map((name, i) => ({
      name,
      main: name === "adapted",
      points: results.map(({ samples, contenders }) => ({ samples, error: contenders[i]!.rmse })),
    })),
  });
}
