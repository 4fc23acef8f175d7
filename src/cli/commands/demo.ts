import { join } from "node:path";
import { Command } from "commander";
import { adapt, type Contender, compare } from "../../adapt/index.ts";
import { writeAtomically } from "../../data/files.ts";
import {
  armExamples,
  changedArm,
  factoryArm,
  formatTable,
  posture,
  type Standardiser,
  standardise,
  tipPositions,
} from "../../data/index.ts";
import { type Matrix, matrix, rowRange, scale } from "../../linalg/index.ts";
import {
  adam,
  cosineSchedule,
  dense,
  type Examples,
  type Network,
  network,
  tanh,
  train,
} from "../../networks/index.ts";
import { errorBySamples, type Figure, tipPath, trainingCurve } from "../../plot/index.ts";
import { toPng } from "../../plot/png.ts";
import { key, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { wholeNumber } from "../options.ts";
import { percent, print, textTable, withProgress } from "../report.ts";

const angleNames = ["shoulder", "elbow", "wrist"];
const tipNames = ["tip_x", "tip_y"];
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
  const { factory, changed, test, net, units, history, results } = await withProgress(experiment(seed));
  const figures: Record<string, Figure> = {
    "arm-path": pathFigure(net, units, changed),
    "arm-error": errorFigure(results),
    "arm-training": trainingCurve({
      title: "Training on the factory arm",
      loss: "mean squared error (standardised)",
      train: history,
    }),
  };
  const files = {
    "arm.csv": tableOf(factory),
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
          coverage95: contenders.at(-1)!.scores!.coverage95,
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

/** Simulates both arms, trains on the first, and lets every contender meet the second. Positions are in m. */
function* experiment(seed: number): Task<{
  factory: Examples;
  changed: Examples;
  test: Examples;
  net: Network;
  units: Units;
  history: number[];
  results: Result[];
}> {
  const root = split(key(seed), "robot arm");
  const factory = armExamples(factoryArm, split(root, "factory"), 2000);
  const changed = armExamples(changedArm, split(root, "changed"), sizes.at(-1)!);
  const test = armExamples(changedArm, split(root, "test"), testRows);
  const units = unitsOf(factory);
  const layers = [dense(64), tanh(), dense(64), tanh(), dense(2)];
  const trained = yield* train(network({ inputShape: [3], layers, seed }), units.standard(factory), {
    epochs: 100,
    batchSize: 64,
    optimizer: adam({ learningRate: 5e-3 }),
    schedule: cosineSchedule(),
    seed,
  });
  const results: Result[] = [];
  for (const samples of sizes) {
    const contenders = yield* compare(
      trained.network,
      units.standard(first(changed, samples)),
      units.standard(test),
    );
    const centimetres = 100 * units.tip.scale[0]!;
    results.push({ samples, contenders: contenders.map((c) => ({ ...c, rmse: centimetres * c.rmse })) });
  }
  const history = trained.history.map((e) => e.trainLoss);
  return { factory, changed, test, net: trained.network, units, history, results };
}

interface Units {
  readonly angles: Standardiser;
  /** One scale for both coordinates: they share their unit and their noise. */
  readonly tip: Standardiser;
  standard(examples: Examples): Examples;
}

function unitsOf({ x, y }: Examples): Units {
  const angles = standardise.standardiser(angleNames, x);
  const apart = standardise.standardiser(tipNames, y);
  const size = Math.sqrt((apart.scale[0]! ** 2 + apart.scale[1]! ** 2) / 2);
  const tip = { ...apart, scale: [size, size] };
  return {
    angles,
    tip,
    standard: (examples) => ({
      x: standardise.apply(angles, examples.x),
      y: standardise.apply(tip, examples.y),
    }),
  };
}

function first({ x, y }: Examples, rows: number): Examples {
  return { x: rowRange(x, 0, rows), y: rowRange(y, 0, rows) };
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
      percent(contenders.at(-1)!.scores!.coverage95),
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

/** One sweep of the arm that none of the samples showed, as each sees it after the fewest samples. */
function pathFigure(net: Network, units: Units, changed: Examples): Figure {
  const steps = 240;
  const angles = matrix(steps, 3);
  for (let i = 0; i < steps; i++) {
    const t = (2 * Math.PI * i) / (steps - 1);
    angles.data.set([1.5 + 0.75 * Math.sin(t), -0.5 + 0.8 * Math.cos(t), 0.7 + 0.9 * Math.sin(2 * t)], 3 * i);
  }
  const x = standardise.apply(units.angles, angles);
  const samples = sizes[0];
  const f = adapt(net, units.standard(first(changed, samples))).process.at(x);
  const metres = (m: Matrix) => standardise.undo(units.tip, m);
  const corners = [10, 95, 175].map((i) => posture(changedArm, angles.data.subarray(3 * i, 3 * i + 3)));
  return tipPath({
    title: `A changed arm after ${samples} samples`,
    subtitle: "The network was trained on the arm with a shorter link and no load",
    unit: "m",
    truth: tipPositions(changedArm, angles),
    before: metres(net.at(x)),
    mean: metres(f.mean),
    variance: scale(f.variance, units.tip.scale[0]! ** 2),
    postures: corners,
  });
}
