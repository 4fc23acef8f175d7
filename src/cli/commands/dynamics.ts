import { Command, Option } from "commander";
import { rmse } from "../../adapt/index.ts";
import { readTable, writeAtomically } from "../../data/files.ts";
import {
  type LearnedMode,
  learnedModes,
  type Stage,
  steadyLearningRate,
  trainingDynamics,
} from "../../dynamics/index.ts";
import type { DynamicsRecord } from "../../dynamics/training-dynamics.ts";
import { DataError, FunspaceError } from "../../errors/index.ts";
import { type InfiniteNetwork, infinite } from "../../infinite/index.ts";
import { rowRange } from "../../linalg/index.ts";
import {
  activations,
  dense,
  inRole,
  type Layer,
  type Network,
  network,
  type Parametrisation,
} from "../../networks/index.ts";
import { type Figure, type Line, linePanels } from "../../plot/index.ts";
import { pathKernel } from "../../tangent/index.ts";
import { figureBytes, figurePath } from "../figures.ts";
import { fraction, nameList, oneOf, positiveNumber, unitsList, wholeNumber } from "../options.ts";
import { counted, percent, print, short, textTable, withProgress } from "../report.ts";
import { type StandardExamples, standardExamples } from "../standard-examples.ts";

interface Options {
  target: string;
  ignore: string[];
  hidden: number[];
  activation: string;
  parametrisation: "standard" | "ntk" | "mup" | "meanField";
  steps: number;
  learningRate?: number;
  rows: number;
  testShare: number;
  modes: number;
  explain?: number;
  seed: number;
  figure?: string;
  json?: boolean;
}

export function dynamicsCommand(): Command {
  return new Command("dynamics")
    .description(
      "Training as a flow in function space: a network beside its linearisation and its infinite width, how its tangent kernel moves, and what is learned when.",
    )
    .argument("<table>", "CSV file with a header row (.csv or .csv.gz)")
    .requiredOption("--target <column>", "the column of numbers to predict; all others are inputs")
    .addOption(
      new Option("--ignore <columns>", "columns that are neither target nor input, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .addOption(
      new Option("--hidden <units>", "units of the hidden layers")
        .default([256, 256], "256,256")
        .argParser(unitsList),
    )
    .addOption(
      new Option("--activation <name>", `one of ${Object.keys(activations).join(", ")}`)
        .default("erf")
        .argParser(oneOf(Object.keys(activations))),
    )
    .addOption(
      new Option(
        "--parametrisation <name>",
        "how weights scale with width; ntk has an infinite width to stand beside it",
      )
        .choices(["ntk", "standard", "mup", "meanField"])
        .default("ntk"),
    )
    .option("--steps <n>", "of full-batch gradient descent", wholeNumber(1), 500)
    .option(
      "--learning-rate <rate>",
      "of the mean squared error in standard units (default: half the largest that is stable)",
      positiveNumber,
    )
    .option("--rows <n>", "train on at most so many rows, drawn at random", wholeNumber(2), 200)
    .option("--test-share <share>", "hold out this share of the rows", fraction, 0.25)
    .option("--modes <n>", "eigenfunctions of the kernel to follow", wholeNumber(1), 6)
    .option(
      "--explain <n>",
      "which training rows made the prediction of the n-th held-out row (path kernel)",
      wholeNumber(1),
    )
    .option("--seed <n>", "of weights and rows", wholeNumber(0), 0)
    .option("--figure <file>", "draw losses, errors and the kernel's movement (.svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace dynamics data.csv --target y --hidden 512,512 --figure dynamics.png",
    )
    .action(dynamicsAction);
}

async function dynamicsAction(path: string, options: Options): Promise<void> {
  const start = performance.now();
  const examples = standardExamples(await readTable(path), options);
  const { train, test, target } = examples;
  if (options.explain !== undefined && options.explain > test.x.rows) {
    throw new DataError(
      `${counted(test.x.rows, "row")} are held out, --explain asks for row ${options.explain}`,
    );
  }
  const net = startNetwork(train.x.cols, options);
  const limit = options.parametrisation === "ntk" ? limitOf(net) : undefined;
  const learningRate = options.learningRate ?? steadyLearningRate(net, train.x);
  const { steps } = options;
  const dynamics = await withProgress(
    trainingDynamics(net, train, test.x, { steps, learningRate, ...(limit && { limit }) }),
  );
  const unit = target.scale[0]!;
  const error = (stage: Stage) => unit * rmse(stage.atPoints, test.y);
  const rows = dynamics.records.map((r) => ({
    step: r.step,
    loss: r.actual.loss,
    rmse: error(r.actual),
    linearisedRmse: error(r.linearised),
    ...(r.infinite && { infiniteRmse: error(r.infinite) }),
    kernelMovement: r.kernel.movement,
    kernelTurn: r.kernel.turn,
    alignment: r.kernel.alignment,
    effectiveRank: r.kernel.effectiveRank,
  }));
  const modes = learnedModes(dynamics, options.modes);
  const explained =
    options.explain === undefined ? undefined : await explain(net, examples, options, learningRate);
  if (options.figure !== undefined) {
    const figure = dynamicsFigure(dynamics.records, options.target, error, limit !== undefined);
    await writeAtomically(options.figure, await figureBytes(figure, options.figure));
  }
  const seconds = (performance.now() - start) / 1000;
  print(
    {
      json: {
        command: "dynamics",
        target: options.target,
        rows: train.x.rows,
        heldOut: test.x.rows,
        learningRate,
        steps,
        records: rows,
        modes: modes.map(({ actual, linearised, ...mode }) => ({
          ...mode,
          actual: [...actual],
          linearised: [...linearised],
        })),
        ...(explained && { explained }),
        seconds,
      },
      text: [
        textTable(
          [
            "step",
            "loss",
            `RMSE (${options.target})`,
            "linearised",
            ...(limit ? ["infinite width"] : []),
            "kernel moved",
            "alignment",
            "rank",
          ],
          thinned(rows).map((r) => [
            String(r.step),
            short(r.loss),
            short(r.rmse),
            short(r.linearisedRmse),
            ...(limit ? [short(r.infiniteRmse!)] : []),
            percent(r.kernelMovement),
            r.alignment.toFixed(3),
            r.effectiveRank.toFixed(1),
          ]),
        ),
        `${counted(train.x.rows, "row")} trained on by gradient descent at ${short(learningRate)}, RMSE on ${counted(test.x.rows, "row")} held out; the loss is in standard units. Kernel moved: ‖Θ − Θ₀‖ / ‖Θ₀‖; alignment with the target and effective rank are those of Θ.`,
        textTable(
          [
            "eigenfunction",
            "eigenvalue",
            "share of the target",
            "half learned at step",
            "left at the end",
            "linearised",
          ],
          modes.map(modeRow),
        ),
        ...(explained ? [explained.text] : []),
        `${seconds.toFixed(1)} s.`,
      ].join("\n"),
    },
    options.json,
  );
}

function startNetwork(inputs: number, { hidden, activation, parametrisation: name, seed }: Options): Network {
  const of: Parametrisation = {
    standard: {},
    ntk: { parametrisation: "ntk", weightDeviation: Math.SQRT2, biasDeviation: 0.1 } as const,
    mup: { parametrisation: "mup" } as const,
    meanField: { parametrisation: "meanField" } as const,
  }[name];
  const make = activations[activation]!;
  const layers = hidden.flatMap((units, i): Layer[] => [
    dense(units, inRole(of, i === 0 ? "input" : "hidden")),
    make(),
  ]);
  return network({
    inputShape: [inputs],
    layers: [...layers, dense(1, inRole(of, "output"))],
    seed,
    precision: "f64",
  });
}

/** The infinite-width limit, where the activation has one. */
function limitOf(net: Network): InfiniteNetwork | undefined {
  try {
    return infinite(net, { weightVariance: 2, biasVariance: 0.01 });
  } catch (error) {
    if (error instanceof FunspaceError) return undefined;
    throw error;
  }
}

/** The path kernel's account of one held-out row. */
async function explain(
  net: Network,
  { train, test, target, inputs, rows: numbers }: StandardExamples,
  options: Options,
  learningRate: number,
) {
  const at = options.explain! - 1;
  const point = rowRange(test.x, at, at + 1);
  const { change, contributions } = await withProgress(
    pathKernel(net, train, point, { steps: options.steps, learningRate }),
  );
  const unit = target.scale[0]!;
  const row = numbers.test[at]!;
  const rows = Array.from(contributions.data, (v, i) => ({
    row: numbers.train[i]!,
    contribution: unit * v,
    target: target.mean[0]! + unit * train.y.data[i]!,
    inputs: inputs.names.map(
      (_, c) => inputs.mean[c]! + inputs.scale[c]! * train.x.data[i * train.x.cols + c]!,
    ),
  })).sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const missed = change.data[0]! - contributions.data.reduce((sum, v) => sum + v, 0);
  const moved = unit * change.data[0]!;
  return {
    row,
    moved,
    missed: unit * missed,
    rows,
    text: [
      textTable(
        ["row of the table", "contribution", options.target, ...inputs.names.slice(0, 4)],
        rows
          .slice(0, 8)
          .map((r) => [
            String(r.row),
            short(r.contribution),
            short(r.target),
            ...r.inputs.slice(0, 4).map(short),
          ]),
      ),
      `Training moved the prediction of row ${row}, held out, by ${short(moved)}; the rows' contributions by the path kernel add up to that within ${short(Math.abs(unit * missed))}.`,
    ].join("\n"),
  };
}

function modeRow(mode: LearnedMode, i: number): string[] {
  return [
    String(i + 1),
    short(mode.eigenvalue),
    percent(mode.share),
    mode.learnedAt === undefined ? "not yet" : String(mode.learnedAt),
    percent(Math.abs(mode.actual.at(-1)!)),
    percent(Math.abs(mode.linearised.at(-1)!)),
  ];
}

/** At most about ten of the records, the first and the last among them. */
function thinned<T>(records: readonly T[]): readonly T[] {
  const stride = Math.ceil((records.length - 1) / 9);
  return records.filter((_, i) => (records.length - 1 - i) % stride === 0 || i === 0);
}

function dynamicsFigure(
  records: readonly DynamicsRecord[],
  target: string,
  error: (stage: Stage) => number,
  wide: boolean,
): Figure {
  // Step 0 has no place on a log axis.
  const later = records.filter(({ step }) => step > 0);
  const line = (name: string, hue: Line["hue"], y: (r: DynamicsRecord) => number, dashed = false): Line => ({
    ...{ name, hue, dashed },
    points: later.map((r) => ({ x: r.step, y: y(r) })),
  });
  const three = (of: (stage: Stage) => number): Line[] => [
    line("network", "blue", (r) => of(r.actual)),
    line("its linearisation", "orange", (r) => of(r.linearised), true),
    ...(wide ? [line("infinite width", "green", (r) => of(r.infinite!), true)] : []),
  ];
  return linePanels({
    title: "Training as a flow in function space",
    input: "step",
    panels: [
      { label: "loss (standard units)", lines: three((s) => s.loss) },
      { label: `RMSE, held out (${target})`, lines: three(error) },
      {
        label: "share",
        lines: [
          line("kernel moved", "vermillion", (r) => r.kernel.movement),
          line("alignment with the target", "purple", (r) => r.kernel.alignment),
        ],
      },
    ],
  });
}
