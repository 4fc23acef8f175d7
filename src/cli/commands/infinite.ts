import { Command, Option } from "commander";
import { type Scores, scores } from "../../adapt/index.ts";
import { readTable, writeAtomically } from "../../data/files.ts";
import { formatTable, standardise } from "../../data/index.ts";
import { infinite } from "../../infinite/index.ts";
import { type Kernel, rbf } from "../../kernels/index.ts";
import { activations, dense, type Layer, network } from "../../networks/index.ts";
import { predictionTruth } from "../../plot/index.ts";
import { type Fit, fit } from "../../processes/index.ts";
import { figureBytes, figurePath } from "../figures.ts";
import { fraction, nameList, oneOf, wholeNumber } from "../options.ts";
import { beside, counted, percent, print, short, textTable, withProgress } from "../report.ts";
import { examplesIn, standardExamples } from "../standard-examples.ts";

const ways = ["nngp", "ntk"] as const;
type Way = (typeof ways)[number];

interface Options {
  target: string;
  ignore: string[];
  depth: number;
  activation: string;
  kernel: Way;
  test?: string;
  testShare: number;
  rows: number;
  starts: number;
  seed: number;
  out?: string;
  figure?: string;
  json?: boolean;
}

export function infiniteCommand(): Command {
  return new Command("infinite")
    .description(
      "Infinitely wide networks as Gaussian processes (NNGP and NTK), their weight variances by marginal likelihood, beside a Gaussian process of an RBF kernel.",
    )
    .argument("<table>", "CSV file with a header row (.csv or .csv.gz)")
    .requiredOption("--target <column>", "the column of numbers to predict; all others are inputs")
    .addOption(
      new Option("--ignore <columns>", "columns that are neither target nor input, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .option("--depth <n>", "hidden layers", wholeNumber(1), 2)
    .addOption(
      new Option("--activation <name>", `one of ${Object.keys(activations).join(", ")}`)
        .default("relu")
        .argParser(oneOf(Object.keys(activations))),
    )
    .addOption(
      new Option("--kernel <name>", "whose predictions --out and --figure show").choices(ways).default("ntk"),
    )
    .option("--test <table>", "rows to predict, with the target (default: rows held out)")
    .option("--test-share <share>", "hold out this share of the rows", fraction, 0.25)
    .option("--rows <n>", "train on at most so many rows, drawn at random", wholeNumber(2), 1000)
    .option("--starts <n>", "searches of the marginal likelihood", wholeNumber(1), 1)
    .option("--seed <n>", "of rows and searches", wholeNumber(0), 0)
    .option("--out <file>", "write mean, sd and 95 % interval of each test row (.csv)")
    .option("--figure <file>", "draw predictions against the truth (.svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace infinite data.csv --target y --depth 3 --activation relu --out predictions.csv",
    )
    .action(infiniteAction);
}

interface Contender extends Scores {
  readonly name: string;
  readonly logEvidence: number;
  readonly seconds: number;
  readonly noiseSd: number;
  /** Of each layer, from the first. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

async function infiniteAction(path: string, options: Options): Promise<void> {
  const { test: other, target: name } = options;
  const drawn = standardExamples(await readTable(path), options);
  const test = other === undefined ? drawn.test : examplesIn(drawn, await readTable(other));
  const { train, target, inputs } = drawn;
  const unit = target.scale[0]!;
  const net = network({
    inputShape: [train.x.cols],
    layers: [
      ...Array.from({ length: options.depth }, (): Layer[] => [
        dense(1),
        activations[options.activation]!(),
      ]).flat(),
      dense(1),
    ],
  });
  const limit = infinite(net);
  const kernels: Readonly<Record<string, Kernel>> = {
    nngp: limit.nngp,
    ntk: limit.ntk,
    "rbf(ard)": rbf({ ard: train.x.cols }),
  };
  const fits = new Map<string, Fit>();
  const contenders: Contender[] = [];
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const start = performance.now();
    const { starts, seed } = options;
    const found = await withProgress(fit(kernel, train, { starts, seed }));
    fits.set(kernelName, found);
    const judged = scores(found.process.observed(test.x), test.y);
    contenders.push({
      name: kernelName,
      logEvidence: found.logEvidence - train.y.rows * Math.log(unit),
      rmse: unit * judged.rmse,
      nlpd: judged.nlpd + Math.log(unit),
      coverage95: judged.coverage95,
      noiseSd: unit * Math.sqrt(found.noiseVariance),
      parameters: Object.fromEntries(
        Object.entries(found.kernel.parameters).map(([key, { value }]) => [key, Array.from(value)]),
      ),
      seconds: (performance.now() - start) / 1000,
    });
  }
  const predicted = fits.get(options.kernel)!.process.observed(test.x);
  const { lower, upper } = predicted.interval(0.95);
  const units = (m: typeof lower) => standardise.undo(target, m).data;
  const spread = { lower: units(lower), upper: units(upper) };
  const mean = units(predicted.mean);
  if (options.out !== undefined) {
    const sd = predicted.standardDeviation.data.map((v) => unit * v);
    const table = beside([mean, sd, spread.lower, spread.upper]);
    await writeAtomically(
      options.out,
      formatTable([`${name}_mean`, `${name}_sd`, `${name}_lower95`, `${name}_upper95`], table),
    );
  }
  if (options.figure !== undefined) {
    const figure = predictionTruth({ target: name, truth: units(test.y), mean, interval: spread });
    await writeAtomically(options.figure, await figureBytes(figure, options.figure));
  }
  print(
    {
      json: {
        command: "infinite",
        target: name,
        inputs: inputs.names,
        rows: train.x.rows,
        testRows: test.x.rows,
        depth: options.depth,
        activation: options.activation,
        contenders,
        ...(options.out !== undefined && { out: options.out, kernel: options.kernel }),
      },
      text: [
        textTable(
          ["process", "log evidence", `RMSE (${name})`, "NLPD", "95 % covers", "noise sd", "seconds"],
          contenders.map((c) => [
            c.name,
            c.logEvidence.toFixed(1),
            short(c.rmse),
            c.nlpd.toFixed(3),
            percent(c.coverage95),
            short(c.noiseSd),
            c.seconds.toFixed(1),
          ]),
        ),
        `${counted(options.depth, "hidden layer")} of ${options.activation}, infinitely wide; ${counted(train.x.rows, "row")} trained on, ${counted(test.x.rows, "row")} predicted.`,
        ...ways.map((way) => `${way}: ${varianceWords(contenders.find((c) => c.name === way)!)}`),
        ...(options.out === undefined ? [] : [`Predictions of the ${options.kernel}: ${options.out}`]),
      ].join("\n"),
    },
    options.json,
  );
}

/** "weight variances 1.9, 2.2, 0.8; bias variances 0.01, …": layer by layer. */
function varianceWords({ parameters }: Contender): string {
  const of = (kind: string) =>
    Object.entries(parameters)
      .filter(([key]) => key.startsWith(`${kind}.`))
      .map(([, [value]]) => short(value!))
      .join(", ");
  return `weight variances ${of("weight")}; bias variances ${of("bias")}`;
}
